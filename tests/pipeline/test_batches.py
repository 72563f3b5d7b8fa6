"""A sample is a function of seed, epoch and case; batches are the same however they are made."""

import hashlib

import keras
import numpy as np
import pytest

from unet_mtl import Preprocess
from unet_mtl.pipeline.augment import Augment
from unet_mtl.pipeline.batches import Batches


@pytest.fixture(scope="module")
def make(dataset, adapted):
    """Batches of all cases; `size` tells apart rows and columns."""

    def batches(**options):
        defaults = {"batch_size": 5, "augment": Augment("any_direction"), "shuffle": True, "seed": 3}
        return Batches(dataset, adapted, Preprocess(size=(16, 24)), **defaults | options)

    return batches


def digest(batch):
    found = hashlib.sha256()
    for part in batch:
        for name in sorted(part):
            found.update(name.encode() + np.ascontiguousarray(part[name]).tobytes())
    return found.hexdigest()


def through_keras(batches, epoch):
    """As `fit` reads them: with threads and a queue."""
    from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

    batches.epoch = epoch
    found = [digest(batch) for batch in PyDatasetAdapter(batches)._get_iterator()]
    return found


def test_shapes_and_types(make):
    inputs, targets, weights = make()[0]
    assert inputs["image"].shape == (5, 16, 24, 3)
    assert inputs["image"].dtype == np.float32
    assert 0 <= inputs["image"].min() < inputs["image"].max() <= 1
    assert {name: array.shape for name, array in targets.items()} == {
        "zone": (5, 16, 24),
        "diagnosis": (5,),
        "size": (5,),
        "side": (5,),
    }
    assert {(array.shape, array.dtype.name) for array in weights.values()} == {((5,), "float32")}
    assert all(np.isfinite(array.astype(float)).all() for array in targets.values())


def test_missing_labels_weigh_nothing(make, dataset):
    batches = make(batch_size=12, shuffle=False)
    _, targets, weights = batches[0]
    for row, record in enumerate(dataset):
        known = {"zone": "zone" in record.masks} | {
            name: column in record.labels
            for name, column in (("diagnosis", "diagnosis"), ("size", "size_mm"), ("side", "side"))
        }
        assert {name: bool(weights[name][row]) for name in known} == known, record.case
        if not known["zone"]:
            assert not targets["zone"][row].any()


def test_batches_do_not_depend_on_threads(make):
    epochs = [through_keras(make(workers=1), epoch) for epoch in (0, 1)]
    assert epochs[0] != epochs[1]
    assert [through_keras(make(workers=4), epoch) for epoch in (0, 1)] == epochs
    # Nor on what was read before, or on the global random states.
    np.random.seed(1)
    keras.utils.set_random_seed(99)
    batches = make()
    batches.epoch = 1
    assert [digest(batches[i]) for i in (2, 0, 1)] == [epochs[1][i] for i in (2, 0, 1)]


def test_each_epoch_augments_anew(make):
    batches = make(shuffle=False)
    first = digest(batches[0])
    batches.epoch = 1
    assert digest(batches[0]) != first
    batches.epoch = 0
    assert digest(batches[0]) == first


def test_seeds_differ(make):
    assert digest(make(seed=3)[0]) != digest(make(seed=4)[0])


def test_an_epoch_has_every_case_once_and_keeps_the_short_batch(make, dataset):
    batches = make()
    assert len(batches) == 3
    orders = []
    for epoch in range(3):
        batches.epoch = epoch
        cases = [[record.case for record in batches.records_of(i)] for i in range(3)]
        assert [len(part) for part in cases] == [5, 5, 2]
        orders.append([case for part in cases for case in part])
        assert sorted(orders[-1]) == sorted(record.case for record in dataset)
        assert batches[2][0]["image"].shape[0] == 2
    assert orders[0] != orders[1] != orders[2]


def test_validation_is_the_same_every_epoch_and_in_order(make, dataset):
    batches = make(augment=None, shuffle=False)
    assert [r.case for i in range(3) for r in batches.records_of(i)] == [r.case for r in dataset]
    first = digest(batches[0])
    batches.epoch = 5
    assert digest(batches[0]) == first


def test_a_case_is_augmented_by_its_name_and_epoch_not_by_its_place(make, dataset):
    shuffled, ordered = make(), make(shuffle=False)
    by_case = []
    for batches in (shuffled, ordered):
        names = [r.case for i in range(3) for r in batches.records_of(i)]
        images = np.concatenate([batches[i][0]["image"] for i in range(3)])
        by_case.append(dict(zip(names, images, strict=True)))
    for case, image in by_case[0].items():
        np.testing.assert_array_equal(image, by_case[1][case])


def test_image_and_mask_of_a_batch_fit(make, dataset):
    """The disc is bright and the ring is grey in the image; so they are under their mask after all steps."""
    batches = make(batch_size=12, shuffle=False)
    batches.epoch = 2
    inputs, targets, weights = batches[0]
    checked = 0
    for image, mask, weight in zip(inputs["image"][..., 0], targets["zone"], weights["zone"], strict=True):
        if weight and (mask == 1).sum() > 10 and (mask == 0).sum() > 10:
            assert image[mask == 1].mean() > image[mask == 2].mean() > image[mask == 0].mean()
            checked += 1
    assert checked >= 4
