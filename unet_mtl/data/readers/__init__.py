"""One reader for each family of files; a new format is one file and its line in `READERS`."""

from pathlib import Path

from unet_mtl.data.readers.arrays import ARRAYS
from unet_mtl.data.readers.dicom import DICOM
from unet_mtl.data.readers.picture import Reader, reading, unreadable
from unet_mtl.data.readers.raster import RASTER
from unet_mtl.data.readers.tiff import TIFF
from unet_mtl.data.readers.volumes import NIFTI, NRRD

READERS: dict[str, Reader] = {
    ".png": RASTER,
    ".jpg": RASTER,
    ".jpeg": RASTER,
    ".tif": TIFF,
    ".tiff": TIFF,
    ".bmp": RASTER,
    ".webp": RASTER,
    ".npy": ARRAYS,
    ".dcm": DICOM,
    ".nii": NIFTI,
    ".nii.gz": NIFTI,
    ".nrrd": NRRD,
}

_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", ".png"),
    (0, b"\xff\xd8\xff", ".jpg"),
    (0, b"II*\0", ".tif"),
    (0, b"MM\0*", ".tif"),
    (0, b"II+\0", ".tif"),
    (0, b"MM\0+", ".tif"),
    (0, b"BM", ".bmp"),
    (8, b"WEBP", ".webp"),
    (0, b"\x93NUMPY", ".npy"),
    (0, b"NRRD000", ".nrrd"),
    (128, b"DICM", ".dcm"),
    (344, b"n+1\0", ".nii"),
    (4, b"n+2\0", ".nii"),
)


def suffix_of(path: Path) -> str:
    """Gives the suffix that `READERS` knows, in small letters: `.nii.gz` whole; "" where it knows none."""
    name = path.name.lower()
    return max((suffix for suffix in READERS if name.endswith(suffix)), key=len, default="")


def format_of(path: Path) -> str:
    """Gives the suffix in `READERS` that a file should have: by its first bytes, since names lie; else by its name.

    Raises:
        DataError: The file is absent, or of no known format.
    """
    with reading(path), path.open("rb") as stream:
        head = stream.read(348)
    found = (suffix for start, signature, suffix in _SIGNATURES if head[start:].startswith(signature))
    suffix = next(found, "") or suffix_of(path)
    if not suffix:
        raise unreadable(path, f"of no known format; known are {', '.join(READERS)}")
    return suffix


def reader_of(path: Path) -> Reader:
    """Gives the reader of a file.

    Raises:
        DataError: The file is absent, or of no known format.
    """
    return READERS[format_of(path)]
