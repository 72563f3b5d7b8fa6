"""Repaired copies of DICOM: the same pixels in a training, and no names of patients."""

import numpy as np
import pytest
import yaml

import unet_mtl as um

NAME, BIRTH = "Somebody^Known", "19610203"


def write_dicom(path, pixels, **attributes):
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    content = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    content.SOPClassUID = meta.MediaStorageSOPClassUID
    content.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    content.PatientName, content.PatientBirthDate = NAME, BIRTH
    content.Rows, content.Columns = pixels.shape
    content.SamplesPerPixel, content.PhotometricInterpretation = 1, "MONOCHROME2"
    content.BitsAllocated = content.BitsStored = pixels.dtype.itemsize * 8
    content.HighBit = content.BitsStored - 1
    content.PixelRepresentation = int(pixels.dtype.kind == "i")
    content.PixelSpacing = [0.5, 0.25]
    content.PixelData = pixels.tobytes()
    for name, value in attributes.items():
        setattr(content, name, value)
    content.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize(
    ("dtype", "attributes", "suffix"),
    [
        ("u1", {}, ".png"),
        ("u1", {"PhotometricInterpretation": "MONOCHROME1"}, ".png"),
        ("u2", {"WindowCenter": 300, "WindowWidth": 500}, ".npy"),
        ("i2", {"RescaleIntercept": -1000, "RescaleSlope": 2}, ".npy"),
    ],
)
def test_pixels_go_into_the_copy_and_names_do_not(tmp_path, dtype, attributes, suffix, assert_same, read_log):
    root = tmp_path / "set"
    (root / "scans").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(3):
        pixels = rng.integers(0, 255 if dtype == "u1" else 1000, (20, 16)).astype(dtype)
        write_dicom(root / "scans" / f"c{index}.dcm", pixels, **attributes)
    (root / "cases.csv").write_text(
        "case,who,grade\n" + "".join(f"c{i},p{i},{'ab'[i % 2]}\n" for i in range(3))
    )
    description = {
        "table": "cases.csv",
        "patient": "who",
        "images": "scans/{case}.dcm",
        "columns": {"grade": {"classes": ["a", "b"]}},
        "spacing_mm": "header",
    }
    (root / "dataset.yaml").write_text(yaml.safe_dump(description))
    um.repair(root, tmp_path / "copy", progress=False)
    assert_same(root, tmp_path / "copy")
    assert {record.spacing_mm for record in um.read_dataset(tmp_path / "copy")} == {(0.5, 0.25)}
    files = [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]
    assert {path.suffix for path in files if path.parent.name == "images"} == {suffix}
    assert not any(word.encode() in path.read_bytes() for path in files for word in (NAME, BIRTH))
    assert [row[:3] for row in read_log(tmp_path / "copy")] == [
        (f"c{i}", f"scans/c{i}.dcm", "dicom") for i in range(3)
    ]
