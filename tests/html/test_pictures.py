"""Pictures of cases: outlines follow the masks, and an album stops at its size limit."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

import unet_mtl as um
from unet_mtl.html.album import Album, class_colours
from unet_mtl.html.pictures import SIDE, Picture, draw_outlines, shrink, to_8_bits


@pytest.fixture
def folder(write_data, tmp_path):
    path = tmp_path / "tiny"
    write_data(path)
    return path


def decode(uri):
    head, _, content = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))), np.int32)


def test_outlines_are_drawn_where_the_mask_is(folder):
    drawn = decode(Album(um.read_dataset(folder)).of_case("case_01")[0].uri)
    mask = np.asarray(Image.open(folder / "masks" / "case_01.png"))
    image = np.asarray(Image.open(folder / "images" / "case_01.png"), np.int32)
    outside = mask == 0
    outside[1:] &= mask[:-1] == 0
    outside[:-1] &= mask[1:] == 0
    assert np.abs(drawn - image)[outside].mean() < 12  # JPEG
    assert np.abs(drawn - image)[mask == 2].mean() > 20


def test_an_outline_runs_along_its_mask():
    mask = np.zeros((400, 800), np.uint8)
    mask[100:300, 50:150] = 1
    drawn = draw_outlines(np.zeros((400, 800, 1), np.uint8), [(mask, {1: (230, 159, 0)})])
    assert drawn.shape == (80, 160, 3)
    strong = drawn[..., 0] > 100
    rows, columns = np.nonzero(strong)
    assert abs(rows.min() - 20) <= 1
    assert abs(rows.max() - 59) <= 1
    assert abs(columns.min() - 10) <= 1
    assert abs(columns.max() - 29) <= 1
    assert not strong[25:55, 14:26].any()


def test_an_album_ends_before_the_page_is_too_large(folder):
    album = Album(um.read_dataset(folder), most_bytes=1)
    assert album.of_case("case_00")[0].uri
    (picture,) = album.of_case("case_01")
    assert picture == Picture("", "not shown: the page has reached its limit of pictures")


def test_a_mask_that_cannot_be_drawn_follows_on_request(folder):
    Image.fromarray(np.full((32, 32), 7, np.uint8)).save(folder / "masks" / "case_00.png")
    album = Album(um.read_dataset(folder))
    assert [picture.description for picture in album.of_case("case_00")] == ["image"]
    _, stored = album.of_case("case_00", stored=True)
    assert (stored.description, stored.caption) == ("mask as stored", "mask as stored")
    assert album.of_case("nowhere") == [Picture("", "not in the table")]


def test_colours_differ_and_skip_the_background(folder):
    colours = class_colours(um.read_dataset(folder))["zone"]
    assert set(colours) == {1, 2}
    assert colours[1] != colours[2]


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_images_of_any_depth_and_number_of_channels_can_be_shown(channels):
    deep = np.random.default_rng(0).integers(100, 900, (300, 200, channels)).astype(np.uint16)
    shown = to_8_bits(deep)
    assert shown.dtype == np.uint8
    assert shown.shape[-1] in (1, 3)
    assert shown.max() > 200  # a small part of 16 bits would be nearly black without stretching
    small = shrink(shown)
    assert small.shape == (SIDE, 107, 3)
