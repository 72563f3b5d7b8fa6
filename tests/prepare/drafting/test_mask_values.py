"""The meaning of values and colours in masks is guessed right."""

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unet_mtl import api
from unet_mtl.data.description import MaskDescription
from unet_mtl.prepare.drafting.masks import find_meaning
from unet_mtl.prepare.drafting.notes import Notes

NEEDS_COLOURS = pytest.mark.skipif(
    "colours" not in MaskDescription.model_fields, reason="masks cannot be described by colours yet"
)
NEEDS_INSTANCES = pytest.mark.skipif(
    "instances" not in MaskDescription.model_fields, reason="masks of objects cannot be described yet"
)


@pytest.fixture
def described(make, pictures, tmp_path):
    """Return a function that drafts masks made by a function of their number: (description, notes, text)."""

    def call(pixels, n=12, name="masks/c{:02d}.png", **options):
        folder = make("images/c{:02d}.png", n=n)
        for index in range(n):
            pictures.save(folder / name.format(index), pixels(index), **options)
        drafted = api.init(folder, overwrite=True)
        text = drafted.files[0].read_text(encoding="utf-8")
        return yaml.safe_load(text)["masks"]["mask"], drafted.notes, text

    return call


def indices(pictures, index, *values):
    mask = np.zeros((pictures.size, pictures.size), np.uint8)
    for place, value in enumerate(values):
        mask[4 * place : 4 * place + 3, 5 : 12 + index % 4] = value
    return mask


@pytest.mark.parametrize(
    ("found", "values", "classes"),
    [
        ((1,), None, ["background", "foreground"]),
        ((255,), {0: 0, 255: 1}, ["background", "foreground"]),
        ((128,), {0: 0, 128: 1}, ["background", "foreground"]),
        ((1, 2), None, ["background", "class1", "class2"]),
        ((1, 2, 255), None, ["background", "class1", "class2"]),
        ((127, 255), {0: 0, 127: 1, 255: 2}, ["background", "class1", "class2"]),
        ((50, 100, 150), {0: 0, 50: 1, 100: 2, 150: 3}, ["background", "class1", "class2", "class3"]),
    ],
)
def test_numbers(described, pictures, found, values, classes):
    mask, notes, _ = described(lambda index: indices(pictures, index, *found))
    assert mask.get("values") == values
    assert mask["classes"] == classes
    assert any("have no names yet" in line for line in notes.unsure) == (len(classes) > 2)


def test_grey_stored_as_colours_is_grey(described, pictures):
    mask, _, _ = described(lambda index: np.repeat(pictures.disc(index)[..., None], 3, -1))
    assert mask["values"] == {0: 0, 255: 1}


def test_a_bit_a_pixel(described, pictures):
    mask, _, _ = described(lambda index: pictures.disc(index) > 0)
    assert mask == {"path": "masks/{case}.png", "classes": ["background", "foreground"]}


@pytest.mark.parametrize(("few", "others"), [(255, 1), (1, 255)])
@pytest.mark.parametrize("bits", [1, 8])
def test_white_is_white_in_few_of_many_files(described, pictures, few, others, bits):
    """As in BUSI: two of 780 masks are files of 8 bits with 255 beside files of 1 bit."""

    def pixels(index):
        value = few if index in (81, 190) else others
        mask = pictures.disc(index)
        return mask > 0 if value == 1 and bits == 1 else np.where(mask > 0, value, 0).astype(np.uint8)

    if bits == 8:  # nothing but the values distinguishes the files, so that all are in the sample
        mask, notes, _ = described(lambda index: pixels({3: 81, 9: 190}.get(index, 0)), n=30)
    else:
        mask, notes, _ = described(pixels, n=240)
    assert mask["values"] == {0: 0, 1: 1, 255: 1}
    assert mask["classes"] == ["background", "foreground"]
    n_white = 2 if few == 255 else 28
    assert any("White is taken for foreground" in line for line in notes.unsure)
    if bits == 8:
        assert any(f"255 in {n_white} files, and 0 and 1 in the others" in line for line in notes.unsure)


def test_255_beside_1_in_one_file_is_not_white(described, pictures):
    def pixels(index):
        mask = indices(pictures, index, 1)
        mask[0, 0] = 255 if index == 45 else 0
        return mask

    mask, notes, _ = described(pixels, n=90)
    assert "values" not in mask
    assert any("the value 255 in 1 file, which means not labelled" in line for line in notes.unsure)


def test_a_class_that_only_one_file_has_is_found(described, pictures):
    mask, _, _ = described(lambda index: indices(pictures, index, 1, *([2] if index == 45 else [])), n=90)
    assert mask["classes"] == ["background", "class1", "class2"]


def test_one_stray_value_is_left_out_and_reported(described, pictures):
    def pixels(index):
        mask = pictures.disc(index)
        if index == 6:
            mask[0, 0] = 37
        return mask

    mask, notes, _ = described(pixels, n=60)
    assert mask["values"] == {0: 0, 255: 1}
    assert any("37" in line and "1 of 60" in line for line in notes.unsure)


ODD = st.dictionaries(st.integers(3, 254), st.integers(1, 40), min_size=1, max_size=4)


@pytest.mark.parametrize("white", [1, 255])
@given(odd=ODD)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_of_one_file_are_treated_alike_and_counted(tmp_path_factory, pictures, white, odd):
    """Whether 1 pixel or 40 have the value, it is in one of 12 files and no class."""
    folder, notes = tmp_path_factory.mktemp("masks"), Notes()
    masks = [pictures.disc(index, white) for index in range(12)]
    for place, (value, n_pixels) in enumerate(odd.items()):
        masks[place % 3].ravel()[-50 * (place // 3 + 1) :][:n_pixels] = value
    for index, mask in enumerate(masks):
        pictures.save(folder / f"{index:02d}.png", mask)
    meaning = find_meaning("mask", sorted(folder.iterdir()), notes)
    assert meaning.classes == ("background", "foreground")
    (line,) = [line for line in notes.unsure if "treated as" in line]
    assert all(f"{value} (in 1 of 12 files)" in line for value in odd)


def test_the_damaged_masks_of_a_new_user(described, pictures):
    extra = {5: {7: 1}, 6: {128: 192, 255: 65}, 4: {200: 300}}

    def pixels(index):
        mask = pictures.disc(index, 1)
        end = mask.size
        for value, n_pixels in extra.get(index, {}).items():
            mask.ravel()[end - n_pixels : end] = value
            end -= n_pixels
        return mask

    mask, notes, _ = described(pixels)
    assert mask["classes"] == ["background", "foreground"]
    assert "values" not in mask
    (line,) = [line for line in notes.unsure if "treated as" in line]
    assert (
        "has the values 7 (in 1 of 12 files), 128 (in 1 of 12 files), 200 (in 1 of 12 files), which are"
        in line
    )
    assert "Mask 'mask' has the value 255 in 1 file, which means not labelled." in notes.unsure


def test_a_class_of_one_file_is_counted(described, pictures):
    mask, notes, _ = described(lambda index: indices(pictures, index, 1, *([2] if index == 5 else [])))
    assert mask["classes"] == ["background", "class1", "class2"]
    assert any("has the value 2 (in 1 of 12 files): classes of so few" in line for line in notes.unsure)


def test_values_that_no_two_files_share_are_kept(described, pictures):
    mask, _, _ = described(lambda index: pictures.disc(index, 20 + 10 * index))
    assert len(mask["values"]) == 13


def test_the_sample_is_named_once(described, pictures):
    mask, _, text = described(lambda index: pictures.disc(index, 255 if index % 2 else 1))
    assert mask["values"] == {0: 0, 1: 1, 255: 1}
    assert "(all 12 files)" in text
    assert "files files" not in text


def colours(pictures, index, *rgb):
    shape = indices(pictures, index, *range(1, len(rgb) + 1))
    return np.array([(0, 0, 0), *rgb], np.uint8)[shape]


def test_colours(described, pictures):
    mask, _, _ = described(lambda index: colours(pictures, index, (255, 0, 0), (0, 255, 0)))
    assert mask["classes"] == ["background", "green", "red"]
    assert mask["colours"] == {"background": "#000000", "green": "#00ff00", "red": "#ff0000"}
    assert "values" not in mask


@NEEDS_COLOURS
def test_colours_are_read_as_described(make, pictures):
    folder = make("images/c{:02d}.png")
    for index in range(12):
        pictures.save(folder / "masks" / f"c{index:02d}.png", colours(pictures, index, (255, 0, 0)))
    assert api.check(api.init(folder).files[0].parent).problems == []


def test_colours_of_jpeg_are_those_between_which_it_smears(described, pictures):
    mask, notes, text = described(
        lambda index: np.kron(colours(pictures, index, (255, 0, 0)), np.ones((10, 10, 1), np.uint8)),
        name="masks/c{:02d}.jpg",
        quality=90,
    )
    assert len(mask["classes"]) == 2
    assert "# repair: nearest" in text
    assert any("only" in line or "repair: nearest" in line for line in notes.unsure)


def objects(index):
    mask = np.zeros((24, 24), np.uint16)
    for number in range(9 + 2 * index):
        mask[2 * (number // 8), 3 * (number % 8)] = number + 1
    return mask


def test_numbers_of_objects(described):
    mask, _, text = described(objects)
    assert mask["instances"] is True
    assert mask["classes"] == ["background", "foreground"]
    assert "values" not in mask
    assert "# values are object numbers" in text


@NEEDS_INSTANCES
def test_numbers_of_objects_are_read_as_described(make, pictures):
    folder = make("images/c{:02d}.png")
    for index in range(12):
        pictures.save(folder / "masks" / f"c{index:02d}.png", objects(index))
    assert api.check(api.init(folder).files[0].parent).problems == []


def smooth(pictures, index):
    grown = np.kron(pictures.disc(index), np.ones((6, 6))).astype(np.float64)
    for axis in (0, 1):
        grown = sum(np.roll(grown, shift, axis) for shift in (-1, 0, 1)) / 3
    return grown.astype(np.uint8)


def test_smoothed_masks_are_recognised_and_not_repaired(described, pictures):
    mask, notes, text = described(lambda index: smooth(pictures, index))
    assert mask["values"] == {0: 0, 255: 1}
    assert "repair" not in mask
    assert "    # repair: nearest" in text
    assert any("values between those of its classes" in line for line in notes.unsure)


def test_jpeg_masks_are_recognised(described, pictures):
    mask, _, text = described(
        lambda index: np.kron(pictures.disc(index), np.ones((5, 5), np.uint8)),
        name="masks/c{:02d}.jpg",
        quality=60,
    )
    assert sorted(mask["values"].values()) == [0, 1]
    assert max(mask["values"]) > 240
    assert "# repair: nearest" in text


def test_all_empty_masks_and_unreadable_ones(described, pictures):
    mask, _, _ = described(lambda index: np.zeros((24, 24), np.uint8))
    assert mask["classes"] == ["background", "foreground"]


def test_unreadable_masks_are_reported(make, pictures):
    folder = make("images/c{:02d}.png", "masks/c{:02d}.png")
    path = folder / "masks" / "c03.png"
    path.write_bytes(path.read_bytes()[:40])
    notes = api.init(folder).notes
    assert any("1 file that cannot be read" in line and "c03.png" in line for line in notes.unsure)
