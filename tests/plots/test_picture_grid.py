"""Finished pictures side by side, without resampling."""

from io import BytesIO

import numpy as np
from PIL import Image

from unet_mtl.plots.overlay import new_figure, save_figure
from unet_mtl.plots.picture_grid import draw_grid, render_png


def decode(picture):
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB"))


def encode(pixels):
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def test_a_rendered_figure_is_the_file(tmp_path):
    def draw():
        figure = new_figure(2, 2)
        figure.subplots().plot([1, 2])
        return figure

    save_figure(draw(), tmp_path / "a.png")
    assert render_png(draw()) == (tmp_path / "a.png").read_bytes()


def test_pictures_keep_their_pixels_and_places():
    rng = np.random.default_rng(0)
    sizes = [(40, 30), (40, 20), (36, 30), (40, 30), (25, 30)]
    pixels = [rng.integers(0, 256, (*size, 3)).astype(np.uint8) for size in sizes]
    figure = draw_grid([encode(picture) for picture in pixels], columns=3, title="by dice, n=5")
    (axes,) = figure.axes
    assert axes.get_title() == "by dice, n=5"
    canvas = axes.images[0].get_array()
    assert canvas.shape == (80, 90, 3)
    np.testing.assert_array_equal(canvas[:40, :30], pixels[0])
    np.testing.assert_array_equal(canvas[:40, 35:55], pixels[1])
    np.testing.assert_array_equal(canvas[4:40, 60:], pixels[2])
    np.testing.assert_array_equal(canvas[55:, 30:60], pixels[4])
    assert (canvas[40:, 60:] == 255).all()
    assert (canvas[:4, 60:] == 255).all()
    # The file has them pixel by pixel, below the title.
    written = decode(render_png(figure))
    rows = range(written.shape[0] - 80 + 1)
    columns = range(written.shape[1] - 90 + 1)
    assert any((written[r : r + 80, c : c + 90] == canvas).all() for r in rows for c in columns)
