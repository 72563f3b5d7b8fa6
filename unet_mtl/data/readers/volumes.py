"""One slice of a NIfTI (nibabel) or NRRD (pynrrd) volume, without the rest of it (extra `volumes`).

Slices lie along the third axis; the middle one is read where none is named. As both formats count the
first axis fastest, from side to side, it becomes the columns and the second axis the rows: as stored,
turned by no orientation matrix, so that an image and its mask always fit.
"""

import gzip
import importlib
from dataclasses import dataclass
from math import hypot, prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from unet_mtl.data.readers.picture import (
    MOST_PACKED,
    Header,
    Picture,
    Reader,
    check_bytes,
    check_size,
    choose_frame,
    reading,
    unreadable,
)
from unet_mtl.errors import DataError

_NRRD_TYPES = {
    "int8": ("int8", "int8_t", "signed char"),
    "uint8": ("uint8", "uint8_t", "uchar", "unsigned char"),
    "int16": ("int16", "int16_t", "short", "short int", "signed short", "signed short int"),
    "uint16": ("uint16", "uint16_t", "ushort", "unsigned short", "unsigned short int"),
    "int32": ("int32", "int32_t", "int", "signed int"),
    "uint32": ("uint32", "uint32_t", "uint", "unsigned int"),
    "float32": ("float",),
    "float64": ("double",),
}
_TO_MM = {
    1: 1000.0,
    3: 0.001,
}  # NIfTI's codes of metre and micrometre; an unknown unit is a mm, as ITK has it


@dataclass(frozen=True)
class _Volume:
    """What the header of a volume says: sizes of the first three axes, where the voxels begin, their type."""

    sizes: tuple[int, int, int]
    spacing_mm: tuple[float, float] | None
    dtype: np.dtype[Any]
    offset: int
    packed: bool

    def choose(self, path: Path, frame: int | None) -> int:
        return choose_frame(path, frame, self.sizes[2], usual=self.sizes[2] // 2)

    def header(self) -> Header:
        return Header(self.sizes[1], self.sizes[0], self.spacing_mm, frames=self.sizes[2])


def _library(path: Path, name: str, kind: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise DataError(
            f'{path}: {kind} needs {name.partition(".")[0]}; pip install "unet-mtl[volumes]"'
        ) from error


def _checked(path: Path, volume: _Volume) -> _Volume:
    check_size(path, volume.sizes[1], volume.sizes[0], min(1, volume.sizes[2]))
    if volume.dtype.kind not in "buif":
        raise DataError(f"{path}: voxels of type {volume.dtype}; expected one number a voxel")
    needed = prod(volume.sizes) * volume.dtype.itemsize
    check_bytes(path, needed, MOST_PACKED if volume.packed else 1, 0 if volume.packed else volume.offset)
    return volume


def _three_axes(path: Path, sizes: list[int]) -> tuple[int, int, int]:
    if len(sizes) < 2 or prod(sizes[3:]) != 1:
        raise DataError(
            f"{path}: volume of shape {tuple(sizes)}; expected two or three axes: save one volume a file"
        )
    first, second, third = [*sizes, 1][:3]
    return first, second, third


def _positive(first: float, second: float) -> tuple[float, float] | None:
    return (first, second) if 0 < first < np.inf and 0 < second < np.inf else None


def _measure_nifti(path: Path) -> tuple[_Volume, Any]:
    nibabel = _library(path, "nibabel", "NIfTI")
    packed = path.name.lower().endswith(".gz")
    with gzip.open(path) if packed else path.open("rb") as stream:
        block = stream.read(540)
    kind = nibabel.Nifti2Header if block[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else nibabel.Nifti1Header
    # From the block and not from the file: nibabel.load reads extensions at once, as long as they say they are.
    header = kind(block[: kind.template_dtype.itemsize], check=False)
    if bytes(header["magic"])[:3] not in (b"n+1", b"n+2"):
        raise unreadable(path, "no NIfTI file that holds header and voxels")
    sizes = _three_axes(path, [int(size) for size in header["dim"][1 : 1 + max(0, int(header["dim"][0]))]])
    scale = _TO_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    spacing = _positive(float(header["pixdim"][2]) * scale, float(header["pixdim"][1]) * scale)
    volume = _Volume(sizes, spacing, header.get_data_dtype(), int(header["vox_offset"]), packed)
    return _checked(path, volume), header


def measure_nifti(path: Path, frame: int | None) -> Header:
    """Reads the size of a slice from the header alone."""
    with reading(path):
        volume, _ = _measure_nifti(path)
        volume.choose(path, frame)
        return volume.header()


def read_nifti(path: Path, frame: int | None) -> Picture:
    """Reads one slice, its slope and intercept applied."""
    with reading(path):
        volume, header = _measure_nifti(path)
        chosen = volume.choose(path, frame)
        slope, intercept = header.get_slope_inter()
        scaling = (1.0 if slope is None else slope, 0.0 if intercept is None else intercept)
        proxy = _library(path, "nibabel.arrayproxy", "NIfTI").ArrayProxy
        voxels = proxy(str(path), (volume.sizes, volume.dtype, volume.offset, *scaling), mmap=False)
        return _slice(np.asarray(voxels[:, :, chosen]).T, volume)


def _slice(pixels: Any, volume: _Volume) -> Picture:
    pixels = pixels.astype(pixels.dtype.newbyteorder("="))[..., None]
    return Picture(
        pixels=pixels, spacing_mm=volume.spacing_mm, measured=pixels.dtype not in (np.uint8, np.bool_)
    )


def _measure_nrrd(path: Path) -> _Volume:
    nrrd = _library(path, "nrrd", "NRRD")
    with path.open("rb") as stream:
        header = nrrd.read_header(stream)
        offset = stream.tell()
    _refuse_elsewhere(path, header)
    if any(kind not in ("domain", "space", "???") for kind in header.get("kinds", [])):
        raise DataError(f"{path}: axes of the kinds {' '.join(header['kinds'])}; expected one number a voxel")
    kinds = [name for name, words in _NRRD_TYPES.items() if header.get("type") in words]
    if not kinds:
        raise DataError(f"{path}: voxels of type {header.get('type')}; expected one number a voxel")
    order = ">" if header.get("endian") == "big" else "<"
    sizes = _three_axes(path, [int(size) for size in header["sizes"]])
    packed = header.get("encoding") != "raw"
    return _checked(path, _Volume(sizes, _nrrd_spacing(header), np.dtype(order + np.dtype(kinds[0]).str[1:]),
                                  offset, packed))  # fmt: skip


def _refuse_elsewhere(path: Path, header: Any) -> None:
    """Refuses voxels that are not in this file, right behind its header: a header may name any file."""
    named = sorted({"data file", "datafile", "byte skip", "byteskip", "line skip", "lineskip"} & set(header))
    if any(header[name] not in (0, "0") for name in named):
        raise DataError(
            f"{path}: its voxels lie elsewhere ({', '.join(named)}); save header and voxels as one .nrrd"
        )
    if header.get("encoding") not in ("raw", "gzip", "gz"):
        raise DataError(f"{path}: encoding {header.get('encoding')}; expected raw or gzip: save it again")


def _nrrd_spacing(header: Any) -> tuple[float, float] | None:
    if "spacings" in header:
        return _positive(float(header["spacings"][1]), float(header["spacings"][0]))
    if "space directions" in header:
        columns, rows = (hypot(*map(float, axis)) for axis in header["space directions"][:2])
        return _positive(rows, columns)
    return None


def measure_nrrd(path: Path, frame: int | None) -> Header:
    """Reads the size of a slice from the header alone."""
    with reading(path):
        volume = _measure_nrrd(path)
        volume.choose(path, frame)
        return volume.header()


def read_nrrd(path: Path, frame: int | None) -> Picture:
    """Reads one slice."""
    with reading(path):
        volume = _measure_nrrd(path)
        length = volume.sizes[0] * volume.sizes[1] * volume.dtype.itemsize
        with path.open("rb") as stream:
            stream.seek(volume.offset)
            data = _bytes_of(stream, volume.packed, volume.choose(path, frame) * length, length)
        if len(data) != length:
            raise unreadable(path, f"truncated: {len(data)} of the {length} bytes of the slice")
        return _slice(np.frombuffer(data, volume.dtype).reshape(volume.sizes[1], volume.sizes[0]), volume)


def _bytes_of(stream: BinaryIO, packed: bool, start: int, length: int) -> bytes:
    if not packed:
        stream.seek(start, 1)
        return stream.read(length)
    with gzip.GzipFile(fileobj=stream) as unpacked:  # in pieces: never more than the slice in memory
        unpacked.seek(start)
        return unpacked.read(length)


NIFTI = Reader(measure_nifti, read_nifti)
NRRD = Reader(measure_nrrd, read_nrrd)
