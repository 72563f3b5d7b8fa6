"""Files that name the colours of masks."""

import numpy as np
import pytest
from PIL import Image

from unet_mtl.data.masks import read_case_mask
from unet_mtl.prepare.drafting.label_maps import read_label_map

HEAD = "# label:color_rgb:parts:actions\n"
FORMS = {
    "labelmap.txt": (HEAD, "{0}:{1},{2},{3}::"),
    "class_dict.csv": ("name,r,g,b\n", "{0},{1},{2},{3}"),
    "label_colors.txt": ("", "{1} {2} {3}\t{0}"),
}
NAMES = ["nevus", "class 1", "7", "no", "Läsion", "a-b", "1st", "deep { tissue }"]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("seed", range(4))
def test_names_and_colours_are_read_as_written(tmp_path, name, seed):
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(NAMES)[: rng.integers(1, len(NAMES) + 1)]
    colours = rng.choice(1 << 24, len(chosen), replace=False)
    head, form = FORMS[name]
    rows = [
        form.format(word, c >> 16, c >> 8 & 255, c & 255) for word, c in zip(chosen, colours, strict=True)
    ]
    (tmp_path / name).write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    expected = dict(zip(map(str, chosen), map(int, colours), strict=True))
    assert read_label_map(tmp_path / name) == expected
    assert list(read_label_map(tmp_path / name)) == list(expected)


@pytest.mark.parametrize(
    "junk", [b"", b"\xff\xfe\x00", b"hello\nworld", b"a:1,2\nb:300,1,1::\n:1,2,3::", b"\x00" * 9]
)
def test_files_without_colours(tmp_path, junk):
    (tmp_path / "labelmap.txt").write_bytes(junk)
    assert read_label_map(tmp_path / "labelmap.txt") == {}


@pytest.fixture
def coloured(make, draft, pictures):
    """Return a function that drafts images with masks of two classes in colours, and a label map."""

    def call(label_map, colours, name="labelmap.txt", mode="RGB", suffix=".png", value=None):
        folder = make("images/c{:02d}.png")
        for index in range(12):
            classes = pictures.disc(index, 1) + 2 * (
                pictures.disc(index, 1)[::-1] & ~pictures.disc(index, 1) & 1
            )
            palette = np.array(colours, np.uint8)
            image = (
                Image.fromarray(palette[classes])
                if mode == "RGB"
                else Image.fromarray(classes if value is None else np.array(value, np.uint8)[classes])
            )
            if mode == "P":
                image = Image.fromarray(classes)
                image.putpalette(palette.ravel().tolist())
            path = folder / "masks" / f"c{index:02d}{suffix}"
            path.parent.mkdir(exist_ok=True)
            image.save(path)
        (folder / name).write_text(label_map)
        dataset, _, notes, _ = draft(folder)
        mask = dataset.description.masks["mask"]
        record = dataset.records[3]
        read = read_case_mask(record, "mask", mask)
        truth = pictures.disc(3, 1) + 2 * (pictures.disc(3, 1)[::-1] & ~pictures.disc(3, 1) & 1)
        return mask, read, truth, notes

    return call


MAP = HEAD + "vein:10,20,30::\nbackground:0,0,0::\nartery:200,0,40::\n"
COLOURS = [(0, 0, 0), (200, 0, 40), (10, 20, 30)]


@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_masks_in_colour_get_the_names_of_the_file(coloured, mode):
    mask, read, truth, notes = coloured(MAP, COLOURS, mode=mode)
    assert mask.classes == ("background", "vein", "artery")
    assert mask.colours["artery"] == ("#c80028",)
    assert np.array_equal(read, np.array([0, 2, 1])[truth])
    assert not any("have no names yet" in line for line in notes.unsure)
    assert any(guess.because.startswith("labelmap.txt names the colours") for guess in notes.guesses)


def test_a_background_that_is_not_named_is_black(coloured):
    mask, read, truth, _ = coloured(MAP.replace("background:0,0,0::\n", ""), COLOURS)
    assert mask.classes == ("background", "vein", "artery")
    assert np.array_equal(read, np.array([0, 2, 1])[truth])


def test_borders_of_pascal_voc_are_ignored(coloured):
    mask, read, truth, _ = coloured(MAP, [(0, 0, 0), (224, 224, 192), (10, 20, 30)])
    assert mask.colours["ignore"] == ("#e0e0c0",)
    assert np.array_equal(read, np.array([0, 255, 1])[truth])


def test_grey_values_that_are_colours_or_numbers_of_classes(coloured):
    grey = HEAD + "background:0,0,0::\nvein:100,100,100::\nartery:255,255,255::\n"
    mask, read, truth, _ = coloured(grey, COLOURS, mode="L", value=[0, 255, 100])
    assert (mask.classes, mask.values) == (("background", "vein", "artery"), {0: 0, 100: 1, 255: 2})
    assert np.array_equal(read, np.array([0, 2, 1])[truth])


def test_numbers_of_classes(coloured):
    mask, read, truth, _ = coloured(
        MAP.replace("vein:10,20,30::\nbackground:0,0,0::", "back:0,0,0::\nvein:10,20,30::"), COLOURS, mode="L"
    )
    assert (mask.classes, mask.values) == (("back", "vein", "artery"), None)
    assert np.array_equal(read, truth)


def test_colours_that_the_file_lacks(coloured):
    mask, read, truth, notes = coloured(MAP, [(0, 0, 0), (200, 0, 40), (0, 250, 0)])
    assert np.array_equal(read == 0, truth == 0)
    assert len(mask.classes) == 3
    assert any("have no names yet" in line for line in notes.unsure)


def test_lists_of_a_split_are_named(make, draft):
    folder = make("JPEGImages/c{:02d}.png", "SegmentationClass/c{:02d}.png")
    (folder / "ImageSets" / "Segmentation").mkdir(parents=True)
    for name in ("train", "val", "trainval"):
        (folder / "ImageSets" / "Segmentation" / f"{name}.txt").write_text("c00\n")
    _, _, notes, _ = draft(folder)
    (line,) = [line for line in notes.unsure if "ImageSets" in line]
    lists = ", ".join(f"ImageSets/Segmentation/{name}.txt" for name in ("train", "trainval", "val"))
    assert line.startswith(f"{lists} may list the cases of a split, which is not used.")
