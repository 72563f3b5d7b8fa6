"""The facts about a training that are stored with its run."""

import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

PACKAGES = ("unet-mtl", "keras", "tensorflow", "numpy", "albumentations", "opencv-python-headless", "pandas")

FORMAT = 1
"""The version of the files of a run. Runs of unet-mtl 0.1 have the same files, without a version."""


class Environment(BaseModel):
    """The facts of environment.json that are used; further ones are for people."""

    format: int = FORMAT
    seed: int
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]
    data_hash: str
    packages: dict[str, str | None] = {}
    outputs: dict[str, tuple[int, ...]] = {}
    sha256: dict[str, str] = {}


def describe_environment(**facts: Any) -> dict[str, Any]:
    """Return the given facts with the versions of Python and packages, the platform and the command."""
    return facts | {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: installed_version(name) for name in PACKAGES},
        "command": sys.argv,
    }


def installed_version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git_commit(folder: Path) -> str | None:
    """Return the commit that is checked out in `folder`; None outside a git repository."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
