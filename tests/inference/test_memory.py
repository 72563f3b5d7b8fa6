"""The images that are in memory at the same time do not depend on the number of cases."""

import weakref
from pathlib import Path

import numpy as np
import pytest

import unet_mtl as um
from unet_mtl.data.resized import Resized
from unet_mtl.errors import DataError
from unet_mtl.inference import predictor as predictor_module
from unet_mtl.inference.case_result import Case
from unet_mtl.inference.predictor import Predictor

SIDE = 40


class Engine:
    name = "plain"
    precision = "float32"
    sizes = {"image": (32, 32, 3)}

    def __init__(self):
        self.batches = []

    def __call__(self, inputs):
        self.batches.append(len(inputs["image"]))
        return {"zone": inputs["image"]}


class Alive:
    """Counts the images and outputs that have been made and not yet released."""

    def __init__(self, monkeypatch):
        self.references = []
        patched = um.Preprocess
        monkeypatch.setattr(patched, "open", lambda preprocess, path, *rest: self._open(path))
        restore = patched.restore
        monkeypatch.setattr(patched, "restore", lambda *arguments: self._add(restore(*arguments)))

    def _open(self, path):
        if "damaged" in path.name:
            raise DataError(f"{path}: damaged")
        return self._add(np.full((SIDE, SIDE, 3), int(path.stem), np.uint8))

    def _add(self, array):
        self.references.append(weakref.ref(array))
        return array

    def count(self, kind):
        return sum(isinstance(reference(), kind) for reference in self.references)


@pytest.mark.parametrize("fit", ["stretch", "crops"])
@pytest.mark.parametrize("in_a_batch", [1, 3, 8])
def test_few_images_are_in_memory(monkeypatch, in_a_batch, fit):
    monkeypatch.setattr(predictor_module, "_BATCH_BYTES", in_a_batch * SIDE * SIDE * 3)
    alive = Alive(monkeypatch)
    task = um.Segmentation(name="zone", classes=("background", "core", "rim"))
    predictor = Predictor(Engine(), [task], um.Preprocess(size=(32, 32), fit=fit), batch_size=8)
    n = 20
    paths = [Path("damaged.png" if i == 5 else f"{i}.png") for i in range(n)]
    seen, images = [], []
    for result in predictor.predict(Case(path.stem, path) for path in paths):
        images.append(alive.count(np.ndarray))
        assert alive.count(Resized) <= 1
        if result.error is None:
            assert (result.image == int(result.case.name)).all()
            assert result.answers["zone"].mask.shape == (SIDE, SIDE)
        seen.append(result.case.name)
        del result
    assert seen == [path.stem for path in paths]
    assert max(images) <= (min(2, in_a_batch) if fit == "crops" else in_a_batch)
    assert alive.count(np.ndarray) == alive.count(Resized) == 0
    if fit == "stretch":
        assert images[-1] == 1  # those before it in its batch have been released
        assert max(predictor.engine.batches) == in_a_batch
        assert sum(predictor.engine.batches) == n - 1
