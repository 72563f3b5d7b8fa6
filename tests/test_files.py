"""Files are written completely or not at all, tested with real refusals of the operating system."""

import json
import math
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from unet_mtl.errors import WriteError
from unet_mtl.files import remove_leftovers, require_folder, write_json, write_text, writing, writing_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_file_appears_whole_with_its_folders(tmp_path):
    path = tmp_path / "a" / "b" / "c.txt"
    with writing(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert names(path.parent) == ["c.txt"]


def test_file_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "c.txt"
    path.write_text("old")
    with writing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("raised", [RuntimeError, KeyboardInterrupt])
def test_error_inside_leaves_the_old_file_alone(tmp_path, raised):
    path = tmp_path / "c.txt"
    path.write_text("old")

    def fail():
        with writing(path) as temporary:
            temporary.write_text("half")
            raise raised

    with pytest.raises(raised):
        fail()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["c.txt"]


def test_folder_appears_whole(tmp_path):
    path = tmp_path / "runs" / "one"
    with writing_folder(path) as temporary:
        (temporary / "x.txt").write_text("x")
        assert not path.exists()
    assert names(tmp_path / "runs") == ["one", "x.txt"]


def test_folder_gets_the_rights_that_the_user_gives_to_new_folders(tmp_path):
    old = os.umask(0o027)
    try:
        with writing_folder(tmp_path / "one"):
            pass
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o750


def test_folder_may_be_there_empty(tmp_path):
    path = tmp_path / "one"
    path.mkdir()
    with writing_folder(path) as temporary:
        (temporary / "x.txt").write_text("x")
    assert names(tmp_path) == ["one", "x.txt"]


@pytest.mark.parametrize("raised", [RuntimeError, KeyboardInterrupt])
def test_error_inside_leaves_no_folder(tmp_path, raised):
    def fail():
        with writing_folder(tmp_path / "one") as temporary:
            (temporary / "x.txt").write_text("half")
            raise raised

    with pytest.raises(raised):
        fail()
    assert names(tmp_path) == []


def test_folder_with_content_is_not_replaced(tmp_path):
    path = tmp_path / "one"
    path.mkdir()
    (path / "mine.txt").write_text("precious")

    def write():
        with writing_folder(path) as temporary:
            (temporary / "x.txt").write_text("x")

    with pytest.raises(WriteError, match="one"):
        write()
    assert names(tmp_path) == ["mine.txt", "one"]


def _folder(path: Path) -> None:
    with writing_folder(path):
        pass


@pytest.mark.parametrize("write", [lambda path: write_text(path, "x"), _folder])
@pytest.mark.parametrize("below", ["x", "deep/x"])
def test_path_below_a_file_is_refused_with_its_name(tmp_path, write, below):
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / below
    with pytest.raises(
        WriteError, match=r"cannot write .*file.*x: .*/file is a file, and a folder is needed"
    ):
        write(path)
    assert names(tmp_path) == ["file"]


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError, match=r"/file is a file, and a folder is needed; choose another place$"):
        _folder(tmp_path / "file")
    for path in (tmp_path / "file", tmp_path / "file/deep/er"):
        with pytest.raises(WriteError, match=r"/file is a file; give a folder for the pictures with `out`$"):
            require_folder(path, "the pictures")
    require_folder(tmp_path / "new/folder", "the pictures")
    assert names(tmp_path) == ["file"]


def test_name_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(WriteError, match="File name too long"):
        write_text(tmp_path / ("x" * 300), "x")


WRITE_TOO_MUCH = """
import resource, signal, sys
from pathlib import Path
from unet_mtl.errors import WriteError
from unet_mtl.files import write_text, writing_folder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
folder = Path(sys.argv[1])
refused = 0
try:
    write_text(folder / "old.txt", "x" * 100_000)
except WriteError as error:
    refused += "old.txt: File too large" in str(error)
try:
    with writing_folder(folder / "new") as temporary:
        (temporary / "small.txt").write_text("x")
        write_text(temporary / "large.txt", "x" * 100_000)
except WriteError as error:
    refused += f"cannot write {folder / 'new' / 'large.txt'}: File too large" in str(error)
print(refused)
"""


def test_write_that_fails_half_way_leaves_what_was_there(tmp_path):
    (tmp_path / "old.txt").write_text("old")
    command = [sys.executable, "-c", WRITE_TOO_MUCH, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "2\n", done.stderr
    assert (tmp_path / "old.txt").read_text() == "old"
    assert names(tmp_path) == ["old.txt"]


def test_json_has_null_where_a_number_is_not_finite(tmp_path):
    content = {
        "nan": math.nan,
        "list": [1.5, -math.inf, {"deep": np.float64("nan")}],
        "tuple": (math.inf, 2),
        "word": "NaN",
        "yes": True,
    }
    write_json(tmp_path / "x.json", content)
    # parse_constant is called for NaN and Infinity, which JSON does not have.
    read = json.loads((tmp_path / "x.json").read_text(), parse_constant=pytest.fail)
    assert read == {
        "nan": None,
        "list": [1.5, None, {"deep": None}],
        "tuple": [None, 2],
        "word": "NaN",
        "yes": True,
    }


def make_old(path: Path) -> None:
    os.utime(path, (1, 1))


def test_leftovers_of_killed_processes_are_removed_by_the_next_write(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        dead = ended.pid
    old, new, living, mine = (
        tmp_path / name
        for name in (
            f".network.{dead}.part.keras",
            f".history.{dead}.part.csv",
            f".network.{os.getpid()}.part.keras",
            ".notes.part.txt",
        )
    )
    for path in (old, new, living, mine):
        path.write_text("half")
    for path in (old, living, mine):
        make_old(path)
    write_text(tmp_path / "x.txt", "x")
    assert names(tmp_path) == sorted([new.name, living.name, mine.name, "x.txt"])
    remove_leftovers(tmp_path, in_use=False)
    assert names(tmp_path) == sorted([mine.name, "x.txt"])


def test_leftover_folders_of_killed_processes_are_removed(tmp_path):
    script = """
import os, signal, sys
from pathlib import Path
from unet_mtl.files import writing_folder
with writing_folder(Path(sys.argv[1])) as folder:
    (folder / "x.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    for name in ("run", "other"):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=False)
    first, second = sorted(tmp_path.iterdir())
    make_old(first)
    make_old(second)
    assert first.name.startswith(".other.")
    with writing_folder(tmp_path / "run"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [first.name, "run"]
