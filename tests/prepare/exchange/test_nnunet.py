"""Import and export of nnU-Net's raw folders, and lossless round trips."""

import json

import numpy as np
import pytest
import yaml
from PIL import Image

from unet_mtl.data.images import read_image, read_mask
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import read_dataset
from unet_mtl.errors import DataError
from unet_mtl.prepare.exchange import import_nnunet, to_nnunet

SIZE = (6, 8)
LABELS = {"background": 0, "PZ": 1, "TZ": 2}
NOISE = np.random.default_rng(0)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path)


def grey():
    return NOISE.integers(0, 256, SIZE, dtype=np.uint8)


@pytest.fixture
def write(tmp_path):
    """Two training cases and one test case of one grey channel; keywords replace keys of dataset.json."""

    def write(*, channels=1, splits=None, ignore=False, **changes):
        folder = tmp_path / "Dataset005_Prostate"
        for part, case in (("Tr", "a_1"), ("Tr", "b.2"), ("Ts", "c")):
            for channel in range(channels):
                save(folder / f"images{part}" / f"{case}_{channel:04d}.png", grey())
            label = NOISE.integers(0, 3, SIZE, dtype=np.uint8)
            label[0] = 3 if ignore else 0
            if part == "Tr":
                save(folder / "labelsTr" / f"{case}.png", label)
        content = {
            "channel_names": {str(index): "MR" for index in range(channels)},
            "labels": LABELS | ({"ignore": 3} if ignore else {}),
            "numTraining": 2,
            "file_ending": ".png",
        }
        (folder / "dataset.json").write_text(json.dumps(content | changes))
        if splits is not None:
            (folder / "splits_final.json").write_text(json.dumps(splits))
        return folder

    return write


def test_a_folder_is_imported(write, tmp_path):
    source = write(ignore=True)
    imported = import_nnunet(source, tmp_path / "out", target="zone")
    dataset = read_dataset(tmp_path / "out")
    assert (imported.cases, imported.masks) == (3, {"zone": 2})
    assert dataset.description.masks["zone"].classes == ("background", "PZ", "TZ")
    assert dataset.description.name == "Dataset005_Prostate"
    assert [record.case for record in dataset] == ["a_1", "b.2", "c"]
    for record in list(dataset)[:2]:
        stored = read_mask(source / "labelsTr" / f"{record.case}.png")
        found = read_case_mask(record, "zone", dataset.description.masks["zone"])
        np.testing.assert_array_equal(found, np.where(stored == 3, 255, stored))
        original = source / "imagesTr" / f"{record.case}_0000.png"
        assert record.image.read_bytes() == original.read_bytes()


def test_three_channels_become_one_colour_image(write, tmp_path):
    source = write(channels=3)
    import_nnunet(source, tmp_path / "out")
    expected = [read_mask(source / "imagesTr" / f"a_1_{channel:04d}.png") for channel in range(3)]
    np.testing.assert_array_equal(read_image(tmp_path / "out/images/a_1.png"), np.stack(expected, -1))


def test_the_first_fold_is_train_and_val_and_images_ts_test(write, tmp_path):
    folds = [{"train": ["b.2"], "val": ["a_1"]}, {"train": ["a_1"], "val": ["b.2"]}]
    import_nnunet(write(splits=folds), tmp_path / "out")
    assert [record.split for record in read_dataset(tmp_path / "out")] == ["val", "train", "test"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": LABELS | {"whole": [1, 2]}}, "'whole' are regions"),
        ({"labels": {"0": "background", "1": "PZ"}}, r"whole number \(version 2\)"),
        ({"labels": {"background": 0, "PZ": 2}}, "background: 0 and then 1, 2, 3"),
        ({"labels": {"PZ": 0, "TZ": 1}}, "background: 0 and then 1, 2, 3"),
        ({"labels": {"background": 0}}, "no label beside"),
        ({"labels": {"background": 0, "PZ": 1, "ignore": 9}}, "'ignore' is 9; expected the highest, 2"),
        ({"labels": []}, "`labels` is"),
        ({"labels": {"background": 0, "PZ": 1}}, r"a_1\.png: pixel value 2 is not among the labels"),
        ({"file_ending": ".nii.gz"}, "file_ending is '.nii.gz'; only 2-D"),
        ({"file_ending": ".bmp"}, "no images such as case_0000.bmp"),
        ({"channels": 2}, "channel_names has 2 channels"),
        (
            {"channel_names": {"0": "R", "1": "G", "2": "B"}},
            "does not have the 3 channels that dataset.json names",
        ),
        (
            {"channels": 3, "channel_names": {"0": "MR"}},
            r"has channels \[0, 1, 2\], but dataset.json names 1",
        ),
        ({"channel_names": None, "modality": {"0": "MR"}}, "version 1"),
        ({"splits": [{"train": ["a_1"], "val": []}]}, "case 'b.2' is in neither train nor val"),
        ({"splits": [{"train": ["a_1", "b.2"], "val": ["a_1"]}]}, "the first fold lists a case twice"),
        ({"splits": {}}, "expected a list of folds"),
    ],
)
def test_folders_that_do_not_fit(write, tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        import_nnunet(write(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_problem_of_files_at_once(write, tmp_path):
    source = write(channels=3)
    (source / "labelsTr" / "a_1.png").unlink()
    save(source / "labelsTr" / "lost.png", grey())
    save(source / "imagesTr" / "odd.png", grey())
    save(source / "labelsTr" / "b.2.png", np.zeros((3, 3), np.uint8))
    (source / "imagesTs" / "c_0001.png").unlink()
    (source / "imagesTs" / "d_0000.png").symlink_to(source / "imagesTr" / "a_1_0000.png")
    save(source / "imagesTs" / "e_0000.png", grey())
    save(source / "imagesTs" / "e_0001.png", grey().astype(np.uint16))
    save(source / "imagesTs" / "e_0002.png", grey())
    with pytest.raises(DataError) as caught:
        import_nnunet(source, tmp_path / "out")
    text = str(caught.value)
    for words in (
        "a_1.png: no such file, although there is an image",
        "lost.png: has no image in",
        "odd.png: expected a name such as case_0000.png",
        "b.2.png: has 3x3 pixels, but its image has 8x6",
        "case 'c' has channels [0, 2]",
        "leads over the link",
        "cannot form one colour image",
    ):
        assert words in text
    assert len(caught.value.problems) == 7


@pytest.mark.parametrize("splits", [None, [{"train": ["a_1"], "val": ["b.2"]}]])
def test_in_and_out_gives_the_same_pixels_classes_and_splits(write, tmp_path, splits):
    source = write(ignore=True, splits=splits)
    save(source / "labelsTs" / "c.png", np.full(SIZE, 2, np.uint8))
    import_nnunet(source, tmp_path / "ours")
    written = to_nnunet(read_dataset(tmp_path / "ours"), tmp_path / "raw", number=7, name="Round trip")
    assert written.folder == tmp_path / "raw" / "Dataset007_Round_trip"
    original, copy = (json.loads((f / "dataset.json").read_text()) for f in (source, written.folder))
    assert copy["labels"] == original["labels"]
    assert copy["channel_names"].keys() == original["channel_names"].keys()
    part = "Tr" if splits is None else "Ts"
    assert (written.training, written.test) == ((3, 0) if splits is None else (2, 1))
    assert copy["numTraining"] == written.training
    for case, was, now in (("a_1", "Tr", "Tr"), ("b.2", "Tr", "Tr"), ("c", "Ts", part)):
        for kind, name in (("images", f"{case}_0000.png"), ("labels", f"{case}.png")):
            with Image.open(written.folder / f"{kind}{now}" / name) as image:
                assert image.mode == "L"
            np.testing.assert_array_equal(
                read_mask(written.folder / f"{kind}{now}" / name), read_mask(source / f"{kind}{was}" / name)
            )
    there = written.folder / "splits_final.json"
    assert (json.loads(there.read_text()) if there.is_file() else None) == splits


def test_out_and_in_gives_the_same_dataset(dataset, tmp_path):
    """The twelve cases of the tests: colour, three without a mask, pixels to ignore, all three splits."""
    written = to_nnunet(dataset, tmp_path / "raw")
    assert (written.training, written.test) == (6, 4)
    import_nnunet(written.folder, tmp_path / "back", target="zone")
    back = read_dataset(tmp_path / "back")
    records = {record.case: record for record in dataset}
    description = dataset.description.masks["zone"]
    assert back.description.masks["zone"].classes == description.classes
    assert set(records) - {record.case for record in back} == {"case_02", "case_06"}
    for record in back:
        before = records[record.case]
        assert record.split == before.split
        np.testing.assert_array_equal(read_image(record.image), read_image(before.image))
        found = read_case_mask(record, "zone", back.description.masks["zone"])
        np.testing.assert_array_equal(found, read_case_mask(before, "zone", description))
    assert written.notes == [
        "2 cases without a mask left out",
        "not exported: patient, diagnosis, side, size_mm",
        "not exported: spacing, which PNG files do not contain",
        "copy splits_final.json to nnUNet_preprocessed before training",
    ]


def write_ours(folder, images, classes=("background", "x"), **more):
    for name, pixels in images.items():
        save(folder / "images" / name, pixels)
        save(folder / "masks" / f"{name.split('.')[0]}.png", np.zeros(np.shape(pixels)[:2], np.uint8))
    masks = {"m": {"path": "masks/{case}.png", "classes": list(classes)}}
    rows = "".join(f"{name.split('.')[0]},{name}\n" for name in images)
    (folder / "cases.csv").write_text("case,file\n" + rows)
    content = {"images": "images/{file}", "table": "cases.csv", "masks": masks} | more
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content))
    return read_dataset(folder)


def test_images_become_one_kind_of_png_without_a_loss(tmp_path):
    colour = NOISE.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    mixed = write_ours(tmp_path / "mixed", {"a.png": grey(), "b.bmp": colour})
    folder = to_nnunet(mixed, tmp_path / "raw", number=1).folder
    np.testing.assert_array_equal(read_image(folder / "imagesTr/b_0000.png"), colour)
    assert read_image(folder / "imagesTr/a_0000.png").shape == (*SIZE, 3)
    deep = NOISE.integers(0, 65536, SIZE, dtype=np.uint16)
    whole = write_ours(tmp_path / "deep", {"a.tif": deep, "b.png": deep})
    folder = to_nnunet(whole, tmp_path / "raw", number=2).folder
    for case in "ab":
        np.testing.assert_array_equal(read_mask(folder / f"imagesTr/{case}_0000.png"), deep)


def test_a_png_that_other_programs_read_differently_is_rewritten(tmp_path):
    turned, clear = grey()[:, :6], np.full(SIZE, 7, np.uint8)
    data = write_ours(tmp_path / "set", {"a.png": turned, "b.png": clear, "c.png": grey()})
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    Image.fromarray(turned).save(tmp_path / "set/images/a.png", exif=exif)
    Image.fromarray(clear).save(tmp_path / "set/images/b.png", transparency=7)
    folder = to_nnunet(data, tmp_path / "raw").folder
    with Image.open(folder / "imagesTr/a_0000.png") as image:
        assert image.getexif().get(0x0112, 1) == 1
        np.testing.assert_array_equal(np.asarray(image), np.rot90(turned, -1))
    with Image.open(folder / "imagesTr/b_0000.png") as image:
        assert "transparency" not in image.info
        np.testing.assert_array_equal(np.asarray(image), clear)
    copied = (folder / "imagesTr/c_0000.png").read_bytes()
    assert copied == (tmp_path / "set/images/c.png").read_bytes()


def test_images_that_would_lose_something(tmp_path):
    odd = {"a.tif": np.full(SIZE, 0.123456, np.float32)}
    with pytest.raises(DataError, match="does not fit a 16-bit PNG"):
        to_nnunet(write_ours(tmp_path / "float", odd), tmp_path / "raw")
    both = {"a.png": grey().astype(np.uint16), "b.png": np.zeros((*SIZE, 3), np.uint8)}
    with pytest.raises(DataError, match="among colour images"):
        to_nnunet(write_ours(tmp_path / "both", both), tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def test_what_nnunet_cannot_store(tmp_path):
    ours = write_ours(tmp_path / "set", {"a.png": grey()}, classes=("outside", "ignore"))
    with pytest.raises(DataError, match="a class 'ignore'"):
        to_nnunet(ours, tmp_path / "raw")
    with pytest.raises(DataError, match="`target` is 'z'; expected one of the masks m"):
        to_nnunet(ours, tmp_path / "raw", target="z")
    later = write_ours(tmp_path / "later", {"a.png": grey()}, classes=("outside", "background"))
    with pytest.raises(DataError, match="a 'background' that is not first"):
        to_nnunet(later, tmp_path / "raw")
    fine = write_ours(tmp_path / "fine", {"a.png": grey()}, classes=("outside", "x"))
    assert to_nnunet(fine, tmp_path / "raw").notes == ["class 0, 'outside', is named background"]
    head = json.loads((tmp_path / "raw/Dataset501_fine/dataset.json").read_text())
    assert head["labels"] == {"background": 0, "x": 1}  # no ignore where nothing is ignored
    with pytest.raises(DataError, match="already uses `number` 501"):
        to_nnunet(fine, tmp_path / "raw", name="other")
    (tmp_path / "fine/masks/a.png").unlink()
    with pytest.raises(DataError, match="nnU-Net needs training cases"):
        to_nnunet(read_dataset(tmp_path / "fine"), tmp_path / "raw", number=5)


def test_without_a_name_it_is_called_like_its_folder(tmp_path):
    fine = write_ours(tmp_path / "thyroid 2", {"a.png": np.zeros((4, 4), np.uint8)})
    written = to_nnunet(fine, tmp_path / "raw")
    assert written.folder.name == "Dataset501_thyroid_2"
    assert json.loads((written.folder / "dataset.json").read_text())["name"] == "thyroid 2"


def test_a_mask_of_a_wrong_size_leaves_no_folder(tmp_path):
    wrong = write_ours(tmp_path / "ours", {"a.png": np.zeros((4, 4), np.uint8)})
    save(tmp_path / "ours" / "masks" / "a.png", np.zeros((3, 4), np.uint8))
    with pytest.raises(DataError, match="pixels"):
        to_nnunet(wrong, tmp_path / "new" / "raw")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ours"]


def test_the_folder_above_or_below_names_the_right_one(write, tmp_path):
    folder = write()
    for given, message in (
        (tmp_path, f"no dataset.json; {folder} has it, so give this folder"),
        (folder / "imagesTr", f"no dataset.json; it is in {folder}, so give this folder"),
        (folder / "dataset.json", f"not a folder; give the folder DatasetXXX_Name, such as {folder}"),
        (tmp_path / "absent", "no such folder; give the folder DatasetXXX_Name of nnU-Net"),
    ):
        with pytest.raises(DataError) as caught:
            import_nnunet(given, tmp_path / "out")
        assert caught.value.problems == [f"{given}: {message}"]
    other = tmp_path / "Dataset006_X"
    other.mkdir()
    (other / "dataset.json").write_text("{}")
    with pytest.raises(DataError, match=r"Dataset005_Prostate, .*Dataset006_X have it, so give one of them"):
        import_nnunet(tmp_path, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"which has dataset\.json, imagesTr and labelsTr"):
        import_nnunet(tmp_path / "empty", tmp_path / "out")
