"""Folders of tiny images and masks in any layout, and their drafts."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

SIZE = 24


def noise(index: int) -> Any:
    """Return noise, in which neighbouring pixels differ as in an image from a sensor."""
    return np.random.default_rng(index).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)


def disc(index: int, value: int = 255) -> Any:
    """Return the mask of a disc."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.where(np.hypot(rows - 8 - index % 5, columns - 10) < 6, value, 0).astype(np.uint8)


def save(path: Path, pixels: Any, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path, **options)


@pytest.fixture
def pictures() -> Any:
    """Return the functions above, which tests cannot import."""
    return SimpleNamespace(noise=noise, disc=disc, save=save, size=SIZE)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes images and masks by patterns of their number, and other files by name."""

    def write(image: str = "", mask: str = "", n: int = 12, value: int = 255, **files: str) -> Path:
        folder = tmp_path / "set"
        folder.mkdir(exist_ok=True)
        for index in range(n):
            if image:
                name = image.format(index)
                save(folder / name, noise(crc32(name.encode())))
            if mask:
                save(folder / mask.format(index), disc(index, value))
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def draft() -> Callable[[Path], Any]:
    """Return a function that drafts a folder and returns data set, config, notes and the text of dataset.yaml."""

    def call(folder: Path) -> Any:
        from unet_mtl import init, load_config, read_dataset

        drafted = init(folder)
        description, config = drafted.files
        dataset = read_dataset(folder)
        text = description.read_text(encoding="utf-8")
        settings = None if "tasks: []" in config.read_text(encoding="utf-8") else load_config(config)
        return dataset, settings, drafted.notes, text

    return call
