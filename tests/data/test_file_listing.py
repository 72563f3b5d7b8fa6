"""Every file of a folder is read, or left aside with a reason; nothing but hidden files is passed over."""

import doctest
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unet_mtl.data import file_listing, frames, patterns, readers
from unet_mtl.data.file_listing import list_files
from unet_mtl.data.images import read_header, read_image
from unet_mtl.data.readers import FORMATS, UNREAD, split_suffix
from unet_mtl.errors import DataError

from .samples import SAMPLES

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PIXELS = np.arange(256, dtype=np.uint8).reshape(16, 16)
BARE = [key for key in FORMATS if key != "bmp"]  # its signature of two letters may begin any text


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """One file of each format."""
    folder = tmp_path_factory.mktemp("samples")
    return {key: write(folder / f"{key}{FORMATS[key].suffixes[0]}", PIXELS) for key, write in SAMPLES.items()}


def put(folder: Path, kind: str, number: int, samples: dict[str, Path]) -> tuple[Path, str]:
    """Write an entry of one kind; returns it with "picture", or with a word of the reason, or "" if it is hidden."""
    what, _, detail = kind.partition(" ")
    path = folder / f"e{number}"
    if what in FORMATS:
        path = path.with_suffix(detail)
        shutil.copyfile(samples[what], path)
        return path, "picture"
    if what == "bare":
        path = folder / f"1.2.840.{number}"
        shutil.copyfile(samples[detail], path)
        return path, "picture"
    if what == "ima":
        path = folder / f"e{number}.IMA"
        shutil.copyfile(samples["dicom"], path)
        return path, "picture"
    if what == "pipe":
        path = path.with_suffix(detail)
        os.mkfifo(path)
        return path, "a named pipe"
    if what == "link":
        (folder / ".elsewhere").mkdir(exist_ok=True)
        path.symlink_to(folder / ".elsewhere")
        return path, "a folder, which is not followed"
    if what == "latin" and detail:
        path = folder / os.fsdecode(b"caf\xe9%d" % number)
        path.mkdir()
        shutil.copyfile(samples["png"], path / "a.png")
        return path, "not UTF-8"
    if what == "latin":
        path = folder / os.fsdecode(b"caf\xe9%d.png" % number)
        shutil.copyfile(samples["png"], path)
        return path, "not UTF-8"
    if what == "hidden":
        path = folder / f".e{number}.png"
        shutil.copyfile(samples["png"], path)
        return path, ""
    path = folder / f"e{number}{detail}"
    path.write_text("BMI,age\n20,30\n")
    return path, f"of type {detail}" if detail else "of no known type"


KINDS = [f"{key} {suffix}" for key, known in FORMATS.items() for suffix in known.suffixes if key != "nifti"]
KINDS += [f"bare {key}" for key in BARE if key != "nifti"]
KINDS += ["ima", "pipe .png", "pipe .csv", "pipe ", "link", "latin", "latin folder", "hidden"]
KINDS += [f"other {suffix}" for suffix in (*UNREAD, ".txt", ".json", ".csv", "")]


@settings(max_examples=20, deadline=None)
@given(kinds=st.lists(st.sampled_from(KINDS), max_size=8), depth=st.integers(0, 2))
@example(kinds=KINDS, depth=0)
def test_every_entry_is_a_picture_or_has_a_reason(samples, kinds, depth):
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, *"ab"[:depth])
        folder.mkdir(parents=True, exist_ok=True)
        expected = dict(put(folder, kind, number, samples) for number, kind in enumerate(kinds))
        listing = list_files(Path(root))
        assert set(listing.pictures) == {path for path, word in expected.items() if word == "picture"}
        reasons = {path: word for path, word in expected.items() if word not in ("picture", "")}
        assert listing.others.keys() == reasons.keys()
        for path, word in reasons.items():
            assert listing.others[path].why.endswith(word) or word in listing.others[path].why
        for path in listing.pictures:
            assert read_image(path).shape[:2] == (16, 16)
        aside = listing.describe_others()
        assert bool(aside) == bool(reasons)
        aside.encode()  # can be printed


def test_the_text_counts_and_names_what_is_left_aside(tmp_path):
    for name in ("b/x.mha", "b/y.mha", "notes.txt", "b/DICOMDIR"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    listing = list_files(tmp_path)
    assert listing.pictures == ()
    assert listing.describe_others(1) == (
        "1 file that is an index of DICOM files (b/DICOMDIR); "
        "2 files of type .mha (b/x.mha and 1 more: save them as NIfTI or NRRD); "
        "1 file of type .txt (notes.txt)"
    )


def test_a_folder_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    scan = os.scandir

    def refuse(place):
        if Path(place).name == "closed":
            raise PermissionError(13, "Permission denied", str(place))
        return scan(place)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = list_files(tmp_path)
    assert listing.describe_others() == "1 folder that cannot be opened (Permission denied) (closed)"


def test_no_file_outside_is_opened_through_a_link(tmp_path, samples):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "scan").symlink_to(samples["dicom"])
    assert list_files(tmp_path / "set").pictures == (tmp_path / "set" / "scan",)
    assert list_files(tmp_path / "set", links=False).pictures == ()


@pytest.mark.parametrize("read", [read_image, read_header])
def test_a_pointer_of_git_lfs_is_called_one(tmp_path, read):
    path = tmp_path / "a.png"
    path.write_text(POINTER)
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.kind == "lfs-pointer"
    assert str(caught.value) == (
        f"{path}: a Git LFS pointer in place of the file itself; run `git lfs pull` in its repository"
    )


def test_what_is_not_a_regular_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png: this is a named pipe; expected an image file$"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            PermissionError(13, "Permission denied"),
            r"cannot be read \(Permission denied\); check its name and",
        ),
        (OSError(36, "File name too long"), r"cannot be read \(File name too long\); check its name and its"),
        (OSError("image file is truncated"), r"not a readable image \(image file is truncated\)"),
    ],
)
def test_an_error_of_the_operating_system_is_not_called_damage(tmp_path, monkeypatch, samples, error, words):
    def refuse(*_args, **_options):
        raise error

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=words):
        read_image(samples["png"])


def test_a_long_name_is_an_error_of_one_line(tmp_path):
    with pytest.raises(DataError, match="File name too long") as caught:
        read_image(tmp_path / ("x" * 300 + ".png"))
    assert "\n" not in str(caught.value)


def test_an_end_without_a_letter_is_part_of_the_name():
    assert split_suffix("IM.0001") == ("IM.0001", "")
    assert split_suffix("Dr. Smith") == ("Dr. Smith", "")
    assert split_suffix("a.b.TIFF") == ("a.b", ".TIFF")
    assert split_suffix("a.mha") == ("a", ".mha")


@pytest.mark.parametrize(
    "module", [file_listing, frames, patterns, readers], ids=lambda module: module.__name__
)
def test_doctests(module):
    assert doctest.testmod(module).failed == 0


def test_several_entries_are_described_in_the_plural(tmp_path):
    (tmp_path / "to").mkdir()
    for number in range(2):
        os.mkfifo(tmp_path / f"p{number}")
        (tmp_path / f"l{number}").symlink_to(tmp_path / "to")
        (tmp_path / f"to/{number}").mkdir()
        (tmp_path / f"to/{number}/DICOMDIR").write_text("")
        (tmp_path / os.fsdecode(b"\xff%d.png" % number)).write_text("")
    told = list_files(tmp_path).describe_others(1)
    assert "2 files that are named pipes (p0 and 1 more)" in told
    assert "2 links to folders, which are not followed (l0 and 1 more)" in told
    assert "2 files that are indexes of DICOM files (to/0/DICOMDIR and 1 more)" in told
    assert "2 files with names that are not UTF-8 (" in told
    assert "and 1 more: rename them)" in told
