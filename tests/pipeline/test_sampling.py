"""Rare classes are drawn more often: how often, by whom, and the same again."""

import numpy as np
import pytest
from pydantic import ValidationError

from unet_mtl import Preprocess, TrainingSettings
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.errors import ConfigError
from unet_mtl.pipeline.augment import Augment
from unet_mtl.pipeline.batches import Batches
from unet_mtl.pipeline.sampling import Sampling, class_chances, draw_epoch, sampling_chances
from unet_mtl.training.plan import Plan
from unet_mtl.training.session import make_session


def test_chances_by_hand():
    """Four of a, one of b, one unknown. Power 1: 1/4 each and 1, whose mean over the five is 2/5."""
    classes = ["a", "a", "a", "a", "b", None]
    expected = np.array([0.25] * 4 + [1.0, 0.4]) / 2.4
    np.testing.assert_allclose(class_chances(classes, 1), expected)
    np.testing.assert_allclose(class_chances(classes, 0), np.full(6, 1 / 6))
    half = np.array([0.5] * 4 + [1.0, 3 / 5])
    np.testing.assert_allclose(class_chances(classes, 0.5), half / half.sum())


def test_power_1_draws_classes_alike():
    classes = ["a"] * 80 + ["b"] * 15 + ["c"] * 5
    drawn = np.concatenate([draw_epoch(class_chances(classes, 1), (3, epoch))[0] for epoch in range(200)])
    shares = np.unique(np.array(classes)[drawn], return_counts=True)[1] / len(drawn)
    np.testing.assert_allclose(shares, 1 / 3, atol=0.01)


def test_turns_count_earlier_draws():
    order, turns = draw_epoch(class_chances(["a"] * 9 + ["b"], 1), (1, 2))
    assert turns.max() > 1
    for place, case in enumerate(order):
        assert turns[place] == (order[:place] == case).sum()


@pytest.fixture(scope="module")
def chances(adapted, dataset):
    return sampling_chances(Sampling(task="diagnosis", power=1), adapted, dataset)


@pytest.fixture
def make(dataset, adapted, chances):
    def batches(**options):
        defaults = {"batch_size": 4, "augment": Augment("any_direction"), "seed": 3, "chances": chances}
        return Batches(dataset, adapted, Preprocess(size=(16, 16)), **defaults | options)

    return batches


def cases(batches, epoch):
    batches.epoch = epoch
    return [record.case for index in range(len(batches)) for record in batches.records_of(index)]


def test_an_epoch_follows_from_seed_and_epoch(make, dataset):
    epochs = [cases(make(), epoch) for epoch in range(4)]
    assert [cases(make(workers=4), epoch) for epoch in (3, 2, 1, 0)] == epochs[::-1]
    assert epochs[0] != epochs[1]
    assert cases(make(seed=4), 0) != epochs[0]
    assert all(len(epoch) == len(dataset) and len(set(epoch)) < len(dataset) for epoch in epochs)
    images = [[make().make(index, epoch)[0]["image"] for index in range(3)] for epoch in (0, 1)]
    again = [[make().make(index, epoch)[0]["image"] for index in range(3)] for epoch in (0, 1)]
    np.testing.assert_array_equal(images, again)


def test_shards_share_one_epoch(make):
    whole = cases(make(batch_size=4), 5)
    parts = [cases(make(batch_size=2, shard=(index, 2)), 5) for index in (0, 1)]
    assert whole[0::2] == parts[0]
    assert whole[1::2] == parts[1]


def test_a_case_drawn_twice_is_augmented_in_two_ways(make):
    batches = make(batch_size=12)
    drawn = cases(batches, 0)
    images = batches.make(0)[0]["image"]
    twice = next(case for case in drawn if drawn.count(case) > 1)
    first, second = [images[place] for place, case in enumerate(drawn) if case == twice][:2]
    assert (first != second).any()
    # Without augmentation it is one image.
    images = make(batch_size=12, augment=None).make(0)[0]["image"]
    first, second = [images[place] for place, case in enumerate(drawn) if case == twice][:2]
    np.testing.assert_array_equal(first, second)


def test_what_cannot_be_drawn_by_is_refused(adapted, dataset):
    with pytest.raises(ConfigError, match="no task 'diagnose'; there is zone, diagnosis, size, side"):
        sampling_chances(Sampling(task="diagnose"), adapted, dataset)
    for name, kind in (("zone", "segmentation"), ("size", "regression")):
        with pytest.raises(ConfigError, match=f"task '{name}' is a {kind}, which puts cases into no classes"):
            sampling_chances(Sampling(task=name), adapted, dataset)
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        Sampling(task="zone", power=1.5)


def test_a_training_draws_train_cases_alone_and_validation_is_as_ever(dataset, tasks, settings):
    options = {name: value for name, value in settings.items() if name != "progress"}
    training = TrainingSettings(batch_size=2, sampling={"task": "side", "power": 1.0})
    session = make_session(
        Plan.of(tasks, **options | {"training": training}), split_dataset(dataset, SplitSettings())
    )
    # Of the five, 0 has no side; 2 and 4 are left, 1 and 3 right.
    np.testing.assert_allclose(session.train.chances, [0.2] * 5)
    assert session.val.chances is None
    assert {case for epoch in range(5) for case in cases(session.train, epoch)} == {
        f"case_0{i}" for i in range(5)
    }
