"""A lock refuses a second process while the first one lives, and no longer."""

import json
import os
import platform
import subprocess
import sys

import pytest

from unet_mtl.errors import RunError
from unet_mtl.locking import locked

HOLD = """
import sys
from pathlib import Path
from unet_mtl.locking import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path):
    path = tmp_path / "training.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        named = rf"{tmp_path} is in use by another training \(process {holder.pid} on {platform.node()}\)"
        with pytest.raises(RunError, match=named), locked(path):
            pass
        assert json.loads(path.read_text())["pid"] == holder.pid
        holder.kill()
    assert path.exists()
    with locked(path):
        assert json.loads(path.read_text()) == {"pid": os.getpid(), "host": platform.node()}
    assert not path.exists()


def test_the_lock_of_another_machine_is_not_taken_over(tmp_path):
    path = tmp_path / "training.lock"
    path.write_text(json.dumps({"pid": 1, "host": "elsewhere"}))
    with pytest.raises(RunError, match=r"process 1 on elsewhere.* remove .*training\.lock"), locked(path):
        pass
    assert path.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1'])
def test_a_damaged_lock_is_taken_over(tmp_path, content):
    """It was written by a process that has ended, since it would hold the lock otherwise."""
    path = tmp_path / "training.lock"
    path.write_text(content)
    with locked(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_releases_the_lock(tmp_path, error):
    path = tmp_path / "training.lock"
    with pytest.raises(error), locked(path):
        raise error
    assert not path.exists()
    with locked(path), pytest.raises(RunError, match=f"process {os.getpid()}"), locked(path):
        pass
    assert not path.exists()


def test_a_folder_without_write_permission_has_no_lock(tmp_path):
    """The training itself says what it cannot write."""
    with locked(tmp_path / "none" / "training.lock"):
        pass
