"""The formats of images and masks. A new format is its reader and one entry in `FORMATS`."""

from dataclasses import dataclass
from pathlib import Path

from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from unet_mtl.data.readers.arrays import ARRAYS
from unet_mtl.data.readers.dicom import DICOM
from unet_mtl.data.readers.picture import Reader, reading, unreadable
from unet_mtl.data.readers.raster import pillow_reader, png_has_alpha
from unet_mtl.data.readers.tiff import TIFF
from unet_mtl.data.readers.volumes import NIFTI, NRRD

_HEAD_BYTES = 348
"""The number of bytes at the start of a file that all signatures lie in."""


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
    """

    name: str
    suffixes: tuple[str, ...]
    reader: Reader
    signatures: tuple[tuple[int, bytes], ...]
    extra: str = ""
    raster: bool = False
    stores_spacing: bool = False

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
    "npy": Format(name="NPY", suffixes=(".npy",), reader=ARRAYS, signatures=((0, b"\x93NUMPY"),)),
    "dicom": Format(
        name="DICOM",
        suffixes=(".dcm",),
        reader=DICOM,
        signatures=((128, b"DICM"),),
        extra="dicom",
        stores_spacing=True,
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


def format_named(name: Path | str) -> Format | None:
    """Return the format that the suffix of a file stands for, or None if the suffix is unknown."""
    suffix = suffix_of(name)
    return next((known for known in FORMATS.values() if suffix in known.suffixes), None)


def find_format(path: Path) -> tuple[Format, str]:
    """Identify the format of a file by its first bytes, since a name may be wrong, and else by its name.

    Returns:
        The format, and the suffix that the file should have.

    Raises:
        DataError: The file is absent or of no known format.
    """
    with reading(path), path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    for known in FORMATS.values():
        if known.matches(head):
            return known, known.suffixes[0]
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
