"""Files of every format, written by the library that defines the format."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image


def npy(path: Path, array: Any) -> Path:
    """Writes an array."""
    np.save(path, array)
    return path


def dicom(path: Path, pixels: Any, compress: bool = False, **attributes: Any) -> Path:
    """Writes pixels as a DICOM file with further attributes of its header."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, RLELossless, SecondaryCaptureImageStorage

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    content = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    content.SOPClassUID, content.SOPInstanceUID = (
        meta.MediaStorageSOPClassUID,
        meta.MediaStorageSOPInstanceUID,
    )
    pixels = np.asarray(pixels)
    colour = pixels.shape[-1] == 3
    content.Rows, content.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    content.SamplesPerPixel = 3 if colour else 1
    if colour:
        content.PlanarConfiguration = 0
    content.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    content.BitsAllocated = content.BitsStored = pixels.dtype.itemsize * 8
    content.HighBit = content.BitsAllocated - 1
    content.PixelRepresentation = int(pixels.dtype.kind == "i")
    content.PixelData = pixels.tobytes()
    for name, value in attributes.items():
        setattr(content, name, value)
    content.HighBit = content.BitsStored - 1
    if compress:
        content.compress(RLELossless)
    content.save_as(path, enforce_file_format=True)
    return path


def nifti(
    path: Path, voxels: Any, zooms: tuple[float, float, float] = (0.5, 0.25, 3.0), kind: str = "Nifti1Image"
) -> Path:
    """Writes a volume as a NIfTI file."""
    nibabel = pytest.importorskip("nibabel")
    image = getattr(nibabel, kind)(voxels, np.diag([*zooms, 1])[:4, :4])
    image.header.set_xyzt_units("mm")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nibabel.save(image, path)
    return path


def raster(path: Path, pixels: Any) -> Path:
    """Writes pixels with Pillow, in the format that the suffix names."""
    options = (
        {"lossless": True} if path.suffix == ".webp" else {"quality": 95} if path.suffix[:3] == ".jp" else {}
    )
    Image.fromarray(pixels).save(path, **options)
    return path


def tiff(path: Path, pixels: Any) -> Path:
    """Writes pixels as an uncompressed TIFF file."""
    tifffile.imwrite(path, pixels, photometric="minisblack")
    return path


def nrrd(path: Path, pixels: Any) -> Path:
    """Writes pixels as a NRRD volume of one slice."""
    pytest.importorskip("nrrd").write(str(path), pixels.T[..., None], {"spacings": [0.5, 0.25, 3.0]})
    return path


SAMPLES: dict[str, Callable[[Path, Any], Path]] = {
    "png": raster,
    "jpeg": raster,
    "tiff": tiff,
    "bmp": raster,
    "webp": raster,
    "gif": raster,
    "npy": npy,
    "dicom": dicom,
    "nifti": lambda path, pixels: nifti(path, pixels.T[..., None]),
    "nrrd": nrrd,
}
"""Writes grey pixels `(height, width)` uint8 as a file, by the key of its format."""
