"""The formats of images and masks. A new format is its reader and one entry in `FORMATS`."""

import re
import stat
from dataclasses import dataclass
from pathlib import Path

from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from unet_mtl.data.readers.arrays import ARRAYS
from unet_mtl.data.readers.dicom import DICOM
from unet_mtl.data.readers.picture import Reader, reading, unreadable
from unet_mtl.data.readers.raster import pillow_reader, png_has_alpha
from unet_mtl.data.readers.tiff import TIFF
from unet_mtl.data.readers.volumes import NIFTI, NRRD
from unet_mtl.errors import DataError

_HEAD_BYTES = 348
"""The number of bytes at the start of a file that all signatures lie in."""

_POINTER = b"version https://git-lfs.github.com/spec/"
_SURE_BYTES = 3
"""The length of a signature that identifies a file without any suffix; the two letters of BMP begin many texts."""

_SUFFIX = re.compile(r"\.[^.\s]*[^\W\d_][^.\s]*$")
_TYPES = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True)
class Format:
    """One file format that images and masks can be read from.

    Attributes:
        name: The name of the format, as shown in messages.
        suffixes: The suffixes of its files in lower case; the usual one comes first.
        reader: The functions that read its files.
        signatures: Pairs of an offset in bytes and the bytes that identify a file of this format there. One
            match is enough. A file without any known signature is identified by its suffix.
        extra: The extra of this package that installs the library the reader needs; empty if it needs none.
        raster: Whether it is a raster format that annotation tools and image viewers exchange.
        stores_spacing: Whether its header can hold the physical pixel spacing.
        any_suffix: Whether its files are often named without its suffix, so that a file of any unknown suffix in a
            folder may be one.
    """

    name: str
    suffixes: tuple[str, ...]
    reader: Reader
    signatures: tuple[tuple[int, bytes], ...]
    extra: str = ""
    raster: bool = False
    stores_spacing: bool = False
    any_suffix: bool = False

    def matches(self, head: bytes) -> bool:
        """Return whether the first bytes of a file carry a signature of this format."""
        return any(head[offset:].startswith(signature) for offset, signature in self.signatures)


FORMATS: dict[str, Format] = {
    "png": Format(
        name="PNG",
        suffixes=(".png",),
        reader=pillow_reader(PngImageFile, png_has_alpha),
        signatures=((0, b"\x89PNG\r\n\x1a\n"),),
        raster=True,
    ),
    "jpeg": Format(
        name="JPEG",
        suffixes=(".jpg", ".jpeg"),
        reader=pillow_reader(JpegImageFile),
        signatures=((0, b"\xff\xd8\xff"),),
        raster=True,
    ),
    "tiff": Format(
        name="TIFF",
        suffixes=(".tif", ".tiff"),
        reader=TIFF,
        signatures=((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")),
        raster=True,
    ),
    "bmp": Format(
        name="BMP",
        suffixes=(".bmp",),
        reader=pillow_reader(BmpImageFile),
        signatures=((0, b"BM"),),
        raster=True,
    ),
    "webp": Format(
        name="WebP",
        suffixes=(".webp",),
        reader=pillow_reader(WebPImageFile, lambda path: True),
        signatures=((8, b"WEBP"),),
        raster=True,
    ),
    "gif": Format(
        name="GIF",
        suffixes=(".gif",),
        reader=pillow_reader(GifImageFile),
        signatures=((0, b"GIF87a"), (0, b"GIF89a")),
        raster=True,
    ),
    "npy": Format(name="NPY", suffixes=(".npy",), reader=ARRAYS, signatures=((0, b"\x93NUMPY"),)),
    "dicom": Format(
        name="DICOM",
        suffixes=(".dcm",),
        reader=DICOM,
        signatures=((128, b"DICM"),),
        extra="dicom",
        stores_spacing=True,
        any_suffix=True,
    ),
    "nifti": Format(
        name="NIfTI",
        suffixes=(".nii", ".nii.gz"),
        reader=NIFTI,
        signatures=((344, b"n+1\0"), (4, b"n+2\0")),
        extra="volumes",
        stores_spacing=True,
    ),
    "nrrd": Format(
        name="NRRD",
        suffixes=(".nrrd",),
        reader=NRRD,
        signatures=((0, b"NRRD000"),),
        extra="volumes",
        stores_spacing=True,
    ),
}


_AS_VOLUME = "save it as NIfTI or NRRD"
_AS_RASTER = "save it as PNG or TIFF"
_REGIONS = "export the regions that you need as TIFF"
_UNPACK = "unpack it"

UNREAD: dict[str, str] = {
    **dict.fromkeys((".mha", ".mhd", ".mgz", ".mnc", ".img", ".hdr", ".nhdr"), _AS_VOLUME),
    **dict.fromkeys((".jp2", ".heic", ".avif", ".ppm", ".pgm", ".pbm", ".psd", ".tga", ".dng"), _AS_RASTER),
    **dict.fromkeys((".svs", ".ndpi", ".mrxs", ".scn", ".czi", ".lif", ".nd2", ".vsi"), _REGIONS),
    ".npz": "save each of its arrays as NPY",
    **dict.fromkeys((".mat", ".h5", ".hdf5"), "save each image in it as NPY"),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".gz", ".7z", ".rar"), _UNPACK),
}
"""Suffixes of files that hold images or masks and are not read, in lower case, with what to do about them."""


def suffixes() -> tuple[str, ...]:
    """Return all suffixes that can be read, in lower case."""
    return tuple(suffix for known in FORMATS.values() for suffix in known.suffixes)


def raster_suffixes() -> tuple[str, ...]:
    """Return the suffixes of raster formats, in lower case."""
    return tuple(suffix for known in FORMATS.values() if known.raster for suffix in known.suffixes)


def suffix_of(name: Path | str) -> str:
    """Return the suffix of a file that can be read, in lower case.

    Args:
        name: A path or a file name.

    Returns:
        The one of `suffixes()` that the name ends in; empty if there is none.

    >>> suffix_of("a/scan.NII.GZ"), suffix_of("table.csv")
    ('.nii.gz', '')
    """
    name = (name.name if isinstance(name, Path) else name).lower()
    return next((suffix for suffix in suffixes() if name.endswith(suffix)), "")


def without_suffix(name: str) -> str:
    """Return a file name without the suffix of a readable file; other dots are part of the name.

    >>> without_suffix("scan.1.NII.gz"), without_suffix("scan.1")
    ('scan.1', 'scan.1')
    """
    return name[: len(name) - len(suffix_of(name))]


def split_suffix(name: str) -> tuple[str, str]:
    """Split a file name before its suffix, which may be unknown; an end without a letter is part of the name.

    >>> split_suffix("scan.1.nii.gz"), split_suffix("a.IMA"), split_suffix("1.2.840.113619")
    (('scan.1', '.nii.gz'), ('a', '.IMA'), ('1.2.840.113619', ''))
    """
    stem = without_suffix(name)
    if stem != name or name.startswith("."):
        return stem, name[len(stem) :]
    match = _SUFFIX.search(name)
    return (name, "") if match is None else (name[: match.start()], match[0])


def format_named(name: Path | str) -> Format | None:
    """Return the format that the suffix of a file stands for, or None if the suffix is unknown."""
    suffix = suffix_of(name)
    return next((known for known in FORMATS.values() if suffix in known.suffixes), None)


def is_picture(path: Path) -> bool:
    """Return whether a file of a folder can be read, by its suffix or else by its first bytes.

    Args:
        path: A regular file; it is opened only if its suffix is unknown.

    Raises:
        DataError: The file cannot be opened.
    """
    if suffix_of(path):
        return True
    head = _read_head(path)
    if split_suffix(path.name)[1]:
        return any(known.any_suffix and known.matches(head) for known in FORMATS.values())
    signatures = [signature for known in FORMATS.values() for signature in known.signatures]
    return any(len(sign) >= _SURE_BYTES and head[at:].startswith(sign) for at, sign in signatures)


def is_pointer(path: Path) -> bool:
    """Return whether a file is a pointer that Git LFS has left in place of its content.

    Raises:
        OSError: The file cannot be opened.
    """
    with path.open("rb") as stream:
        return stream.read(len(_POINTER)) == _POINTER


def pointer_error(path: Path) -> DataError:
    """Return the error for a file that is a pointer of Git LFS."""
    text = "a Git LFS pointer in place of the file itself; run `git lfs pull` in its repository"
    return DataError(f"{path}: {text}", kind="lfs-pointer")


def name_type(mode: int) -> str:
    """Return the name of what a path leads to, from its mode; empty for a regular file."""
    return "" if stat.S_ISREG(mode) else _TYPES.get(stat.S_IFMT(mode), "not a regular file")


def _read_head(path: Path) -> bytes:
    """Read the first bytes of a file, but do not open pipes and devices, which might never answer."""
    with reading(path):
        what = name_type(path.stat().st_mode)
        if what:
            raise DataError(f"{path}: this is {what}; expected an image file")
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES)


def find_format(path: Path) -> tuple[Format, str]:
    """Identify the format of a file by its first bytes, since a name may be wrong, and else by its name.

    Returns:
        The format, and the suffix that the file should have.

    Raises:
        DataError: The file is absent, not a regular file, of no known format, or a pointer of Git LFS (kind
            "lfs-pointer").
    """
    head = _read_head(path)
    for known in FORMATS.values():
        if known.matches(head):
            return known, known.suffixes[0]
    if head.startswith(_POINTER):
        raise pointer_error(path)
    named = format_named(path)
    if named is None:
        raise unreadable(path, f"of no known format; known are {', '.join(suffixes())}")
    return named, suffix_of(path)


def reader_of(path: Path) -> Reader:
    """Return the reader of a file.

    Raises:
        DataError: The file is absent or of no known format.
    """
    return find_format(path)[0].reader
