"""The pipeline that `fit` reads has the only reference to its batches that remains after a training."""

import gc
import weakref

import numpy as np
import pytest
from PIL import Image

import unet_mtl as um
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.cache.array_cache import Cache
from unet_mtl.batches.feed import feed


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    rows = ["case,size"]
    rng = np.random.default_rng(0)
    for i in range(8):
        Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save(folder / "images" / f"c{i}.png")
        rows.append(f"c{i},{i}")
    (folder / "cases.csv").write_text("\n".join(rows))
    (folder / "dataset.yaml").write_text(
        "images: images/{case}.png\ntable: cases.csv\ncase: case\ncolumns: {size: {unit: mm}}\n"
    )
    return um.read_dataset(folder)


def make_batches(dataset, **options):
    tasks = [um.Regression(name="size").adapt(dataset)]
    return Batches(dataset, tasks, um.Preprocess(size=(16, 16), channels=1), batch_size=4, **options)


def test_the_pipeline_alone_keeps_its_batches(dataset):
    pipeline = feed(make_batches(dataset))
    gc.collect()
    assert [inputs["image"].shape for inputs, _, _ in pipeline] == [(4, 16, 16, 1)] * 2


def test_without_the_pipeline_the_batches_are_deleted(dataset):
    batches = make_batches(dataset)
    pipeline = feed(batches)
    assert len(list(pipeline)) == 2
    reference = weakref.ref(batches)
    batches.close()
    del batches, pipeline
    gc.collect()
    assert reference() is None


def test_after_a_training_its_batches_and_cached_arrays_are_deleted(dataset, tmp_path, monkeypatch):
    references = []

    def record_instances(kind):
        original = kind.__init__

        def record(self, *arguments, **options):
            references.append(weakref.ref(self))
            original(self, *arguments, **options)

        monkeypatch.setattr(kind, "__init__", record)

    def put(self, key, arrays, original=Cache.put):
        references.extend(weakref.ref(array) for array in arrays.values())
        original(self, key, arrays)

    record_instances(Batches)
    record_instances(Cache)
    monkeypatch.setattr(Cache, "put", put)
    um.train(
        dataset,
        [um.Regression(name="size")],
        tmp_path / "run",
        split={"train": 0.5, "val": 0.25, "test": 0.25},
        preprocess={"size": (16, 16), "channels": 1},
        network={"width": 2},
        training={"epochs": 1, "batch_size": 2},
        delivery={"cache": "memory"},
        progress=False,
    )
    monkeypatch.undo()
    gc.collect()
    assert len(references) >= 2 + 1 + 6
    assert [reference() for reference in references if reference() is not None] == []
