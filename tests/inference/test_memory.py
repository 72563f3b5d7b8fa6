"""The images that are in memory at the same time do not depend on the number of cases."""

import weakref
from pathlib import Path

import numpy as np
import pytest

import unet_mtl as um
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
    """Counts the images and probabilities that have been made and not yet released."""

    def __init__(self, monkeypatch):
        self.references = []
        patched = um.Preprocess
        monkeypatch.setattr(patched, "open", lambda preprocess, path, frame: self._open(path))
        restore = patched.restore
        monkeypatch.setattr(patched, "restore", lambda *arguments: self._add(restore(*arguments)))

    def _open(self, path):
        if "damaged" in path.name:
            raise DataError(f"{path}: damaged")
        return self._add(np.full((SIDE, SIDE, 3), int(path.stem), np.uint8))

    def _add(self, array):
        self.references.append(weakref.ref(array))
        return array

    def count(self, dtype):
        arrays = [reference() for reference in self.references]
        return sum(array is not None and array.dtype == dtype for array in arrays)


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
        images.append(alive.count(np.uint8))
        assert alive.count(np.float32) <= 1
        if result.error is None:
            assert (result.image == int(result.case.name)).all()
            assert result.answers["zone"].mask.shape == (SIDE, SIDE)
        seen.append(result.case.name)
        del result
    assert seen == [path.stem for path in paths]
    assert max(images) <= (2 if fit == "crops" else in_a_batch + 1)  # they are read in pairs
    assert alive.count(np.uint8) == alive.count(np.float32) == 0
    if fit == "stretch":
        assert images[-1] == 1  # those before it in its batch have been released
        assert max(predictor.engine.batches) == min(8, 2 * ((in_a_batch + 1) // 2))
        assert sum(predictor.engine.batches) == n - 1
