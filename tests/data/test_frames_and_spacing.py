"""Several cases in one file, pixel spacings, and files that are not cases."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from PIL import Image

from unet_mtl.data import spacing
from unet_mtl.data.description import make_description
from unet_mtl.data.images import read_header
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import read_dataset
from unet_mtl.errors import DataError

LESION = ["background", "lesion"]


def describe(folder: Path, **content):
    return make_description(content, base=folder, where="here")


def mask_of(dataset, index=0):
    return read_case_mask(dataset.records[index], "m", dataset.description.masks["m"])


def error_of(call, *arguments) -> DataError:
    with pytest.raises(DataError) as caught:
        call(*arguments)
    return caught.value


def nifti(path: Path, voxels, zooms=(0.5, 0.25, 3.0)) -> Path:
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(voxels, np.diag([*zooms, 1]))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


@pytest.fixture
def stack(tmp_path):
    """Write three cases as pages of 4 x 6 pixels; page k has k pixels of the lesion."""
    pages = np.zeros((3, 4, 6), np.uint8)
    for page in range(3):
        pages[page].ravel()[:page] = 1
    tifffile.imwrite(tmp_path / "v.tif", pages * 50, photometric="minisblack")
    tifffile.imwrite(tmp_path / "v_mask.tif", pages, photometric="minisblack")
    (tmp_path / "cases.csv").write_text("case,volume,page\nx,v,0\ny,v,2\nz,v,1\n")
    return tmp_path


STACK = {
    "table": "cases.csv",
    "images": "{volume}.tif",
    "frame": "page",
    "masks": {"m": {"path": "{volume}_mask.tif", "classes": LESION}},
}


def test_cases_share_a_file_a_page_each(stack):
    dataset = read_dataset(describe(stack, **STACK))
    assert [(record.case, record.frame) for record in dataset] == [("x", 0), ("y", 2), ("z", 1)]
    assert [int(mask_of(dataset, i).sum()) for i in range(3)] == [0, 2, 1]
    # pages of one file stay in one split, like cases of one patient
    assert {record.patient for record in dataset} == {"v.tif"}
    named = read_dataset(describe(stack, **STACK, patient="case"))
    assert [record.patient for record in named] == ["x", "y", "z"]


def test_the_fingerprint_knows_the_frame(stack):
    before = read_dataset(describe(stack, **STACK)).fingerprint()
    (stack / "cases.csv").write_text("case,volume,page\nx,v,1\ny,v,2\nz,v,0\n")
    assert read_dataset(describe(stack, **STACK)).fingerprint() != before


def test_a_mask_of_one_page_is_taken_whatever_the_frame(stack):
    tifffile.imwrite(stack / "v_mask.tif", np.full((4, 6), 1, np.uint8))
    assert mask_of(read_dataset(describe(stack, **STACK)), 1).sum() == 24


def test_a_mask_of_another_number_of_pages_is_refused(stack):
    tifffile.imwrite(stack / "v_mask.tif", np.zeros((4, 4, 6), np.uint8), photometric="minisblack")
    error = error_of(mask_of, read_dataset(describe(stack, **STACK)), 1)
    assert error.kind == "mask-size"
    assert (
        str(error)
        == f"{stack}/v_mask.tif: the mask has 4 frames, but its image 'v.tif' has 3; export both with the same number"
    )


def test_size_is_that_of_the_frame(tmp_path):
    with tifffile.TiffWriter(tmp_path / "v.tif") as file:
        file.write(np.zeros((4, 6), np.uint8))
        file.write(np.zeros((5, 7), np.uint8))
    Image.fromarray(np.ones((5, 7), np.uint8)).save(tmp_path / "v.png")
    masks = {"m": {"path": "{case}.png", "classes": LESION}}
    dataset = read_dataset(describe(tmp_path, images="{case}.tif", masks=masks, frame=1))
    assert dataset.records[0].frame == 1
    assert dataset.records[0].patient == "v"
    assert mask_of(dataset).shape == (5, 7)
    with pytest.raises(DataError, match="is 4x6"):
        mask_of(read_dataset(describe(tmp_path, images="{case}.tif", masks=masks, frame=0)))
    error = error_of(mask_of, read_dataset(describe(tmp_path, images="{case}.tif", masks=masks, frame=2)))
    assert (error.kind, "frame 2 of a file that has 2" in str(error)) == ("frame-absent", True)


def test_slices_of_a_volume_and_of_its_mask(tmp_path):
    labels = np.zeros((6, 4, 5), np.uint8)
    labels[1, 2, 3] = 1
    nifti(tmp_path / "a.nii.gz", labels * 7)
    nifti(tmp_path / "a_mask.nii.gz", labels)
    masks = {"m": {"path": "{case}_mask.nii.gz", "classes": LESION}}
    dataset = read_dataset(describe(tmp_path, images="{case}.nii.gz", masks=masks, frame=3))
    assert np.argwhere(mask_of(dataset)).tolist() == [[2, 1]]  # the second axis is down, the first one right
    assert read_header(tmp_path / "a.nii.gz").frames == 5
    other = read_dataset(describe(tmp_path, images="{case}.nii.gz", masks=masks, frame=2))
    assert not mask_of(other).any()


@pytest.mark.parametrize("word", ["-1", "1.5", "first", "1e2", "²"])
def test_a_frame_that_is_none_names_the_case(stack, word):
    (stack / "cases.csv").write_text(f"case,volume,page\nx,v,{word}\n")
    error = error_of(read_dataset, describe(stack, **STACK))
    assert error.problems == [f"case 'x': frame is {word!r}; expected a whole number of at least 0"]


def test_an_empty_cell_is_the_usual_frame_and_workbooks_write_floats(stack):
    (stack / "cases.csv").write_text("case,volume,page\nx,v,\ny,v,2.0\n")
    assert [record.frame for record in read_dataset(describe(stack, **STACK))] == [None, 2]
    (stack / "cases.csv").write_text("case,volume\nx,v\n")
    assert "no column 'page'; it has" in str(error_of(read_dataset, describe(stack, **STACK)))


@pytest.mark.parametrize("frame", [-1, 1.5, True, [0]])
def test_a_frame_in_the_description_that_is_none(tmp_path, frame):
    error = error_of(lambda: describe(tmp_path, images="{case}.png", frame=frame))
    assert len(error.problems) == 1
    assert "frame: expected a whole number of at least 0, or the name of a column" in str(error)


# Spacing


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "cases.csv").write_text("case,dy,dx,header\na,0.2,0.3,0.7\n")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "unit", "expected"),
    [
        (["dy", "dx"], "mm", (0.2, 0.3)),
        ([0.5, "dx"], "mm", (0.5, 0.3)),
        ([0.5, 2], "cm", (5.0, 20.0)),
        (3, "mm", (3.0, 3.0)),
        ("header", "mm", (0.7, 0.7)),  # a column of this name
    ],
)
def test_spacing_is_row_then_column(picture, given, unit, expected):
    described = describe(picture, table="cases.csv", images="{case}.png", spacing_mm=given, spacing_unit=unit)
    (record,) = read_dataset(described)
    assert record.spacing_mm == pytest.approx(expected)
    assert yaml.safe_load(yaml.safe_dump(described.to_config()))["spacing_mm"] == given


def test_half_a_spacing_is_none_and_a_wrong_half_is_named(picture):
    content = {"table": "cases.csv", "images": "{case}.png", "spacing_mm": ["dy", "dx"]}
    (picture / "cases.csv").write_text("case,dy,dx\na,0.2,\n")
    assert read_dataset(describe(picture, **content)).records[0].spacing_mm is None
    (picture / "cases.csv").write_text("case,dy,dx\na,0.2,-3\n")
    error = error_of(read_dataset, describe(picture, **content))
    assert error.problems == ["case 'a': spacing is '-3'; expected millimetres above 0"]
    (picture / "cases.csv").write_text("case,dy\na,0.2\n")
    assert "no column 'dx'; it has 'case', 'dy'" in str(error_of(read_dataset, describe(picture, **content)))


@pytest.mark.parametrize("given", [[0.5], [1, 2, 3], [0.5, 0], [-1, "dx"], [[1, 2], 3], True, {"row": 1}])
def test_a_spacing_that_is_none_is_one_problem(tmp_path, given):
    error = error_of(lambda: describe(tmp_path, images="{case}.png", spacing_mm=given))
    assert len(error.problems) == 1
    assert "spacing_mm: expected " in str(error)


def header_of(folder: Path, images: str, **content):
    return read_dataset(describe(folder, images=images, spacing_mm="header", **content)).records[0].spacing_mm


def test_spacing_from_the_header_is_that_of_rows_then_columns(tmp_path):
    # 6 x 4 voxels, 0.5 mm from column to column and 0.25 mm from row to row
    voxels = np.zeros((6, 4, 2), np.uint8)
    nifti(tmp_path / "a.nii", voxels)
    assert header_of(tmp_path, "{case}.nii") == (0.25, 0.5)
    nrrd = pytest.importorskip("nrrd")
    nrrd.write(str(tmp_path / "b.nrrd"), voxels, {"spacings": [0.5, 0.25, 3.0]})
    # independent of the unit of numbers and columns
    assert header_of(tmp_path, "{case}.nrrd", spacing_unit="cm") == (0.25, 0.5)
    assert read_header(tmp_path / "b.nrrd").height == 4


def test_spacing_from_the_header_of_a_dicom(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    content = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    content.SOPClassUID, content.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    content.Rows, content.Columns, content.SamplesPerPixel = 2, 4, 1
    content.PhotometricInterpretation, content.PixelRepresentation = "MONOCHROME2", 0
    content.BitsAllocated, content.BitsStored, content.HighBit = 8, 8, 7
    content.PixelData = bytes(8)
    content.PixelSpacing = [0.8, 0.4]  # PS3.3 10.7.1.3: between rows first
    content.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert header_of(tmp_path, "{case}.dcm") == (0.8, 0.4)


def test_a_header_without_spacing_or_none_at_all_is_unknown(tmp_path):
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / "a.png")
    assert header_of(tmp_path, "{case}.png") is None
    (tmp_path / "a.png").write_bytes(b"no image")
    assert header_of(tmp_path, "{case}.png") is None  # reading its pixels reports the problem


def test_no_header_is_opened_outside_of_the_folder(tmp_path, monkeypatch):
    folder = tmp_path / "set"
    folder.mkdir()
    nifti(tmp_path / "a.nii", np.zeros((6, 4, 2), np.uint8))
    (folder / "a.nii").symlink_to(tmp_path / "a.nii")
    assert header_of(folder, "{case}.nii", links=True) == (0.25, 0.5)
    opened = []
    monkeypatch.setattr(spacing, "read_spacing", lambda *arguments: opened.append(arguments))
    error = error_of(read_dataset, describe(folder, images="{case}.nii", spacing_mm="header"))
    assert "leads out of `root`" in str(error)
    assert opened == []


# Files that are not cases


def test_files_of_file_managers_are_no_cases(tmp_path):
    for folder in ("images", "masks", "images/.ipynb_checkpoints", "images/x.png"):
        (tmp_path / folder).mkdir()
    for name in ("a.png", "._a.png", ".ipynb_checkpoints/a.png"):
        Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / "images" / name)
        if "/" not in name:
            Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / "masks" / name)
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store"):
        (tmp_path / "images" / name).write_bytes(b"")
    masks = {"m": {"path": "masks/*{case}*", "classes": LESION}}
    for images in ("images/{case}.png", "images/{case}"):
        (record,) = read_dataset(describe(tmp_path, images=images, masks=masks))
        assert record.image.name == "a.png"
        assert [file.path.name for file in record.masks["m"]] == ["a.png"]


def test_a_hidden_folder_that_is_asked_for_is_searched(tmp_path):
    (tmp_path / ".data").mkdir()
    for name in ("a.png", "._a.png"):
        Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / ".data" / name)
    assert [record.case for record in read_dataset(describe(tmp_path, images=".data/{case}.png"))] == ["a"]
