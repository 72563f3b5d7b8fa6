"""Twelve tiny cases and one run that was trained on them, shared by every test that needs real files."""

import fcntl
import functools
import gc
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer.main
import typer.testing
import yaml
from PIL import Image

from unet_mtl.cli import main

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Two workers on two cores: more threads in each only wait for one another.
for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")
# Tracing a network allocates millions of objects, and the default threshold scans them all hundreds of times.
gc.set_threshold(50_000, 20, 100)

SIZE = 32
SPLITS = ["train"] * 5 + ["val"] * 3 + ["test"] * 4
# Cases without a label, by target. Each split has labelled and unlabelled cases, but `side` has no label in test.
MISSING = {
    "zone": {2, 6, 11},
    "diagnosis": {1, 3, 5, 9},
    "size_mm": {4, 7, 10},
    "side": {0, 5, 8, 9, 10, 11},
}
DIAGNOSES = ["normal", "benign", "malignant"]


TRAINING_ROOMS = ["test_docs.py", "training", "nn", "studies", "balancing", "inference", "evaluation"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the rooms that train, so that no worker begins a long file when the others have finished."""
    ranks = {room: rank for rank, room in enumerate(TRAINING_ROOMS)}
    rooms = {item: re.split("[/:]", item.nodeid.removeprefix("tests/"))[0] for item in items}
    items.sort(key=lambda item: ranks.get(rooms[item], len(ranks)))


def _draw(index: int) -> tuple[Any, Any]:
    """Return image and mask of one case: a disc in a ring, which every third case lacks.

    The background is mottled, since images of one plain colour would be reported as copies of each other.
    """
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
    """Return a function that writes the twelve cases into a new folder, for tests that change them."""
    return _write


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], Any]], Path]:
    """Return a function that makes a folder once for all workers of the session.

    The first worker makes it and the others wait. The folder is shared, so that no test may write into it.
    """
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def make(name: str, write: Callable[[Path], Any]) -> Path:
        folder, done = root / "shared" / name, root / "shared" / f"{name}.done"
        folder.parent.mkdir(exist_ok=True)
        with done.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                write(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def drawing() -> Callable[[], AbstractContextManager[None]]:
    """Return a context manager within which trainings and evaluations draw their pictures, which is off elsewhere."""

    @contextmanager
    def drawing() -> Iterator[None]:
        before, _Drawing.on = _Drawing.on, True
        try:
            yield
        finally:
            _Drawing.on = before

    return drawing


@pytest.fixture
def pictures(drawing: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Let the trainings and evaluations of this test draw their pictures."""
    with drawing():
        yield


class _Drawing:
    on = False


@pytest.fixture(scope="session", autouse=True)
def _blank_curves() -> Iterator[None]:
    """Save one pixel in place of curves.png and balance.png, which take a fifth of the time of a tiny training."""
    from matplotlib.figure import Figure

    save = Figure.savefig

    def save_or_skip(figure: Figure, path: Any, **options: Any) -> None:
        if _Drawing.on or not str(getattr(path, "name", path)).startswith((".curves.", ".balance.")):
            save(figure, path, **options)
        else:
            Image.new("L", (1, 1)).save(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save_or_skip)
        yield


@pytest.fixture(scope="session", autouse=True)
def _blank_evaluations() -> Iterator[None]:
    """Write empty pictures of evaluations, whose drawing takes a third of the time of a small one."""
    from matplotlib.figure import Figure

    from unet_mtl.evaluation import files

    def blank(write: Callable[..., Any]) -> Callable[..., Any]:
        return lambda figure, *path: write(figure if _Drawing.on else Figure((0.1, 0.1)), *path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "save_figure", blank(files.save_figure))
        patch.setattr(files, "render_png", blank(files.render_png))
        yield


@pytest.fixture(scope="session", autouse=True)
def _load_networks_once() -> Iterator[None]:
    """Load equal networks once, so that TensorFlow traces them once; the engine is as if it had loaded the files."""
    from unet_mtl.inference.engines import keras

    load, networks = keras.KerasEngine.load.__func__, {}  # type: ignore[attr-defined]

    def load_once(cls: Any, run: Any) -> Any:
        files = [run.path / name for name in ("network.keras", "tasks.json", "environment.json")]
        if not all(path.is_file() for path in files):
            return load(cls, run)
        key = (keras.choose_precision("auto"), *(path.read_bytes() for path in files))
        if key not in networks:
            if len(networks) > 9:
                networks.clear()
            networks[key] = load(cls, run).network
        return cls(networks[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.KerasEngine, "load", classmethod(load_once))
        yield


@pytest.fixture(scope="session", autouse=True)
def _build_command_line_once() -> Iterator[None]:
    """Keep the command line, which typer would build again for each command that a test runs."""
    get_command = functools.cache(typer.main.get_command)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", get_command)
        patch.setattr(typer.testing, "_get_command", get_command)
        yield


@pytest.fixture(scope="session", autouse=True)
def _few_resamples() -> Iterator[dict[str, int]]:
    """Draw few bootstrap resamples, which take most of the time of an evaluation; return their usual numbers."""
    from unet_mtl.evaluation.summary import RESAMPLES

    usual = dict(RESAMPLES)
    RESAMPLES.update(dict.fromkeys(RESAMPLES, 50))
    yield usual
    RESAMPLES.update(usual)


@pytest.fixture
def all_resamples(monkeypatch: pytest.MonkeyPatch, _few_resamples: dict[str, int]) -> None:
    """Let the evaluations of this test draw as many bootstrap resamples as those of users."""
    from unet_mtl.evaluation.summary import RESAMPLES

    for kind, n in _few_resamples.items():
        monkeypatch.setitem(RESAMPLES, kind, n)


@pytest.fixture(scope="session")
def data_folder(make_once: Callable[[str, Callable[[Path], Any]], Path]) -> Path:
    return make_once("data", lambda folder: _write(folder / "tiny")) / "tiny"


@pytest.fixture(scope="session")
def layered_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the twelve cases with a second mask of overlapping classes: the core lies in the whole."""
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
    """Return four tasks that are not in the order of their names, so that code which sorts them fails a test."""
    from unet_mtl import Classification, Regression, Segmentation

    return [
        Segmentation(name="zone"),
        Classification(name="diagnosis"),
        Regression(name="size", target="size_mm", weight=0.5),
        Classification(name="side", weight=0.3),
    ]


@pytest.fixture(scope="session")
def parts(dataset: Any) -> Any:
    """Return the data sets of train, val and test."""
    from unet_mtl.data.splits import SplitSettings, split_dataset

    return split_dataset(dataset, SplitSettings())


@pytest.fixture(scope="session")
def adapted(tasks: list[Any], parts: Any) -> list[Any]:
    from unet_mtl.tasks import adapt_tasks

    return adapt_tasks(tasks, parts["train"])


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """Return arguments of `train` that make it quick; with dropout, so that random states matter."""
    from unet_mtl import NetworkSettings, Preprocess, TrainingSettings

    return {
        "preprocess": Preprocess(size=(SIZE, SIZE)),
        "network": NetworkSettings(width=4, levels=2, dropout=0.3),
        "training": TrainingSettings(epochs=4, batch_size=2, learning_rate=3e-3),
        "precision": "float32",
        "progress": False,
    }


@pytest.fixture(scope="session")
def column_tasks() -> list[Any]:
    """Return three tasks that read columns only: their networks are traced much faster than those of images."""
    from unet_mtl import Classification, Regression

    return [
        Regression(name="size", target="size_mm", inputs=["record"]),
        Classification(name="diagnosis", weight=0.5, inputs=["record"]),
        Regression(name="length", target="size_mm", loss="mse", weight=0.3, inputs=["record"]),
    ]


@pytest.fixture(scope="session")
def column_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return arguments of `train` for `column_tasks`."""
    from unet_mtl import NetworkSettings, TabularInput

    inputs = {"record": TabularInput(columns=["side"], hidden=[4], cell_dropout=0.3)}
    return settings | {"inputs": inputs, "network": NetworkSettings(trunk=(4,))}


@pytest.fixture(scope="session")
def trained(
    dataset: Any,
    tasks: list[Any],
    settings: dict[str, Any],
    make_once: Callable[[str, Callable[[Path], Any]], Path],
) -> Any:
    """Return a finished run. A test that writes into it must copy it first."""
    from unet_mtl import RunFolder, train

    return RunFolder(make_once("run", lambda folder: train(dataset, tasks, folder, **settings)))


@pytest.fixture(scope="session")
def with_rules(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Return a function that copies the finished run and adds rules of consistency to its settings."""

    def copy(*rules: dict[str, Any]) -> Any:
        run = type(trained)(tmp_path_factory.mktemp("consistency") / "run")
        shutil.copytree(trained.path, run.path)
        run.config.write_text(yaml.safe_dump(run.read_config() | {"consistency": list(rules)}))
        return run

    return copy


@pytest.fixture
def write_masks(tmp_path):
    """Return a function that writes masks, by file name, into a folder of this test."""

    def write(folder, **masks):
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        for name, pixels in masks.items():
            stem, _, suffix = name.rpartition("__")
            file = path / (f"{stem}.{suffix}" if stem else f"{name}.png")
            Image.fromarray(np.asarray(pixels, np.uint8)).save(file)
        return path

    return write


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, list[str]]]:
    """Return a function that runs `unet-mtl` in this process and returns exit code, output and lines of errors."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: object) -> tuple[int, str, list[str]]:
        code = 0
        monkeypatch.setattr(sys, "argv", ["unet-mtl", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, [line for line in printed.err.splitlines() if line.strip()]

    return call
