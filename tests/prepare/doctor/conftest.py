"""The good data set, written once for all tests."""

from pathlib import Path
from typing import Any

import pytest

from unet_mtl import api
from unet_mtl.config import load_config

from .good import write_good


def check_folder(folder: Path) -> Any:
    """Check a folder as `unet-mtl check FOLDER/config.yaml` does."""
    settings = load_config(folder / "config.yaml", [])
    return api.check(settings.data, settings.tasks, settings.split)


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The good data set, which tests must copy before they change it."""
    folder = tmp_path_factory.mktemp("corpus") / "good"
    write_good(folder)
    return folder


@pytest.fixture(scope="session")
def good_checkup(good: Path) -> Any:
    return check_folder(good)
