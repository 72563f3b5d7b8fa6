"""Pixels for files of the corpus: made up, or encoded in a given format."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
from PIL import Image

from .good import SIZE


def speckle(seed: int) -> Any:
    """Return an image that resembles none of the good data set."""
    rng = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(rng.normal(0, 1, SIZE), (0, 0), 5)
    fine = cv2.GaussianBlur(rng.normal(0, 1, SIZE), (0, 0), 1)
    return np.clip(80 + 40 * smooth / smooth.std() + 10 * fine / fine.std(), 0, 255).astype(np.uint8)


def encoded(pixels: Any, kind: str, **options: Any) -> bytes:
    """Return the bytes of a file in the format "PNG", "JPEG" or "TIFF"."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def write_dicom(path: Path, pixels: Any, patient: str) -> None:
    """Write an 8-bit grey image as a DICOM file with a PatientID."""
    content = pydicom.Dataset()
    content.PatientID = patient
    content.Rows, content.Columns = pixels.shape
    content.SamplesPerPixel, content.PhotometricInterpretation = 1, "MONOCHROME2"
    content.BitsAllocated, content.BitsStored, content.HighBit, content.PixelRepresentation = 8, 8, 7, 0
    content.PixelData = pixels.tobytes()
    content.SOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    content.SOPInstanceUID = pydicom.uid.generate_uid()
    content.file_meta = pydicom.dataset.FileMetaDataset()
    content.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    content.save_as(path, enforce_file_format=True)
