"""Read one slice of a NIfTI (nibabel) or NRRD (pynrrd) volume without loading the rest (extra `volumes`).

Slices lie along the third axis, and the middle one is the default. In both formats the first axis varies
fastest, so it becomes the columns and the second axis the rows. The orientation matrix is not applied: pixels
stay as stored, so that an image and its mask always fit.
"""

import gzip
from dataclasses import dataclass
from math import hypot, prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

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
# The NIfTI codes of metre and micrometre. An unknown unit counts as millimetre, as in ITK.
_MM_PER_UNIT = {1: 1000.0, 3: 0.001}


@dataclass(frozen=True)
class _Volume:
    """The header of a volume: sizes of the first three axes, spacing, and type and position of the voxels."""

    sizes: tuple[int, int, int]
    spacing_mm: tuple[float, float] | None
    dtype: np.dtype[Any]
    offset: int
    compressed: bool

    def choose(self, path: Path, frame: int | None) -> int:
        return choose_frame(path, frame, self.sizes[2], default=self.sizes[2] // 2)

    def header(self, path: Path, frame: int | None) -> Header:
        index = self.choose(path, frame)
        return Header(self.sizes[1], self.sizes[0], self.spacing_mm, frames=self.sizes[2], index=index)


def _checked(path: Path, volume: _Volume) -> _Volume:
    check_size(path, volume.sizes[1], volume.sizes[0], min(1, volume.sizes[2]))
    if volume.dtype.kind not in "buif":
        raise DataError(f"{path}: voxels of type {volume.dtype}; expected one number per voxel")
    needed = prod(volume.sizes) * volume.dtype.itemsize
    check_bytes(
        path,
        needed,
        max_ratio=MAX_RATIO if volume.compressed else 1,
        offset=0 if volume.compressed else volume.offset,
    )
    return volume


def _three_axes(path: Path, sizes: list[int]) -> tuple[int, int, int]:
    if len(sizes) < 2 or prod(sizes[3:]) != 1:
        raise DataError(
            f"{path}: volume of shape {tuple(sizes)}; expected two or three axes: save one volume per file"
        )
    first, second, third = [*sizes, 1][:3]
    return first, second, third


def _positive(first: float, second: float) -> tuple[float, float] | None:
    return (first, second) if 0 < first < np.inf and 0 < second < np.inf else None


def _measure_nifti(path: Path) -> tuple[_Volume, Any]:
    nibabel = import_optional(path, "nibabel", "NIfTI", "volumes")
    compressed = path.name.lower().endswith(".gz")
    with gzip.open(path) if compressed else path.open("rb") as stream:
        block = stream.read(540)
    kind = nibabel.Nifti2Header if block[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else nibabel.Nifti1Header
    # The header is parsed from this block, since nibabel.load would also read extensions of any declared length.
    header = kind(block[: kind.template_dtype.itemsize], check=False)
    if bytes(header["magic"])[:3] not in (b"n+1", b"n+2"):
        raise unreadable(path, "not a NIfTI file that holds both header and voxels")
    sizes = _three_axes(path, [int(size) for size in header["dim"][1 : 1 + max(0, int(header["dim"][0]))]])
    scale = _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    spacing = _positive(float(header["pixdim"][2]) * scale, float(header["pixdim"][1]) * scale)
    volume = _Volume(sizes, spacing, header.get_data_dtype(), int(header["vox_offset"]), compressed)
    return _checked(path, volume), header


def measure_nifti(path: Path, frame: int | None) -> Header:
    """Read the size of a slice from the header."""
    with reading(path):
        volume, _ = _measure_nifti(path)
        return volume.header(path, frame)


def read_nifti(path: Path, frame: int | None) -> Picture:
    """Read one slice, with its slope and intercept applied."""
    with reading(path):
        volume, header = _measure_nifti(path)
        chosen = volume.choose(path, frame)
        slope, intercept = header.get_slope_inter()
        scaling = (1.0 if slope is None else slope, 0.0 if intercept is None else intercept)
        proxy = import_optional(path, "nibabel.arrayproxy", "NIfTI", "volumes").ArrayProxy
        voxels = proxy(str(path), (volume.sizes, volume.dtype, volume.offset, *scaling), mmap=False)
        return _slice(np.asarray(voxels[:, :, chosen]).T, volume)


def _slice(pixels: Any, volume: _Volume) -> Picture:
    pixels = pixels.astype(pixels.dtype.newbyteorder("="))[..., None]
    return Picture(
        pixels=pixels, spacing_mm=volume.spacing_mm, measured=pixels.dtype not in (np.uint8, np.bool_)
    )


def _measure_nrrd(path: Path) -> _Volume:
    nrrd = import_optional(path, "nrrd", "NRRD", "volumes")
    with path.open("rb") as stream:
        header = nrrd.read_header(stream)
        offset = stream.tell()
    _refuse_detached(path, header)
    if any(kind not in ("domain", "space", "???") for kind in header.get("kinds", [])):
        raise DataError(
            f"{path}: axes of the kinds {' '.join(header['kinds'])}; expected one number per voxel"
        )
    kinds = [name for name, words in _NRRD_TYPES.items() if header.get("type") in words]
    if not kinds:
        raise DataError(f"{path}: voxels of type {header.get('type')}; expected one number per voxel")
    order = ">" if header.get("endian") == "big" else "<"
    sizes = _three_axes(path, [int(size) for size in header["sizes"]])
    compressed = header.get("encoding") != "raw"
    dtype = np.dtype(order + np.dtype(kinds[0]).str[1:])
    return _checked(path, _Volume(sizes, _nrrd_spacing(header), dtype, offset, compressed))


def _refuse_detached(path: Path, header: Any) -> None:
    """Refuse voxels that do not directly follow the header in this file, since a header may name any file."""
    named = sorted({"data file", "datafile", "byte skip", "byteskip", "line skip", "lineskip"} & set(header))
    if any(header[name] not in (0, "0") for name in named):
        raise DataError(
            f"{path}: its voxels are not directly behind its header ({', '.join(named)}); save both as one .nrrd"
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
    """Read the size of a slice from the header."""
    with reading(path):
        return _measure_nrrd(path).header(path, frame)


def read_nrrd(path: Path, frame: int | None) -> Picture:
    """Read one slice."""
    with reading(path):
        volume = _measure_nrrd(path)
        length = volume.sizes[0] * volume.sizes[1] * volume.dtype.itemsize
        with path.open("rb") as stream:
            stream.seek(volume.offset)
            data = _read_bytes(stream, volume.compressed, volume.choose(path, frame) * length, length)
        if len(data) != length:
            raise unreadable(path, f"truncated: the slice has {len(data)} of {length} bytes")
        return _slice(np.frombuffer(data, volume.dtype).reshape(volume.sizes[1], volume.sizes[0]), volume)


def _read_bytes(stream: BinaryIO, compressed: bool, start: int, length: int) -> bytes:
    if not compressed:
        stream.seek(start, 1)
        return stream.read(length)
    with gzip.GzipFile(
        fileobj=stream
    ) as decompressed:  # `seek` skips in chunks, so memory holds only the slice
        decompressed.seek(start)
        return decompressed.read(length)


NIFTI = Reader(measure_nifti, read_nifti)
NRRD = Reader(measure_nrrd, read_nrrd)
