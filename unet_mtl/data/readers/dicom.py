"""Read one frame of a DICOM file with pydicom (extra `dicom`), with its rescaling, window and spacing."""

import secrets
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.readers.picture import (
    MAX_RATIO,
    Header,
    Picture,
    Reader,
    check_bytes,
    check_size,
    choose_frame,
    import_optional,
    reading,
    unreadable,
)
from unet_mtl.errors import DataError

_DEFLATED = "1.2.840.10008.1.2.1.99"
_RUN_LENGTH = "1.2.840.10008.1.2.5"
_KEY = secrets.token_bytes(32)
"""The key of the digests of patients. It is never stored, so that the digests cannot be traced back."""


def _pydicom(path: Path) -> Any:
    import_optional(path, "pydicom.pixels", "DICOM", "dicom")
    return import_optional(path, "pydicom", "DICOM", "dicom")


def _header(path: Path, pydicom: Any) -> Any:
    meta = pydicom.filereader.read_file_meta_info(path)
    # To read the header, pydicom would decompress the whole file, however large.
    if meta.get("TransferSyntaxUID") == _DEFLATED:
        raise DataError(f"{path}: deflated DICOM files are not read; save it as Explicit VR Little Endian")
    header = pydicom.dcmread(path, stop_before_pixels=True)
    absent = [name for name in ("Rows", "Columns", "BitsAllocated") if header.get(name) is None]
    if absent:
        raise unreadable(path, f"a DICOM file without {', '.join(absent)}")
    channels = int(header.get("SamplesPerPixel") or 1)
    check_size(path, header.Rows, header.Columns, channels)
    _check_bytes(path, header, header.Rows * header.Columns * channels * int(header.BitsAllocated) // 8)
    return header


def _count_frames(header: Any) -> int:
    return int(header.get("NumberOfFrames") or 1)


def _check_bytes(path: Path, header: Any, bytes_per_frame: int) -> None:
    syntax = header.file_meta.TransferSyntaxUID
    if not syntax.is_compressed:
        check_bytes(path, bytes_per_frame * _count_frames(header))
    elif syntax == _RUN_LENGTH:
        check_bytes(path, bytes_per_frame * _count_frames(header), MAX_RATIO)


def _spacing(header: Any) -> tuple[float, float] | None:
    """Return the spacing in the patient. ImagerPixelSpacing, at the detector, is magnified and not used."""
    spacing = header.get("PixelSpacing")
    if spacing is None and header.get("SharedFunctionalGroupsSequence"):
        measures = header.SharedFunctionalGroupsSequence[0].get("PixelMeasuresSequence")
        spacing = measures[0].get("PixelSpacing") if measures else None
    if spacing is None or len(spacing) != 2 or not all(0 < float(mm) < np.inf for mm in spacing):
        return None
    return float(spacing[0]), float(spacing[1])


def _patient(header: Any) -> bytes | None:
    words = [str(header.get(name) or "").strip() for name in ("PatientID", "IssuerOfPatientID")]
    return blake2b(repr(words).encode(), key=_KEY, digest_size=16).digest() if words[0] else None


def _window(header: Any) -> tuple[float, float] | None:
    """Return the first window. PS3.3 C.11.2.1.2 defines LINEAR by centre - 0.5 and width - 1."""
    centre, width = (_first(header.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None:
        return None
    if header.get("VOILUTFunction", "LINEAR") == "LINEAR":
        centre, width = centre - 0.5, width - 1
    return (centre - width / 2, centre + width / 2) if width > 0 else None


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return (
        float(value)
        if isinstance(value, int | float | str) or not hasattr(value, "__len__")
        else float(value[0])
    )


def measure(path: Path, frame: int | None) -> Header:
    """Read the size and the spacing without the pixels."""
    with reading(path):
        header = _header(path, _pydicom(path))
        n_frames = _count_frames(header)
        index = choose_frame(path, frame, n_frames)
        return Header(
            int(header.Rows),
            int(header.Columns),
            _spacing(header),
            frames=n_frames,
            index=index,
            patient=_patient(header),
        )


def read(path: Path, frame: int | None) -> Picture:
    """Read one frame, the first by default, with the modality rescaling, lookup table or palette applied."""
    with reading(path):
        pydicom = _pydicom(path)
        header = _header(path, pydicom)
        chosen = choose_frame(path, frame, _count_frames(header))
        stored = pydicom.pixels.pixel_array(path, index=chosen)
        if header.get("PhotometricInterpretation") == "PALETTE COLOR":
            stored = pydicom.pixels.apply_color_lut(stored, header)
        pixels = np.asarray(stored).reshape(header.Rows, header.Columns, -1)
        if pixels.shape[-1] > 1:
            return Picture(pixels=pixels[..., :3], spacing_mm=_spacing(header))
        return _picture(pydicom, header, pixels)


def _picture(pydicom: Any, header: Any, stored: NDArray[Any]) -> Picture:
    rescaled = np.asarray(pydicom.pixels.apply_modality_lut(stored, header))
    unchanged = bool((rescaled == stored).all())
    bits = int(header.get("BitsStored") or header.BitsAllocated)
    plain = unchanged and stored.dtype == np.uint8 and bits == 8
    return Picture(
        pixels=stored if unchanged else rescaled,
        extent=None if plain else _extent(header, bits),
        spacing_mm=_spacing(header),
        window=_window(header),
        measured=not plain,
        inverted=header.get("PhotometricInterpretation") == "MONOCHROME1",
    )


def _extent(header: Any, bits: int) -> tuple[float, float] | None:
    slope, intercept = (
        float(header.get(name, usual)) for name, usual in (("RescaleSlope", 1), ("RescaleIntercept", 0))
    )
    lowest = -(2 ** (bits - 1)) if header.get("PixelRepresentation") == 1 else 0
    ends = sorted((slope * lowest + intercept, slope * (lowest + 2**bits - 1) + intercept))
    return ends[0], ends[1]


DICOM = Reader(measure, read)
