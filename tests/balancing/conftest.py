"""Tiny networks and batches, some of them without labels."""

import keras
import numpy as np
import pytest

from unet_mtl import Classification, NetworkSettings, Regression, Segmentation, TrainingSettings
from unet_mtl.network import build_network
from unet_mtl.training.trainer import make_trainer

TASKS = [
    Segmentation(name="zone", classes=("background", "a", "b")),
    Regression(name="age", weight=0.5),
    Classification(name="kind", classes=("x", "y", "z"), weight=2.0),
]
N, BATCH = 12, 4


class Rows(keras.utils.PyDataset):
    """Batches of 4 in the order of the rows."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = parts

    def __len__(self):
        return N // BATCH

    def __getitem__(self, index):
        rows = slice(BATCH * index, BATCH * (index + 1))
        return tuple({name: array[rows] for name, array in part.items()} for part in self.parts)


@pytest.fixture(scope="session")
def rows():
    """Three batches. The second has no `age`, and `kind` is known for a single case."""
    rng = np.random.default_rng(0)
    targets = {
        "zone": rng.integers(0, 3, (N, 8, 8)).astype(np.uint8),
        "age": rng.normal(size=N).astype(np.float32),
        "kind": rng.integers(0, 3, N).astype(np.int32),
    }
    weights = {name: np.ones(N, np.float32) for name in targets}
    weights["zone"][[0, 5]] = 0
    weights["age"][4:8] = 0
    weights["kind"][1:] = 0
    for name, target in targets.items():
        target[weights[name] == 0] = 0
    return Rows({"image": rng.random((N, 8, 8, 3), np.float32)}, targets, weights)


def make_small(balancing="fixed", *, tasks=TASKS, precision="float32", scores=False, **settings):
    keras.utils.set_random_seed(5)
    network = build_network(
        tasks, size=(8, 8), settings=NetworkSettings(width=2, levels=2, dropout=0.3), precision=precision
    )
    with pytest.MonkeyPatch.context() as patch:
        for kind in () if scores else {type(task) for task in tasks}:
            patch.setattr(kind, "training_metrics", lambda self: [])  # they are most of what is traced
        return make_trainer(
            network, tasks, TrainingSettings(balancing=balancing, **settings), steps=3, seed=11
        )


@pytest.fixture(scope="session")
def small():
    """A function that returns a compiled trainer on the three tasks."""
    return make_small
