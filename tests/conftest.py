"""Twelve tiny cases, and one run that was trained on them: shared by everything that needs real files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SIZE = 32
SPLITS = ["train"] * 5 + ["val"] * 3 + ["test"] * 4
# Cases without a label, by target: each split has labelled and unlabelled ones, `side` has none in test.
MISSING = {
    "zone": {2, 6, 11},
    "diagnosis": {1, 3, 5, 9},
    "size_mm": {4, 7, 10},
    "side": {0, 5, 8, 9, 10, 11},
}
DIAGNOSES = ["normal", "benign", "malignant"]


def _draw(index: int) -> tuple[Any, Any]:
    """A disc in a ring on mottled ground, since plain ones are copies of each other; every third case has none."""
    rng = np.random.default_rng(index)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    away = np.hypot(rows - rng.integers(12, 20), columns - rng.integers(12, 20))
    mask = np.zeros((SIZE, SIZE), np.uint8)
    if index % 3:
        mask[away < 9] = 2
        mask[away < 6] = 1
    mottled = np.kron(rng.normal(0, 30, (8, 8)), np.ones((4, 4)))
    image = np.array([60, 200, 130])[mask] + np.where(mask == 0, mottled, 0) + rng.normal(0, 12, mask.shape)
    return np.repeat(image.clip(0, 255).astype(np.uint8)[..., None], 3, -1), mask


def _write(folder: Path) -> None:
    rows = []
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for index, split in enumerate(SPLITS):
        case = f"case_{index:02d}"
        image, mask = _draw(index)
        Image.fromarray(image).save(folder / "images" / f"{case}.png")
        if index == 4:
            mask[:6] = 255
        if index not in MISSING["zone"]:
            Image.fromarray(mask).save(folder / "masks" / f"{case}.png")
        labels = {
            "diagnosis": DIAGNOSES[index % 3],
            "size_mm": f"{1.5 * (index % 3) + 0.1 * index + 1:.2f}",
            "side": ["left", "right"][index % 2],
        }
        known = {name: "" if index in MISSING[name] else label for name, label in labels.items()}
        rows.append({"case": case, "patient": f"p{index:02d}", "split": split, "spacing": 0.5} | known)
    pd.DataFrame(rows).to_csv(folder / "cases.csv", index=False)
    description = {
        "name": "tiny",
        "table": "cases.csv",
        "patient": "patient",
        "split": "split",
        "images": "images/{case}.png",
        "masks": {"zone": {"path": "masks/{case}.png", "classes": ["background", "core", "rim"]}},
        "columns": {
            "diagnosis": {"classes": DIAGNOSES},
            "size_mm": {"unit": "mm"},
            "side": {"classes": ["left", "right"]},
        },
        "spacing_mm": "spacing",
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description))


@pytest.fixture(scope="session")
def write_data() -> Callable[[Path], None]:
    """Writes the twelve cases into a new folder, for tests that change them."""
    return _write


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "tiny"
    _write(folder)
    return folder


@pytest.fixture(scope="session")
def layered_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The twelve cases with a second mask, whose classes overlap: the core lies in the whole."""
    folder = tmp_path_factory.mktemp("layered") / "tiny"
    _write(folder)
    for path in sorted((folder / "masks").glob("*.png")):
        zone = np.asarray(Image.open(path))
        for name, region in {"whole": (zone == 1) | (zone == 2), "core": zone == 1}.items():
            (folder / name).mkdir(exist_ok=True)
            Image.fromarray(region.astype(np.uint8) * 255).save(folder / name / path.name)
    description = yaml.safe_load((folder / "dataset.yaml").read_text())
    description["masks"]["layers"] = {
        "files": {"whole": "whole/{case}.png", "core": "core/{case}.png"},
        "overlap": True,
        "classes": ["background", "whole", "core"],
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description))
    return folder


@pytest.fixture(scope="session")
def dataset(data_folder: Path) -> Any:
    from unet_mtl import read_dataset

    return read_dataset(data_folder)


@pytest.fixture(scope="session")
def tasks() -> list[Any]:
    """Not in the order of their names, so that anything which sorts them shows."""
    from unet_mtl import Classification, Regression, Segmentation

    return [
        Segmentation(name="zone"),
        Classification(name="diagnosis"),
        Regression(name="size", target="size_mm", weight=0.5),
        Classification(name="side", weight=0.3),
    ]


@pytest.fixture(scope="session")
def parts(dataset: Any) -> Any:
    """train, val and test."""
    from unet_mtl.data.splits import SplitSettings, split_dataset

    return split_dataset(dataset, SplitSettings())


@pytest.fixture(scope="session")
def adapted(tasks: list[Any], parts: Any) -> list[Any]:
    from unet_mtl.tasks import adapt_tasks

    return adapt_tasks(tasks, parts["train"])


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """Arguments of `train` that make it quick; with dropout, so that random states matter."""
    from unet_mtl import NetworkSettings, Preprocess, TrainingSettings

    return {
        "preprocess": Preprocess(size=(SIZE, SIZE)),
        "network": NetworkSettings(width=4, levels=3, dropout=0.3),
        "training": TrainingSettings(epochs=4, batch_size=2, learning_rate=3e-3),
        "precision": "float32",
        "progress": False,
    }


@pytest.fixture(scope="session")
def trained(
    dataset: Any, tasks: list[Any], settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """A finished run, not to be written into: copy it first."""
    from unet_mtl import train

    return train(dataset, tasks, tmp_path_factory.mktemp("runs") / "tiny", **settings)


@pytest.fixture(scope="session")
def with_rules(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Copies the finished run, as if it had been given rules of consistency."""

    def copy(*rules: dict[str, Any]) -> Any:
        run = type(trained)(tmp_path_factory.mktemp("consistency") / "run")
        shutil.copytree(trained.path, run.path)
        run.config.write_text(yaml.safe_dump(run.read_config() | {"consistency": list(rules)}))
        return run

    return copy


@pytest.fixture
def write_masks(tmp_path):
    """Writes masks, by file name, into a folder of this test."""

    def write(folder, **masks):
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        for name, pixels in masks.items():
            stem, _, suffix = name.rpartition("__")
            file = path / (f"{stem}.{suffix}" if stem else f"{name}.png")
            Image.fromarray(np.asarray(pixels, np.uint8)).save(file)
        return path

    return write
