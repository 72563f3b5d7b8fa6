"""docs/metrics.md keeps up with the package."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import metrics

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
NAMES = sorted(
    name for name in metrics.__all__ if callable(getattr(metrics, name)) or name == "STRUCTURE_SCORES"
)


@pytest.mark.parametrize("name", [*NAMES, *metrics.streaming.__all__])
def test_the_page_names_everything_public(name):
    assert re.search(rf"`[^`]*\b{name}\b[^`]*`", PAGE)


def test_the_page_names_nothing_else():
    known = {*metrics.__all__, *metrics.streaming.__all__, *vars(metrics.overlap)}
    first_cells = re.findall(r"^\| (`[^|]+?) \|", PAGE, re.MULTILINE)
    named = {name for cell in first_cells for name in re.findall(r"`(?:\w+\.)?(\w+)", cell)}
    assert len(named) > 60
    assert named <= known


SCORES = PAGE[PAGE.index("## Scores") : PAGE.index("### From cases")]
ROWS = [line for line in SCORES.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("row", ROWS, ids=[re.search(r"`(.+?)`", row)[1] for row in ROWS])
def test_every_score_has_its_formula_range_and_source(row):
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(ROWS) > 45
    assert all(cells[1:3])
    assert re.search(r"doi:10\.\d{4,}/\S+|arXiv:\d{4}\.\d{5}", cells[-1])


def test_the_examples_run(capsys):
    numbers, compiled = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names = {}
    exec(numbers, names)
    assert names["per_case"].shape == (20, 3)
    assert "n_undefined=0" in capsys.readouterr().out
    image = keras.Input((8, 8, 1))
    mask = keras.layers.Conv2D(1, 1, activation="sigmoid", name="mask")(image)
    diagnosis = keras.layers.Dense(1, activation="sigmoid", name="diagnosis")(keras.layers.Flatten()(image))
    model = keras.Model(image, {"mask": mask, "diagnosis": diagnosis})
    exec(compiled, {"model": model})
    images = np.random.default_rng(0).random((4, 8, 8, 1), np.float32)
    truth = {"mask": np.round(images), "diagnosis": np.array([0, 1, 0, 1])}
    logs = model.evaluate(images, truth, batch_size=2, verbose=0, return_dict=True)
    assert {"mask_dice", "mask_iou_pooled", "diagnosis_auroc", "diagnosis_accuracy_pooled"} <= logs.keys()
    assert not any(np.isnan(value) for value in logs.values())
