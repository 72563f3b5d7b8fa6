"""A sample depends only on seed, epoch and case, and batches are the same however they are made."""

import hashlib

import keras
import numpy as np
import pytest

from unet_mtl import Preprocess
from unet_mtl.batches.augment.augment import Augment
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.cache.array_cache import Cache
from unet_mtl.batches.cache.settings import Delivery
from unet_mtl.batches.feed import feed


@pytest.fixture(scope="module")
def make(dataset, adapted):
    """Return batches of all cases; rows and columns of `size` differ."""

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
    """Return batches as `fit` reads them: with threads and a queue."""
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
        "size": (5, 1, 2),
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
    # They depend neither on earlier reads nor on the global random states.
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
    """The disc is bright and the ring is grey in the image, and under their masks after all steps."""
    batches = make(batch_size=12, shuffle=False)
    batches.epoch = 2
    inputs, targets, weights = batches[0]
    checked = 0
    for image, mask, weight in zip(inputs["image"][..., 0], targets["zone"], weights["zone"], strict=True):
        if weight and (mask == 1).sum() > 10 and (mask == 0).sum() > 10:
            assert image[mask == 1].mean() > image[mask == 2].mean() > image[mask == 0].mean()
            checked += 1
    assert checked >= 4


NOISY = [
    {"HorizontalFlip": {"p": 0.5}},
    {"Affine": {"rotate": [-30, 30], "p": 0.7}},
    {"GaussNoise": {"p": 0.8}},
]


@pytest.fixture(params=["off", "memory", "disk"])
def cache(request, tmp_path):
    delivery = Delivery(cache=request.param, cache_folder=tmp_path)
    return None if request.param == "off" else Cache(delivery)


def test_cache_workers_and_engine_change_nothing(make, cache):
    """Three epochs as `fit` reads them, against batches made one by one without a cache; then resumed half-way."""
    plain = make(augment=Augment(NOISY))
    expected = [[digest(plain.make(i, epoch)) for i in range(3)] for epoch in range(3)]
    assert len({name for epoch in expected for name in epoch}) == 9
    for workers, first in ((1, 0), (3, 0), (2, 1)):
        batches = make(augment=Augment(NOISY), workers=workers, cache=cache)
        fed = feed(batches)
        for epoch in range(first, 3):
            batches.epoch = epoch
            found = [digest([{k: v.numpy() for k, v in part.items()} for part in batch]) for batch in fed]
            assert found == expected[epoch], (workers, epoch)
        batches.close()
        batches.epoch = first
        assert digest(batches[1]) == expected[first][1]
        batches.close()


def test_fit_knows_the_number_of_batches_and_their_types(make):
    for image_type in ("float32", "uint8"):
        batches = make(image_type=image_type)
        fed = feed(batches)
        assert int(fed.cardinality()) == len(list(fed)) == 3
        assert not fed.options().autotune.enabled
        for part, empty in zip(batches[0], batches.signature, strict=True):
            assert {n: (a.shape[1:], a.dtype) for n, a in part.items()} == {
                n: (a.shape[1:], a.dtype) for n, a in empty.items()
            }
        batches.close()


def test_uint8_becomes_what_float32_is(make):
    """The compiled step of the trainer scales images as `Preprocess.scale` does everywhere else."""
    from unet_mtl.training.trainer import as_floats

    images, floats = (make(image_type=kind).make(1)[0]["image"] for kind in ("uint8", "float32"))
    assert images.dtype == np.uint8
    assert images.max() > 200
    np.testing.assert_allclose(np.asarray(as_floats(images)), floats, rtol=1e-7)
    np.testing.assert_array_equal(floats, Preprocess().scale(images))
    assert as_floats(floats) is floats


def test_a_deep_image_among_promised_bytes_is_an_error_not_a_loss(make, monkeypatch):
    from unet_mtl.errors import DataError

    monkeypatch.setattr(
        Preprocess, "fit_image", lambda self, image: (np.full((16, 24, 3), 0.5, np.float32), (0, 0))
    )
    assert (make(augment=None).make(0)[0]["image"] == 0.5).all()
    batches = make(image_type="uint8", augment=None)
    with pytest.raises(DataError, match="no longer an image of 8 bits"):
        batches[0]
    assert isinstance(batches.error, DataError)
    batches.close()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shards_are_disjoint_complete_and_alike_in_length(make, dataset, count):
    whole = make(batch_size=2 * count)
    shards = [make(batch_size=2, shard=(index, count)) for index in range(count)]
    assert {len(shard) for shard in shards} == {len(whole)}
    for epoch in (0, 1):
        for batches in (whole, *shards):
            batches.epoch = epoch
        for i in range(len(whole)):
            parts = [[record.case for record in shard.records_of(i)] for shard in shards]
            cases = [case for part in parts for case in part]
            assert sorted(cases) == sorted(record.case for record in whole.records_of(i))
            together = [shard.make(i, epoch) for shard in shards]
            assert len({len(batch[0]["image"]) for batch in together}) == 1
            for name, weights in whole.make(i, epoch)[2].items():
                # The filler has weight 0, so the sums over all shards are those of the whole batch.
                assert sum(batch[2][name].sum() for batch in together) == weights.sum()


def test_the_next_epoch_is_begun_before_this_one_ends(make):
    batches = make(workers=1)
    made = []
    original = batches._make
    batches._prefetcher._make = lambda key: made.append(key) or original(key)
    for index in range(3):
        batches[index]
    batches.close()
    assert made[:3] == [(0, 0), (0, 1), (0, 2)]
    assert set(made[3:]) <= {(1, 0), (1, 1)}
    ordered = make(shuffle=False, augment=None)
    assert list(ordered._following(0, 2)) == [(0, 0), (0, 1)]
