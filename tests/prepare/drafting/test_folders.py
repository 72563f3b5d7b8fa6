"""Common layouts of folders: images, masks, and the cases to which they belong."""

import shutil

import pytest

from unet_mtl import api
from unet_mtl.data.masks import read_case_mask
from unet_mtl.errors import DataError

# name: (pattern of the images by number, pattern of the masks, expected `images`, expected `path` of the masks)
LAYOUTS = {
    "two folders": ("images/c{:02d}.png", "masks/c{:02d}.png", "images/{case}.png", "masks/{case}.png"),
    "capitals": (
        "Images/c{:02d}.png",
        "GroundTruth/c{:02d}.png",
        "Images/{case}.png",
        "GroundTruth/{case}.png",
    ),
    "prefixes": (
        "Images/bus_{}-l.png",
        "Masks/mask_{}-l.png",
        "Images/bus_{case}.png",
        "Masks/mask_{case}.png",
    ),
    "suffix in one folder": ("c{:02d}.png", "c{:02d}_mask.png", "{case}.png", "{case}_mask.png"),
    "strange suffix": ("all/c{:02d}.png", "all/c{:02d}_zone.png", "all/{case}.png", "all/{case}_zone.png"),
    "suffix and folder": ("img/c{:02d}.jpg", "seg/c{:02d}_seg.png", "img/{case}.jpg", "seg/{case}_seg.png"),
    "prefixes in one folder": ("img_{:02d}.png", "mask_{:02d}.png", "img_{case}.png", "mask_{case}.png"),
    "suffixes on both": ("{:02d}_image.png", "{:02d}_mask.png", "{case}_image.png", "{case}_mask.png"),
    "names that tell nothing": ("x/c{:02d}.png", "y/c{:02d}.png", "x/{case}.png", "y/{case}.png"),
    "nnU-Net": (
        "imagesTr/c{:02d}_0000.png",
        "labelsTr/c{:02d}.png",
        "imagesTr/{case}_0000.png",
        "labelsTr/{case}.png",
    ),
    "a folder a case": ("c{:02d}/image.png", "c{:02d}/mask.png", "{case}/image.png", "{case}/mask.png"),
    "named thrice": (
        "s{0:02d}/images/s{0:02d}.png",
        "s{0:02d}/masks/a.png",
        "{case}/images/{case}.png",
        "{case}/masks/a.png",
    ),
    "braces": ("a {{0}}/images/c{:02d}.png", "a {{0}}/masks/c{:02d}.png", "a {{0}}/images/{case}.png", None),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout(make, draft, layout):
    image, mask, images, masks = LAYOUTS[layout]
    folder = make(image, mask)
    dataset, config, notes, _ = draft(folder)
    assert len(dataset) == 12
    assert dataset.description.images == images
    (name,) = dataset.description.masks
    assert masks is None or dataset.description.masks[name].path == masks
    for record in dataset:
        assert 20 < read_case_mask(record, name, dataset.description.masks[name]).sum() < 200
    assert [(task.kind, task.target_name) for task in config.tasks] == [("segmentation", name)]
    assert api.check(folder, config.tasks).problems == []
    assert any("counts as a patient of its own" in line for line in notes.unsure)


def test_masks_of_the_training_folder_alone(make, draft):
    folder = make("train/a{:02d}.png", "train_masks/a{:02d}.png")
    make("test/b{:02d}.png")
    dataset, _, notes, _ = draft(folder)
    assert len(dataset) == 24
    assert dataset.description.masks["mask"].path == "train_masks/{case}.png"
    assert sum(bool(record.masks) for record in dataset) == 12
    assert not any("fit `images" in line for line in notes.unsure)


def test_several_masks_in_the_folder_of_a_case(make, draft):
    folder = make("p{:02d}/scan.png", "p{:02d}/mask_1.png")
    make("", "p{:02d}/mask_2.png", n=3)
    dataset, config, _, _ = draft(folder)
    assert dataset.description.masks["mask"].path == "{case}/mask_*.png"
    assert [len(record.masks["mask"]) for record in dataset] == [2] * 3 + [1] * 9
    assert api.check(folder, config.tasks).problems == []


def test_one_object_a_file(make, draft):
    folder = make("s{0:02d}/images/s{0:02d}.png", "s{0:02d}/masks/{0}a.png")
    make("", "s{0:02d}/masks/{0}b.png")
    dataset, _, _, _ = draft(folder)
    assert [len(record.masks["mask"]) for record in dataset] == [2] * 12


def test_files_that_fit_the_pattern_but_are_no_images_are_reported(make):
    folder = make("benign/a{:02d}.png")
    make("malignant/b{:02d}.png")
    make("", "segmentation/c{:02d}.png")
    notes = api.init(folder).notes
    assert any(
        "36 files fit `images: {diagnosis}/{case}.png`, but 24 of them" in line for line in notes.unsure
    )


def test_nothing_but_images(make, draft):
    dataset, config, notes, text = draft(make("c{:02d}.png"))
    assert len(dataset) == 12
    assert config is None
    assert not dataset.description.masks
    assert any("No mask or column is suitable for a task" in line for line in notes.unsure)
    assert "No mask or column is suitable for a task" in text


def test_images_in_a_folder_called_masks_are_images(make, draft):
    dataset, _, notes, _ = draft(make("masks/c{:02d}.png"))
    assert len(dataset) == 12
    assert any("every file is a mask" in line for line in notes.unsure)


def test_some_masks_are_absent(make, draft):
    folder = make("images/c{:02d}.png", "masks/c{:02d}.png")
    for index in range(0, 12, 2):
        (folder / "masks" / f"c{index:02d}.png").unlink()
    dataset, _, notes, _ = draft(folder)
    assert sum(bool(record.masks) for record in dataset) == 6
    assert any("6 of 12 images have one" in guess.because for guess in notes.guesses)


@pytest.fixture
def busi(tmp_path, pictures):
    """Class folders, masks beside the images, some cases with two."""
    for kind, n in (("benign", 8), ("malignant", 5), ("normal", 4)):
        for index in range(1, n + 1):
            name = tmp_path / "set" / kind / f"{kind} ({index})"
            pictures.save(name.with_name(f"{name.name}.png"), pictures.noise(10 * n + index))
            pictures.save(name.with_name(f"{name.name}_mask.png"), pictures.disc(0))
            if index == 3:
                pictures.save(name.with_name(f"{name.name}_mask_1.png"), pictures.disc(0)[:, ::-1])
    return tmp_path / "set"


def test_class_folders_with_masks_beside_the_images(busi, draft):
    dataset, config, notes, _ = draft(busi)
    assert len(dataset) == 17
    assert dataset.description.images == "{diagnosis}/{case}.png"
    assert dataset.description.masks["mask"].path == "{diagnosis}/{case}_mask*.png"
    assert dataset.description.columns["diagnosis"].classes == ("normal", "benign", "malignant")
    assert [task.kind for task in config.tasks] == ["segmentation", "classification"]
    two = next(record for record in dataset if record.case == "benign (3)")
    assert len(two.masks["mask"]) == 2
    assert api.check(busi, config.tasks).problems == []
    assert any(guess.what == "images.{diagnosis}" for guess in notes.guesses)


def test_class_folders_below_images_and_masks(make, draft):
    folder = make("images/cat/a{:02d}.png", "masks/cat/a{:02d}.png")
    make("images/dog/b{:02d}.png", "masks/dog/b{:02d}.png")
    dataset, config, _, _ = draft(folder)
    assert len(dataset) == 24
    assert dataset.description.images == "images/{class}/{case}.png"
    assert dataset.description.masks["mask"].path == "masks/{class}/{case}.png"
    assert [task.target_name for task in config.tasks] == ["mask", "class"]


@pytest.mark.parametrize("sides", [("train", "val", "test"), ("training", "validation", "test")])
def test_split_folders(make, draft, sides):
    for side in sides:
        folder = make(f"{side}/images/{side}{{:02d}}.png", f"{side}/masks/{side}{{:02d}}.png", n=5)
    dataset, config, _, text = draft(folder)
    assert dataset.description.images == "{split}/images/{case}.png"
    assert dataset.description.split == "split"
    assert "# split: {column: ratio}" not in text
    checkup = api.check(folder, config.tasks, config.split)
    assert checkup.problems == []
    assert {name: len(part) for name, part in checkup.parts.items()} == {"train": 5, "val": 5, "test": 5}


@pytest.mark.parametrize("sides", [("train", "test"), ("Training", "Testing"), ("train_set", "test_set")])
def test_split_folders_without_val_give_some_of_train_to_it(make, draft, sides):
    for side in sides:
        folder = make(f"{side}/images/{side}{{:02d}}.png", f"{side}/masks/{side}{{:02d}}.png")
    _, config, notes, _ = draft(folder)
    assert any("a quarter of the train cases will be used as val" in line for line in notes.unsure)
    checkup = api.check(folder, config.tasks, config.split)
    assert checkup.problems == []
    assert {name: len(part) for name, part in checkup.parts.items()} == {"train": 9, "val": 3, "test": 12}
    assert {record.split for record in checkup.parts["test"]} == {"test"}
    assert any(
        "3 of its 12 train cases are used as val" in o.text for f in checkup.findings for o in f.observations
    )


def test_split_folders_of_train_alone_are_ignored(make, draft):
    for side in ("train", "val"):
        folder = make(f"{side}/images/{side}{{:02d}}.png", f"{side}/masks/{side}{{:02d}}.png")
    (folder / "train").rename(folder / "test")
    _, config, notes, _ = draft(folder)
    assert config.split.column == "ratio"
    assert any("has no val cases" in line or "config.yaml ignores it" in line for line in notes.unsure)
    assert api.check(folder, config.tasks, config.split).problems == []


def test_patient_folders(make, draft):
    for patient in range(6):
        folder = make(
            f"patient_{patient}/p{patient}_{{}}.png", f"patient_{patient}/p{patient}_{{}}_mask.png", n=3
        )
    dataset, _, notes, _ = draft(folder)
    assert dataset.description.patient == "patient"
    assert len({record.patient for record in dataset}) == 6
    assert not any("counts as a patient of its own" in line for line in notes.unsure)


def test_a_folder_of_binary_masks_for_each_class(make, draft):
    folder = make("images/c{:02d}.png", "masks/wall/c{:02d}.png")
    make("", "masks/lumen/c{:02d}.png")
    dataset, config, notes, _ = draft(folder)
    (mask,) = dataset.description.masks.values()
    assert mask.files == {"lumen": "masks/lumen/{case}.png", "wall": "masks/wall/{case}.png"}
    assert mask.classes == ("background", "lumen", "wall")
    assert len(config.tasks) == 1
    assert any("the last one wins" in line for line in notes.unsure)
    assert api.check(folder, config.tasks).problems == []


def test_several_kinds_of_mask_in_one_folder(make, draft):
    folder = make("images/c{:02d}.png", "masks/c{:02d}_disc.png")
    make("", "masks/c{:02d}_cup.png", n=3)
    dataset, config, notes, text = draft(folder)
    assert {name: mask.path for name, mask in dataset.description.masks.items()} == {
        "disc": "masks/{case}_disc.png",
        "cup": "masks/{case}_cup.png",
    }
    assert [task.name for task in config.tasks] == ["disc"]
    assert any("treated as separate masks" in line for line in notes.unsure)
    assert "disc" in text


def test_images_of_several_formats(make, draft):
    folder = make("images/a{:02d}.png", "masks/a{:02d}.png")
    make("images/b{:02d}.jpg", "masks/b{:02d}.bmp", n=5)
    dataset, config, _, _ = draft(folder)
    assert len(dataset) == 17
    assert all(record.masks for record in dataset)
    assert api.check(folder, config.tasks).problems == []


CHANNELS = {
    "folders of cases": ("c{0:02d}/{1}.png", "c{0:02d}/seg.png", "{{case}}/{0}.png"),
    "names of cases in their folders": (
        "b{0:02d}/b{0:02d}_{1}.png",
        "b{0:02d}/b{0:02d}_seg.png",
        "{{case}}/{{case}}_{0}.png",
    ),
    "one folder": ("c{0:02d}_{1}.png", "c{0:02d}_seg.png", "{{case}}_{0}.png"),
    "a folder a channel": ("{1}/c{0:02d}.png", "masks/c{0:02d}.png", "{0}/{{case}}.png"),
}


@pytest.mark.parametrize("layout", CHANNELS)
@pytest.mark.parametrize(("names", "lacking"), [(("t1", "t2"), 2), (("DAPI", "GFP", "RFP"), 0)])
def test_files_named_after_channels_are_channels_of_one_image(make, draft, layout, names, lacking):
    image, mask, pattern = CHANNELS[layout]
    for name in names:
        folder = make(image.replace("{1}", name), mask)
    for index in range(lacking):
        (folder / image.format(index, names[0])).unlink()
    dataset, _, notes, _ = draft(folder)
    description = dataset.description
    assert description.image_patterns == {name.lower(): pattern.format(name) for name in names}
    assert description.missing_channels == ("zeros" if lacking else "refuse")
    assert len(dataset) == 12
    assert all(record.masks for record in dataset)
    assert sum(len(record.missing_channels) for record in dataset) == lacking
    told = f"Of 12 cases, channels are missing: {names[0].lower()} in 2."
    assert any(line.startswith(told) for line in notes.unsure) == bool(lacking)


def test_files_that_names_do_not_call_channels_are_no_channels(make, draft):
    folder = make("left/c{:02d}.png", "masks/c{:02d}.png")
    make("right/c{:02d}.png")
    dataset, _, notes, _ = draft(folder)
    assert len(dataset) == 12
    assert dataset.description.images == "left/{case}.png"
    assert any(
        "Only left is used, since the file names in right are the same. If they are channels of one" in line
        for line in notes.unsure
    )


def test_channels_of_different_sizes_or_with_masks_of_their_own_are_cases(make, draft, pictures):
    folder = make("c{:02d}_t1.png", "c{:02d}_t1_seg.png")
    make("c{:02d}_t2.png", "c{:02d}_t2_seg.png")
    dataset, *_ = draft(folder)
    assert not dataset.description.channels
    assert len(dataset) == 24
    shutil.rmtree(folder)
    make("t1/c{:02d}.png")
    for index in range(12):
        pictures.save(folder / f"t2/c{index:02d}.png", pictures.noise(index)[1:])
    assert not draft(folder)[0].description.channels


def test_names_that_repeat_between_class_folders_are_refused(make, draft):
    folder = make("benign/{}.png", n=5)
    make("malignant/{}.png", n=7)
    with pytest.raises(
        DataError, match=r"the same file name as another one: 5 images .*benign/.\.png, malignant/.\.png"
    ):
        draft(folder)
    assert not list(folder.glob("*.yaml"))


def test_masks_that_fit_no_image_are_left_out_and_reported(make, draft):
    folder = make("images/c{:02d}.png", "masks/other{:02d}x.png")
    shutil.rmtree(folder / "masks")
    make("", "masks/q{:02d}z.png", n=3)
    for path in (folder / "masks").iterdir():
        path.rename(path.with_name(f"{'abc'[int(path.stem[1:3])]}-{path.name[:1]}.png"))
    dataset, _, notes, _ = draft(folder)
    assert not dataset.description.masks
    assert any(
        "3 masks in masks will not be used, because no name fits an image" in line for line in notes.unsure
    )


def test_hidden_files_and_files_of_other_kinds_are_not_looked_at(make, draft):
    folder = make("images/c{:02d}.png", "masks/c{:02d}.png", README__md="# set")
    for name in ("__MACOSX", ".cache"):
        (folder / name).mkdir()
        (folder / name / "c00.png").write_bytes(b"junk")
    (folder / "masks" / "._c00.png").write_bytes(b"junk")
    dataset, _, notes, _ = draft(folder)
    assert any(guess.guess == "12 files" for guess in notes.guesses if guess.what == "masks")
    assert len(dataset) == 12


def test_files_that_know_their_spacing(tmp_path, pictures, draft):
    nibabel = pytest.importorskip("nibabel", reason="NIfTI files are read with nibabel, which is not here")
    for index in range(6):
        for name, pixels in (("images", pictures.noise(index)), ("labels", pictures.disc(index, 1))):
            (tmp_path / name).mkdir(exist_ok=True)
            volume = nibabel.Nifti1Image(pixels[..., None], affine=None)
            volume.header.set_zooms((0.5, 0.25, 1))
            nibabel.save(volume, tmp_path / name / f"c{index}.nii.gz")
    dataset, _, _, text = draft(tmp_path)
    assert "spacing_mm: header" in text
    assert dataset.description.images == "images/{case}.nii.gz"
    assert dataset.records[0].spacing_mm is not None
