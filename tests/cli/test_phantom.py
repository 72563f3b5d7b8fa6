"""unet-mtl phantom: errors of the operating system."""

import subprocess
import sys

import pytest

LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
from unet_mtl.cli import main
sys.argv = ["unet-mtl", "phantom", sys.argv[1], "--cases", "2"]
main()
"""


def test_full_disk_is_one_clear_line_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "set")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.strip()]
    assert errors[-1].startswith("error: cannot write ")
    assert "File too large" in errors[-1]
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_folder_with_content_is_left_alone(tmp_path, monkeypatch, capsys):
    from unet_mtl.cli import main

    (tmp_path / "mine.txt").write_text("precious")
    monkeypatch.setattr(sys, "argv", ["unet-mtl", "phantom", str(tmp_path), "--cases", "1"])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert "error: " in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
