"""The label order is a permutation, covers each task in every batch, and is never worse than a shuffle."""

from itertools import permutations

import numpy as np
import pytest

from unet_mtl import Preprocess
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.order.label_order import make_label_order
from unet_mtl.errors import ConfigError


def batches_with_labels(labelled, order, batch_size):
    """Return (batches, tasks), whether a batch has a label, with the batches sliced as in `Batches`."""
    known = labelled[order]
    return np.stack([known[i : i + batch_size].any(0) for i in range(0, len(known), batch_size)])


def random_instances(n_instances, seed, *, most=60):
    rng = np.random.default_rng(seed)
    for index in range(n_instances):
        n, n_tasks = rng.integers(1, most), rng.integers(1, 6)
        shares = rng.choice([0, 0.02, 0.1, 0.3, 0.5, 0.9, 1], n_tasks)
        yield index, rng.random((n, n_tasks)) < shares, int(rng.integers(1, 10))


def test_an_order_has_every_case_once_and_follows_from_its_seed():
    for index, labelled, batch_size in random_instances(200, 0):
        order = make_label_order((7, index), labelled, batch_size)
        np.testing.assert_array_equal(np.sort(order), np.arange(len(labelled)))
        np.testing.assert_array_equal(order, make_label_order((7, index), labelled, batch_size))


def test_epochs_differ():
    labelled = np.random.default_rng(0).random((40, 3)) < 0.3
    orders = [make_label_order((7, epoch), labelled, 4) for epoch in range(20)]
    assert len({tuple(order) for order in orders}) == 20
    # The batches differ between epochs, too.
    together = [{frozenset(order[i : i + 4]) for i in range(0, 40, 4)} for order in orders]
    assert len(set.union(*together)) > 150


@pytest.mark.parametrize("n_labelled", [0, 1, 2, 3, 5, 9, 10, 11, 30, 37])
def test_one_task_reaches_as_many_batches_as_it_has_labels_at_even_distances(n_labelled):
    for seed in range(30):
        labelled = np.zeros((37, 1), bool)
        labelled[np.random.default_rng(seed).permutation(37)[:n_labelled]] = True
        covered = batches_with_labels(labelled, make_label_order((seed,), labelled, 4), 4)[:, 0]
        assert covered.sum() == min(n_labelled, 10)
        gaps = np.diff(np.flatnonzero(covered))
        if n_labelled > 1:
            assert set(gaps) <= {10 // min(n_labelled, 10), -(-10 // min(n_labelled, 10))}


@pytest.mark.parametrize(
    ("batch_size", "n_tasks"), [(2, 2), (4, 2), (3, 3), (4, 3), (8, 3), (8, 6), (2, 3), (3, 5)]
)
def test_where_every_batch_can_have_every_task_it_has(batch_size, n_tasks):
    """Cases are first assigned so that a solution exists, and then shuffled."""
    rng = np.random.default_rng(1)
    for index in range(40):
        n_batches = rng.integers(2, 12)
        n = n_batches * batch_size - rng.integers(max(batch_size - n_tasks, 0) + 1)
        labelled = rng.random((n, n_tasks)) < rng.choice([0, 0.1, 0.3])
        for start in range(0, n, batch_size):
            for task in range(n_tasks):
                labelled[rng.integers(start, min(start + batch_size, n)), task] = True
        labelled = labelled[rng.permutation(n)]
        order = make_label_order((3, index), labelled, batch_size)
        assert batches_with_labels(labelled, order, batch_size).all()


def test_never_worse_than_shuffling_and_mostly_better():
    better = 0
    for index, labelled, batch_size in random_instances(300, 2):
        found = batches_with_labels(labelled, make_label_order((5, index), labelled, batch_size), batch_size)
        rng = np.random.default_rng(index)
        shuffled = [
            batches_with_labels(labelled, rng.permutation(len(labelled)), batch_size).sum() for _ in range(5)
        ]
        assert found.sum() >= max(shuffled)
        better += found.sum() > np.mean(shuffled)
    assert better > 150


def test_of_seven_cases_no_order_does_better():
    rng = np.random.default_rng(4)
    every = np.array(list(permutations(range(7))))
    for index in range(60):
        labelled = rng.random((7, rng.integers(2, 5))) < rng.choice([0.2, 0.4, 0.6])
        batch_size = int(rng.integers(2, 4))
        known = labelled[every]
        most = sum(known[:, i : i + batch_size].any(1).sum(-1) for i in range(0, 7, batch_size)).max()
        order = make_label_order((1, index), labelled, batch_size)
        assert batches_with_labels(labelled, order, batch_size).sum() == most


def test_parts_of_a_batch_are_dealt_labels_of_their_own():
    labelled = np.zeros((48, 2), bool)
    labelled[:12, 0] = labelled[12:24, 1] = True
    for seed in range(10):
        order = make_label_order((seed,), labelled, 4, shards=3)
        for shard in range(3):
            assert batches_with_labels(labelled, order[shard::3], 4).all()
    # With too few labels for each shard, at least one shard of each batch has one.
    labelled[4:12, 0] = False
    order = make_label_order((0,), labelled, 4, shards=3)
    assert batches_with_labels(labelled, order, 12)[:, 0].all()


@pytest.mark.parametrize("shape", [(0, 2), (5, 0), (1, 1), (3, 2)])
def test_corners(shape):
    for labelled in (np.zeros(shape, bool), np.ones(shape, bool)):
        assert sorted(make_label_order((0,), labelled, 4)) == list(range(shape[0]))


@pytest.fixture(scope="module")
def make(dataset, adapted):
    def batches(**options):
        defaults = {"batch_size": 3, "shuffle": True, "spread_labels": True, "seed": 3}
        return Batches(dataset, adapted, Preprocess(size=(16, 16)), **defaults | options)

    return batches


def test_batches_have_labels_of_each_task(make, dataset):
    """Twelve cases: nine have a zone, eight a diagnosis, nine a size and six a side."""
    batches, orders = make(), []
    for epoch in range(6):
        batches.epoch = epoch
        cases = [record.case for index in range(4) for record in batches.records_of(index)]
        assert sorted(cases) == sorted(record.case for record in dataset)
        orders.append(tuple(cases))
        assert all(weights.any() for index in range(4) for weights in batches.make(index, epoch)[2].values())
    assert len(set(orders)) == 6
    resumed = make()
    resumed.epoch = 4
    assert tuple(r.case for index in range(4) for r in resumed.records_of(index)) == orders[4]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_shards_are_disjoint_and_complete(make, dataset, count):
    shards = [make(batch_size=2, shard=(index, count)) for index in range(count)]
    for epoch in (0, 1):
        for shard in shards:
            shard.epoch = epoch
        found = [r.case for shard in shards for index in range(len(shard)) for r in shard.records_of(index)]
        assert sorted(found) == sorted(record.case for record in dataset)


def test_an_order_that_is_kept_cannot_spread_labels(make):
    with pytest.raises(ConfigError, match="`spread_labels` is True and `shuffle` is False"):
        make(shuffle=False)
