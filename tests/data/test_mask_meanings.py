"""Masks in colour, masks of objects, smoothed masks and their repair, and the kinds of errors in masks."""

import io

import numpy as np
import pytest
import tifffile
import yaml
from PIL import Image

from unet_mtl.data.description import MaskDescription, make_description
from unet_mtl.data.images import image_size, read_image
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import read_dataset
from unet_mtl.errors import DataError

BLACK, RED, DARK_RED, GREEN, GREY = (0, 0, 0), (255, 0, 0), (240, 0, 0), (0, 255, 0), (128, 128, 128)
LESION = ["background", "lesion"]
THREE = ["background", "wall", "lumen"]


@pytest.fixture
def read(tmp_path):
    """Write pixels as a mask, and read it with a description made of the keywords."""

    def read_as(pixels, **described):
        pixels = np.asarray(pixels)
        path = tmp_path / "masks" / "a.png"
        path.parent.mkdir(exist_ok=True)
        if isinstance(pixels.flat[0], np.integer | np.bool_):
            Image.fromarray(pixels).save(path)
        height, width = image_size(path)
        Image.fromarray(np.zeros((height, width), np.uint8)).save(tmp_path / "a.png")
        mask = {"path": "masks/{case}.png", "classes": LESION} | described
        content = {"images": "{case}.png", "masks": {"m": mask}}
        (record,) = read_dataset(make_description(content, base=tmp_path, where="here"))
        description = make_description(content, base=tmp_path, where="here").masks["m"]
        return read_case_mask(record, "m", description)

    return read_as


def error_of(call, *arguments, **options) -> DataError:
    with pytest.raises(DataError) as caught:
        call(*arguments, **options)
    return caught.value


def rgb(*colours):
    return np.array([colours], np.uint8)


def blurred(values):
    return np.array(values, np.uint8)


# Colours


def test_colours_are_classes_however_many_a_class_has(read):
    pixels = rgb(BLACK, RED, DARK_RED, GREEN)
    colours = {"background": "#000000", "wall": ["#ff0000", "#F00000"], "lumen": [0, 255, 0]}
    mask = read(pixels, classes=THREE, colours=colours)
    assert mask.tolist() == [[0, 1, 1, 2]]
    assert mask.dtype == np.uint8


def test_the_background_is_black_unless_another_colour_is(read):
    assert read(rgb(BLACK, RED), colours={"lesion": "#ff0000"}).tolist() == [[0, 1]]
    assert read(rgb(GREY, RED), colours={"background": "#808080", "lesion": "#ff0000"}).tolist() == [[0, 1]]
    error = error_of(read, rgb(BLACK, RED), colours={"background": "#808080", "lesion": "#ff0000"})
    assert "colour #000000 (1 pixel) is not among" in str(error)


def test_ignore_is_not_labelled_unless_a_class_is_called_so(read):
    colours = {"lesion": "#ff0000", "ignore": "#808080"}
    assert read(rgb(BLACK, RED, GREY), colours=colours).tolist() == [[0, 1, 255]]
    classes = ["background", "ignore", "lesion"]
    assert read(rgb(BLACK, RED, GREY), classes=classes, colours=colours).tolist() == [[0, 2, 1]]


def test_a_palette_is_read_by_its_colours_and_grey_by_equal_channels(read, tmp_path):
    image = Image.fromarray(np.array([[5, 0, 7, 7]], np.uint8))
    palette = np.zeros((256, 3), np.uint8)
    palette[5], palette[0], palette[7] = RED, GREEN, BLACK
    image.putpalette(palette.ravel().tolist())
    (tmp_path / "masks").mkdir()
    image.save(tmp_path / "masks" / "a.png")
    colours = {"wall": "#ff0000", "lumen": "#00ff00"}
    assert read([["as saved"]], classes=THREE, colours=colours).tolist() == [[1, 2, 0, 0]]
    assert read(blurred([[0, 255]]), colours={"lesion": "#ffffff"}).tolist() == [[0, 1]]
    assert read([[False, True]], colours={"lesion": "#ffffff"}).tolist() == [[0, 1]]


def test_other_colours_are_named_with_their_pixels_the_most_first(read, tmp_path):
    others = (
        [(0, 0, 255)] * 3 + [(9, 255, 9)] * 2 + [(255, 255, 0), (0, 255, 255), (255, 255, 255), (1, 200, 1)]
    )
    error = error_of(read, rgb(BLACK, RED, *others), colours={"lesion": "#ff0000"})
    assert error.kind == "mask-colours"
    assert error.problems == [str(error)]
    assert str(error) == (
        f"{tmp_path}/masks/a.png: colour #0000ff (3 pixels), #09ff09 (2 pixels), #00ffff (1 pixel), "
        "#01c801 (1 pixel), #ffff00 (1 pixel) ... is not among those of 'm' (#000000 background, #ff0000 lesion); "
        "describe it under `masks.m.colours` in dataset.yaml"
    )


def test_sixteen_bits_have_no_colours(read):
    error = error_of(read, np.array([[0, 65535]], np.uint16), colours={"lesion": "#ffffff"})
    assert error.kind == "mask-colours"
    assert "a.png: 1 channels of type uint16; expected 8-bit colours" in str(error)


def test_colours_without_a_description_name_the_setting(read):
    error = error_of(read, rgb(BLACK, RED))
    assert error.kind == "mask-colours"
    assert 'or describe the colours: `masks.m.colours: {lesion: "#ff0000"}`' in str(error)


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({"colours": {"lesion": "red"}}, r"m\.colours\.lesion: expected a colour such as .*received 'red'"),
        ({"colours": {"lesion": None}}, "in quotes, since # starts a comment in YAML"),
        ({"colours": {"lesion": [255, 0]}}, r"received \[255, 0\]|received 255"),
        ({"colours": {"lesion": [256, 0, 0]}}, r"expected a colour"),
        ({"colours": {"lesion": []}}, "at least one colour"),
        ({"colours": {"lesion": "#ff0000", "cyst": "#00ff00"}}, "colours name 'cyst'"),
        ({"colours": {"background": "#ff0000"}}, "colours lack class 'lesion'"),
        ({"colours": {"background": "#FF0000", "lesion": [[255, 0, 0]]}}, "#ff0000 is given twice"),
        ({"colours": {"lesion": "#ff0000"}, "values": {0: 0}}, "`values` and `colours` contradict"),
        ({"colours": {"lesion": "#ff0000"}, "instances": True}, "`colours` and `instances` contradict"),
        ({"values": {0: 0}, "instances": True}, "`values` and `instances` contradict"),
        ({"instances": True, "classes": THREE}, "there are 3 classes; expected two"),
        ({"instances": True, "repair": "nearest"}, "with `instances`, where every number is an object"),
        ({"repair": "furthest"}, r"m\.repair: Input should be 'nearest'"),
    ],
)
def test_descriptions_that_contradict_themselves(read, described, message):
    with pytest.raises(DataError, match=message):
        read(rgb(BLACK), **described)


def test_one_file_a_class_has_no_colours():
    with pytest.raises(ValueError, match="`colours` applies to `path`"):
        MaskDescription(files={"lesion": "{case}.png"}, classes=LESION, colours={"lesion": "#ff0000"})
    with pytest.raises(ValueError, match="`instances` applies to `path`"):
        MaskDescription(files={"lesion": "{case}.png"}, classes=LESION, instances=True)


def test_a_description_with_colours_survives_json():
    described = MaskDescription(
        path="{case}.png", classes=LESION, colours={"lesion": [[255, 0, 0], "#F00000"]}
    )
    assert described.colours == {"lesion": ("#ff0000", "#f00000")}
    assert MaskDescription.model_validate(yaml.safe_load(yaml.safe_dump(described.to_config()))) == described


# Objects


def test_every_number_of_an_object_is_class_1(read):
    ids = np.array([[0, 1, 2, 255], [256, 65535, 0, 7]], np.uint16)
    assert read(ids, instances=True).tolist() == [[0, 1, 1, 1], [1, 1, 0, 1]]
    assert error_of(read, ids).kind == "mask-values"


# Soft edges

EDGE = np.array([[0, 0, 60, 140, 255, 255]] * 4, np.uint8)
ZERO_255 = {0: 0, 255: 1}


def test_soft_edges_are_recognised_and_repaired_only_on_request(read, tmp_path):
    soft = EDGE.copy()
    soft[0, 2] = 100
    error = error_of(read, soft, values=ZERO_255)
    assert error.kind == "mask-antialiased"
    assert str(error) == (
        f"{tmp_path}/masks/a.png: the mask is anti-aliased, or was saved as JPEG: 3 values lie between those of 'm' "
        "(0 background, 255 lesion): 60, 100, 140; save it as PNG without smoothing, or use the nearest one with "
        "`masks.m.repair: nearest`"
    )
    assert read(soft, values=ZERO_255, repair="nearest").tolist() == [[0, 0, 0, 1, 1, 1]] * 4


def test_a_stray_value_is_no_soft_edge(read):
    error = error_of(read, blurred([[0, 255, 128]]), values=ZERO_255)
    assert error.kind == "mask-values"
    assert "mask value 128 is outside" in str(error)
    assert error_of(read, blurred([[0, 1, 2, 3, 4]])).kind == "mask-values"
    objects = np.arange(100, dtype=np.uint8)
    objects[-20:] = 99  # the last one is the largest
    assert error_of(read, objects.reshape(4, 25)).kind == "mask-values"


def test_soft_edges_of_a_mask_without_described_values(read):
    soft = np.repeat(np.array([[0] * 5 + [40, 90, 200] + [255] * 5], np.uint8), 3, 0)
    error = error_of(read, soft)
    assert error.kind == "mask-antialiased"
    assert "it has 0, 255 and 3 values between them" in str(error)
    assert "`masks.m.values: {0: 0, 255: 1}` and `masks.m.repair: nearest`" in str(error)
    # with `repair` alone, 254 does not become "unlabelled"
    assert error_of(read, soft, repair="nearest").kind == "mask-antialiased"


def test_ties_go_to_the_lower_number_and_others_are_still_refused(read):
    values = {0: 0, 100: 1}
    mask = read(blurred([[0, 50, 51, 100, 120]]), values=values, repair="nearest")
    assert mask.tolist() == [[0, 0, 1, 1, 1]]  # 120: what JPEG makes of 100
    error = error_of(read, blurred([[0, 50, 100, 200]]), values=values, repair="nearest")
    assert error.kind == "mask-values"
    assert "mask value 200 is outside" in str(error)
    assert error_of(read, blurred([[0, 1, 2]]), repair="nearest").kind == "mask-values"


def test_repair_keeps_unlabelled_pixels(read):
    pixels = blurred([[0, 40, 60, 100, 255]])
    assert read(pixels, values={0: 0, 100: 1}, repair="nearest").tolist() == [[0, 0, 1, 1, 255]]
    values = {0: 0, 100: 1, 200: 255}
    assert read(blurred([[0, 100, 140, 160, 200]]), values=values, repair="nearest").tolist() == [
        [0, 1, 1, 255, 255]
    ]


def squares(*values):
    """Return areas side by side, 6 pixels wide and 6 high."""
    return np.repeat(np.repeat(np.array([values]), 6, 1), 6, 0)


@pytest.mark.parametrize("values", [{0: 0, 128: 1, 255: 2}, {0: 0, 1: 1, 2: 2}])
def test_the_edge_from_the_first_to_the_third_class_does_not_pass_the_second(read, values):
    first, second, third = values
    sharp = squares(first, third, second, first)
    soft = sharp.astype(float)
    for edge in (6, 12, 18):  # one pixel at each side becomes a step of the edge
        before, after = sharp[0, edge - 1], sharp[0, edge]
        soft[:, edge - 1], soft[:, edge] = (2 * before + after) / 3, (before + 2 * after) / 3
    soft = np.rint(soft).astype(np.uint8)
    if third == 2:
        soft[:, 5:7] = 1, 2  # in the middle between 0 and 2: the lower one
    expected = np.vectorize(values.get)(sharp)
    mask = read(soft, classes=THREE, values=values, repair="nearest")
    np.testing.assert_array_equal(mask, expected)


def test_the_exact_number_of_another_class_on_an_edge_is_a_step_of_it(read):
    row = np.array([0, 0, 0, 128, 255, 255, 255])
    pixels = np.repeat(row[None], 6, 0).astype(np.uint8)
    pixels = np.concatenate([pixels, np.full((3, 7), 128, np.uint8)])
    mask = read(pixels, classes=THREE, values={0: 0, 128: 1, 255: 2}, repair="nearest")
    assert mask[2].tolist() == [0, 0, 0, 2, 2, 2, 2]  # 128 is nearer to 255
    assert (mask[6:] == 1).all()


def test_a_thin_line_between_equal_sides_stays(read):
    pixels = squares(0, 0, 255)
    pixels[:, 3] = 128
    pixels[2, 8] = 128
    mask = read(pixels.astype(np.uint8), classes=THREE, values={0: 0, 128: 1, 255: 2}, repair="nearest")
    assert (mask[:, 3] == 1).all()
    assert mask[2, 8] == 1


def test_the_soft_side_of_a_thin_line_does_not_go_to_an_area_elsewhere(read):
    pixels = squares(0, 0, 128)
    pixels[:, 3:6] = 200, 255, 200  # too thin to be an area
    mask = read(pixels.astype(np.uint8), classes=THREE, values={0: 0, 128: 1, 255: 2}, repair="nearest")
    assert (mask[:, 3:6] == 2).all()


def jpeg(pixels, quality):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "jpeg", quality=quality)
    return np.asarray(Image.open(io.BytesIO(stream.getvalue())))


def discs(values):
    """Return a disc of 2 with one of 1 inside and another of 1 beside it, with edges of all three pairs."""
    rows, columns = np.mgrid[:96, :128]
    labels = np.zeros((96, 128), int)
    labels[(rows - 48) ** 2 + (columns - 40) ** 2 < 30**2] = 2
    labels[(rows - 48) ** 2 + (columns - 40) ** 2 < 14**2] = 1
    labels[(rows - 50) ** 2 + (columns - 100) ** 2 < 16**2] = 1
    return labels, np.asarray(values, np.uint8)[labels]


@pytest.mark.parametrize("quality", [60, 75, 90])
def test_jpeg_of_three_numbers_comes_back(read, quality):
    labels, sharp = discs([0, 128, 255])
    noisy = jpeg(sharp, quality)
    values = {0: 0, 128: 1, 255: 2}
    assert error_of(read, noisy, classes=THREE, values=values).kind == "mask-antialiased"
    mask = read(noisy, classes=THREE, values=values, repair="nearest")
    by_number = np.abs(noisy[..., None].astype(int) - [0, 128, 255]).argmin(-1)
    wrong, naive = (mask != labels).mean(), (by_number != labels).mean()
    assert wrong < 0.002
    assert wrong <= naive


@pytest.mark.parametrize("factor", [2, 4])
def test_a_shrunk_mask_of_three_numbers_comes_back(read, factor):
    labels, sharp = discs([0, 128, 255])
    height, width = sharp.shape
    small = np.asarray(
        Image.fromarray(sharp).resize((width // factor, height // factor), Image.Resampling.BOX)
    )
    mask = read(small, classes=THREE, values={0: 0, 128: 1, 255: 2}, repair="nearest")
    blocks = labels.reshape(height // factor, factor, width // factor, factor)
    shares = np.stack([(blocks == k).mean((1, 3)) for k in range(3)], -1)
    clear = shares.max(-1) > 0.6
    assert (mask == shares.argmax(-1))[clear].all()
    # in particular: no rim of the second class around the third
    rim = (shares[..., 0] > 0) & (shares[..., 2] > 0)
    assert rim.any()
    assert (mask[rim] != 1).all()


@pytest.mark.parametrize("quality", [75, 95])
def test_jpeg_of_colours_comes_back(read, quality):
    # the middle of red and black is a class as well, as in the palette of PASCAL VOC
    labels, sharp = discs([BLACK, (128, 0, 0), (255, 0, 0)])
    noisy = jpeg(sharp, quality)
    colours = {"wall": "#800000", "lumen": "#ff0000"}
    error = error_of(read, noisy, classes=THREE, colours=colours)
    assert error.kind == "mask-antialiased"
    assert "colours lie between those of 'm'" in str(error)
    assert "`masks.m.repair: nearest`" in str(error)
    mask = read(noisy, classes=THREE, colours=colours, repair="nearest")
    assert (mask != labels).mean() < 0.01


@pytest.mark.parametrize("colours", [(BLACK, RED, GREEN), (BLACK, (0, 0, 255), (255, 255, 0))])
def test_jpeg_that_throws_colours_off_the_line_comes_back(read, colours):
    labels, sharp = discs(colours)
    described = {"wall": list(colours[1]), "lumen": list(colours[2])}
    mask = read(jpeg(sharp, 75), classes=THREE, colours=described, repair="nearest")
    assert (mask != labels).mean() < 0.01
    sharp = sharp.copy()
    sharp[5:15, 5:15] = 255  # an area of a third colour
    error = error_of(read, jpeg(sharp, 75), classes=THREE, colours=described, repair="nearest")
    assert error.kind == "mask-colours"
    assert ": colour #ffffff (" in str(error)


def test_repair_does_not_hide_a_colour_of_its_own(read):
    pixels = rgb(BLACK, (100, 0, 0), RED, (0, 0, 255))
    error = error_of(read, pixels, colours={"lesion": "#ff0000"}, repair="nearest")
    assert error.kind == "mask-colours"
    assert "#0000ff (1 pixel)" in str(error)
    assert read(pixels[:, :3], colours={"lesion": "#ff0000"}, repair="nearest").tolist() == [[0, 0, 1]]


def test_repair_of_a_file_of_one_class_goes_by_its_largest_number(read):
    described = {"path": None, "files": {"lesion": "masks/{case}.png"}}
    pixels = blurred([[0, 3, 100, 101, 200]])
    assert read(pixels, **described).tolist() == [[0, 1, 1, 1, 1]]
    assert read(pixels, **described, repair="nearest").tolist() == [[0, 0, 0, 1, 1]]
    assert read(blurred([[0, 0]]), **described, repair="nearest").tolist() == [[0, 0]]


# Kinds of errors


def test_kinds_of_what_is_wrong_with_a_mask(read, tmp_path):
    assert error_of(read, blurred([[0, 9]])).kind == "mask-values"
    stencil = np.zeros((4, 4, 4), np.uint8)
    stencil[..., 0] = 200
    stencil[1, 1, 3] = 255
    error = error_of(read, stencil, colours={"lesion": "#ff0000"})
    assert error.kind == "mask-alpha"
    assert "the mask is 0, 200 everywhere and only its alpha channel varies (0..255)" in str(error)
    stencil[..., 0] = 0
    assert error_of(read, stencil).kind == "mask-alpha"
    tifffile.imwrite(tmp_path / "masks" / "a.png", np.full((4, 4), 0.5, np.float32))
    assert error_of(read, [["as saved"]]).kind == "mask-fractions"
    tifffile.imwrite(tmp_path / "masks" / "a.png", np.full((4, 4), 2**31, np.uint32))
    assert error_of(read, [["as saved"]]).kind == "mask-values"


def test_kinds_of_what_is_wrong_with_a_file(tmp_path):
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.zeros((6, 4), np.uint8)).save(tmp_path / "masks" / "a.png")
    mask = {"path": "masks/{case}.png", "classes": LESION}
    content = {"images": "{case}.png", "masks": {"m": mask}}
    dataset = read_dataset(make_description(content, base=tmp_path, where="here"))
    arguments = (dataset.records[0], "m", dataset.description.masks["m"])
    assert error_of(read_case_mask, *arguments).kind == "mask-size"
    (tmp_path / "masks" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n half")
    error = error_of(read_case_mask, *arguments)
    assert (error.kind, "a.png: not a readable image" in str(error)) == ("mask-unreadable", True)
    Image.fromarray(np.zeros((6, 4), np.uint8)).save(tmp_path / "masks" / "a.png")
    (tmp_path / "a.png").write_bytes(b"no image")
    assert error_of(read_case_mask, *arguments).kind == "image-unreadable"
    assert error_of(read_image, tmp_path / "a.png").kind == "image-unreadable"
    assert error_of(read_image, tmp_path / "none.png").kind == "image-unreadable"
    np.save(tmp_path / "x.npy", np.array([[-5, 3]], np.int16))
    assert error_of(read_image, tmp_path / "x.npy").kind == "image-range"
    np.save(tmp_path / "x.npy", np.array([[0.5, np.nan]]))
    assert error_of(read_image, tmp_path / "x.npy", intensity="percentile").kind == "image-range"


def test_a_kind_is_not_part_of_the_message():
    error = DataError(["one", "two"], kind="mask-size")
    assert (str(error), error.problems, error.kind) == ("one\ntwo", ["one", "two"], "mask-size")
    assert DataError("one").kind == ""
