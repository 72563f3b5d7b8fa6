"""Hostile files: each is refused by its header, with its name, in a process with little memory."""

import gzip
import importlib.util
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from unet_mtl.data.images import image_size, read_image, read_mask
from unet_mtl.data.readers import picture
from unet_mtl.errors import DataError

SIDE = 60_000
MEGABYTE = 2**20
ROOM = 96 * MEGABYTE
"""The memory that reading may take beside the libraries, less than any of the files would decompress to."""

MEDICAL = ["dcm", "deflated.dcm", "nii", "nii.gz", "nrrd", "gz.nrrd"]


def png(path: Path, width: int, height: int, data: bytes = b"", depth: int = 8, colour: int = 0) -> Path:
    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def jpeg(path: Path, width: int, height: int) -> Path:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    data = bytearray(path.read_bytes())
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", height, width)
    path.write_bytes(data)
    return path


def bmp(path: Path, width: int, height: int) -> Path:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    data = bytearray(path.read_bytes())
    data[18:26] = struct.pack("<ii", width, height)
    path.write_bytes(data)
    return path


def webp(path: Path, width: int, height: int) -> Path:
    """An animation with one small frame on a giant canvas, which is allowed by the format."""
    frames = [Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (0, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    data = bytearray(path.read_bytes())
    data[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    path.write_bytes(data)
    return path


def tiff(path: Path, width: int, height: int, samples: int = 1) -> Path:
    """A TIFF written by hand, with one strip outside the file."""
    tags = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, samples),
        (278, height),
    ]
    tags.append((279, 2**31))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0\0\0\0")
    return path


def npy(path: Path, width: int, height: int) -> Path:
    with path.open("wb") as stream:
        header = {"descr": "|u1", "fortran_order": False, "shape": (height, width)}
        np.lib.format.write_array_header_1_0(stream, header)
    return path


def dicom(path: Path, width: int, height: int, deflated: bool = False) -> Path:
    pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian if deflated else ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = meta.MediaStorageSOPInstanceUID = "1.2.3"
    content = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    content.Rows, content.Columns, content.SamplesPerPixel = height, width, 1
    content.BitsAllocated = content.BitsStored = 8
    content.HighBit, content.PixelRepresentation, content.PhotometricInterpretation = 7, 0, "MONOCHROME2"
    content.PixelData = bytes(120 * MEGABYTE if deflated else 64)
    content.save_as(path)
    return path


def nifti(path: Path, width: int, height: int) -> Path:
    nibabel = pytest.importorskip("nibabel")
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.uint8)
    # NIfTI-1 has 16-bit sizes, so that the bomb has three axes of 30,000
    header["dim"][:4] = 3, min(width, 30_000), min(height, 30_000), 4
    header["magic"], header["vox_offset"] = b"n+1", 352
    block = header.binaryblock + b"\1\0\0\0"
    # followed by one extension that declares 120 MB and, compressed, has them
    extension = struct.pack("<ii", 120 * MEGABYTE, 6)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(block + extension + bytes(120 * MEGABYTE), 1))
    else:
        path.write_bytes(block + extension)
    return path


def nrrd(path: Path, width: int, height: int, packed: bool = False) -> Path:
    pytest.importorskip("nrrd")
    header = f"NRRD0004\ntype: uchar\ndimension: 2\nsizes: {width} {height}\nencoding: "
    data = gzip.compress(bytes(120 * MEGABYTE), 1) if packed else b""
    path.write_bytes((header + ("gzip" if packed else "raw") + "\n\n").encode() + data)
    return path


def hostile(name: str, path: Path, width: int, height: int) -> Path:
    makers = {"png": png, "jpg": jpeg, "bmp": bmp, "webp": webp, "tif": tiff, "npy": npy, "dcm": dicom,
              "nii": nifti, "nii.gz": nifti, "nrrd": nrrd}  # fmt: skip
    if name == "deflated.dcm":
        return dicom(path, width, height, deflated=True)
    if name == "gz.nrrd":
        return nrrd(path, width, height, packed=True)
    return makers[name](path, width, height)


CHILD = """
import json, resource, sys
from pathlib import Path
from unet_mtl.data.images import read_image, read_mask, image_size
from unet_mtl.errors import DataError
for name in ("pydicom.pixels", "nibabel", "nrrd"):
    try:
        __import__(name)
    except ImportError:
        pass
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
room = held + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (room, room))
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
most = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
answers = {}
for path in map(Path, sys.argv[2:]):
    before, said = most(), []
    for read in (read_image, read_mask, image_size):
        try:
            read(path)
            said.append("read")
        except DataError as error:
            said.append(str(error))
    answers[str(path)] = said, most() - before
print(json.dumps(answers))
"""


def read_in_little_room(paths: list[Path]) -> dict[str, tuple[list[str], int]]:
    """Read files in a process that cannot write and can allocate only `ROOM` more bytes."""
    command = [sys.executable, "-W", "error", "-c", CHILD, str(ROOM), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def installed(name: str) -> bool:
    library = {"dcm": "pydicom", "nii": "nibabel", "gz": "nibabel", "nrrd": "nrrd"}.get(
        name.rpartition(".")[2]
    )
    return library is None or importlib.util.find_spec(library) is not None


pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="needs RLIMIT_AS and /proc, as Linux has them"
)

GIANT = ["png", "jpg", "bmp", "webp", "tif", "npy", *MEDICAL]
SHORT = ["png", "jpg", "bmp", "tif", "npy", "dcm", "nii", "nrrd"]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The message for every hostile file and the memory that reading took, from one process."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = [hostile(name, folder / f"giant.{name}", SIDE, SIDE) for name in GIANT if installed(name)]
    paths += [hostile(name, folder / f"short.{name}", 16_000, 15_000) for name in SHORT if installed(name)]
    said = read_in_little_room(paths)
    assert sorted(folder.iterdir()) == sorted(paths), "nothing was written"
    return {Path(path).name: answer for path, answer in said.items()}


@pytest.mark.parametrize("name", GIANT)
def test_a_giant_header_is_refused_in_little_memory(answers, name):
    if not installed(name):
        pytest.skip(f"the library that reads .{name} is not installed")
    said, grown = answers[f"giant.{name}"]
    for message in said:
        assert f"giant.{name}: " in message
        if name == "deflated.dcm":
            assert "deflated DICOM files are not read" in message
        else:
            side = 30_000 if name.startswith("nii") else SIDE
            assert f"{side} x {side} pixels (width x height), a decompression bomb" in message
            assert "at most 268435456 pixels" in message
    assert grown < 16 * MEGABYTE


@pytest.mark.parametrize("name", SHORT)
def test_a_header_within_the_limit_that_the_file_cannot_hold_is_refused(answers, name):
    if not installed(name):
        pytest.skip(f"the library that reads .{name} is not installed")
    said, grown = answers[f"short.{name}"]
    for message in said:
        assert "its header declares" in message
        assert "but the file holds" in message
    assert grown < 16 * MEGABYTE


def test_the_room_is_too_little_for_what_the_files_promise(tmp_path):
    """A valid picture of 240 million pixels does not fit, which shows that the limit works."""
    np.save(tmp_path / "x.npy", np.zeros((16_000, 15_000), np.uint8))
    said, _ = read_in_little_room([tmp_path / "x.npy"])[str(tmp_path / "x.npy")]
    assert "read" not in said[:2]
    assert said[2] == "read"


@pytest.mark.parametrize("side", [9_600, 14_000])
def test_no_warning_of_pillow_between_its_limits_and_ours(tmp_path, side, recwarn):
    rows = zlib.compress(bytes((side // 8 + 1) * side), 1)
    path = png(tmp_path / "x.png", side, side, rows, depth=1)
    assert image_size(path) == (side, side)
    assert read_image(path).shape == (side, side, 1)
    assert not recwarn.list


def test_the_size_is_read_without_the_pixels(tmp_path):
    path = png(tmp_path / "x.png", 9_600, 9_600, b"no pixels " * 10_000, depth=1)
    assert image_size(path) == (9_600, 9_600)
    with pytest.raises(DataError, match="not a readable image"):
        read_image(path)


def test_sixteen_bit_grey_with_alpha_stays_grey(tmp_path):
    row = b"\0" + struct.pack(">4H", 257, 65535, 40_000, 65535)
    image = read_image(png(tmp_path / "x.png", 2, 1, zlib.compress(row), depth=16, colour=4))
    assert image.shape == (1, 2, 1)
    np.testing.assert_allclose(image[0, :, 0], [257 / 65535, 40_000 / 65535], rtol=1e-6)


def test_the_limit_is_exact(tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "MAX_PIXELS", 48)
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png").shape == (6, 8, 1)
    Image.fromarray(np.zeros((7, 7), np.uint8)).save(tmp_path / "y.png")
    for read in (read_image, read_mask, image_size):
        with pytest.raises(
            DataError, match=r"7 x 7 pixels \(width x height\), a decompression bomb; at most 48"
        ):
            read(tmp_path / "y.png")


@pytest.mark.parametrize("name", ["png", "bmp", "tif", "npy", "dcm", "nrrd", "nii"])
def test_an_empty_picture_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="not a readable image"):
        read_image(hostile(name, tmp_path / f"x.{name}", 0, 5))


def test_many_channels_count_as_well(tmp_path):
    with pytest.raises(
        DataError, match=r"16000 x 16000 pixels .* with 60000 channels; at most 1073741824 values"
    ):
        read_image(tiff(tmp_path / "x.tif", 16_000, 16_000, samples=60_000))


@pytest.mark.parametrize("mode", ["flat.png", "noise.png", "flat.jpg", "flat.tif", "lzw.tif", "flat.bmp"])
def test_an_honest_file_however_well_packed_is_read(tmp_path, mode):
    """The limit of the compression ratio must not refuse the most compressible files."""
    side = 4096
    shape = (side, side)
    noise = mode.startswith("noise")
    pixels = (
        np.random.default_rng(0).integers(0, 256, shape, np.uint8) if noise else np.zeros(shape, np.uint8)
    )
    path = tmp_path / mode
    if mode == "flat.tif":
        tifffile.imwrite(path, pixels, compression="zlib", compressionargs={"level": 9}, rowsperstrip=side)
    elif mode == "lzw.tif":
        Image.fromarray(pixels).save(path, compression="tiff_lzw", strip_size=side * side)
    else:
        Image.fromarray(pixels).save(path, **({"optimize": True, "quality": 1} if "jpg" in mode else {}))
    image = read_image(path)
    assert image.shape == (side, side, 1)


def test_a_header_that_names_another_file_is_not_followed(tmp_path):
    pytest.importorskip("nrrd")
    (tmp_path / "secret").write_bytes(bytes(48))
    path = tmp_path / "x.nrrd"
    path.write_bytes(b"NRRD0004\ntype: uchar\ndimension: 2\nsizes: 8 6\nencoding: raw\ndata file: secret\n\n")
    with pytest.raises(
        DataError, match=r"x\.nrrd: its voxels are not directly behind its header \(data file\)"
    ):
        read_image(path)


@pytest.mark.parametrize("name", ["png", "jpg", "bmp", "webp", "tif", "npy", "dcm", "nii", "nii.gz", "nrrd"])
def test_noise_behind_a_signature_is_a_data_error(tmp_path, name):
    starts = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "bmp": b"BM", "webp": b"RIFF\0\0\0\0WEBP",
              "tif": b"II*\0", "npy": b"\x93NUMPY\1\0", "dcm": bytes(128) + b"DICM", "nii": b"",
              "nii.gz": b"\x1f\x8b\x08", "nrrd": b"NRRD0004\n"}  # fmt: skip
    generator = np.random.default_rng(3)
    for length in (0, 1, 30, 600):
        path = tmp_path / f"x.{name}"
        path.write_bytes(starts[name] + generator.bytes(length))
        for read in (read_image, read_mask, image_size):
            with pytest.raises(DataError, match=r"x\."):
                read(path)


CUT = {
    "deep.png": lambda path, pixels: cv2.imwrite(str(path), pixels),
    "deep.tif": lambda path, pixels: tifffile.imwrite(path, pixels, photometric="rgb", rowsperstrip=4),
    "zlib.tif": lambda path, pixels: tifffile.imwrite(path, pixels, compression="zlib", rowsperstrip=4),
    "lzw.tif": lambda path, pixels: cv2.imwrite(str(path), pixels),
    "x.npy": np.save,
    "x.nii": lambda path, pixels: write_nifti(path, pixels),
    "x.nii.gz": lambda path, pixels: write_nifti(path, pixels),
    "x.nrrd": lambda path, pixels: pytest.importorskip("nrrd").write(str(path), pixels, {"encoding": "raw"}),
    "gz.nrrd": lambda path, pixels: pytest.importorskip("nrrd").write(str(path), pixels),
}


def write_nifti(path: Path, pixels) -> None:
    nibabel = pytest.importorskip("nibabel")
    nibabel.save(nibabel.Nifti1Image(pixels, np.eye(4)), path)


@pytest.mark.parametrize("name", CUT)
def test_a_file_cut_anywhere_is_an_error_or_complete(tmp_path, name):
    pixels = np.random.default_rng(1).integers(0, 65536, (16, 12, 3)).astype(np.uint16)
    whole, cut = tmp_path / name, tmp_path / f"cut.{name}"
    CUT[name](whole, pixels)
    expected, stored = read_image(whole, None, "percentile"), whole.read_bytes()
    refused = 0
    for end in range(0, len(stored), 37):
        cut.write_bytes(stored[:end])
        try:
            np.testing.assert_array_equal(read_image(cut, None, "percentile"), expected)
        except DataError:
            refused += 1
    assert refused >= len(stored) // 37 * 0.6
