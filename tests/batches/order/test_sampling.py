"""Class-balanced sampling: chances, numbers of draws in batches and shards, and reproducibility."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from unet_mtl import Multilabel, Ordinal, Preprocess, TrainingSettings
from unet_mtl.batches.augment.augment import Augment
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.order.sampling import Sampling, Strata, class_chances, draw_epoch, make_strata
from unet_mtl.config import make_config
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.errors import ConfigError
from unet_mtl.training.session import make_session


def test_chances_by_hand():
    """Four of a, one of b, one unknown. Power 1: 1/4 each and 1, with a mean of 2/5 over the five."""
    classes = ["a", "a", "a", "a", "b", None]
    expected = np.array([0.25] * 4 + [1.0, 0.4]) / 2.4
    np.testing.assert_allclose(class_chances(classes, 1), expected)
    np.testing.assert_allclose(class_chances(classes, 0), np.full(6, 1 / 6))
    half = np.array([0.5] * 4 + [1.0, 3 / 5])
    np.testing.assert_allclose(class_chances(classes, 0.5), half / half.sum())


def assert_rounded(found, expected):
    """Return the expected number rounded down and rounded up."""
    assert (np.abs(found - expected) < 1 - 1e-9).all()


def random_strata(n_instances, most=120):
    """Random shares and powers, with batch sizes and shards; group 0 has the unknown classes."""
    for index in range(n_instances):
        rng = np.random.default_rng(index)
        n, n_classes = rng.integers(2, most), rng.integers(2, 7)
        groups = np.unique(
            rng.choice(n_classes, n, p=rng.dirichlet(np.ones(n_classes))), return_inverse=True
        )[1]
        classes = [None if group == 0 and groups.any() else str(group) for group in groups]
        strata = Strata(groups, class_chances(classes, rng.choice([0, 0.5, 1, rng.random()])))
        yield index, strata, int(rng.integers(1, 17)), int(rng.integers(1, 4))


def test_every_epoch_has_each_class_and_case_as_often_as_expected():
    for index, strata, batch_size, _ in random_strata(300):
        n = len(strata.groups)
        for epoch in range(3):
            order, _ = draw_epoch(strata, batch_size, (index, epoch))
            assert len(order) == n
            assert_rounded(np.bincount(order, minlength=n), n * strata.chances)
            expected = n * np.bincount(strata.groups, strata.chances)
            assert_rounded(np.bincount(strata.groups[order], minlength=len(expected)), expected)


def test_on_average_each_case_comes_exactly_as_often_as_expected():
    strata = Strata(np.repeat([0, 1, 2], [9, 5, 2]), class_chances(["a"] * 9 + ["b"] * 5 + ["c"] * 2, 0.7))
    draws = [np.bincount(draw_epoch(strata, 4, (0, epoch))[0], minlength=16) for epoch in range(4000)]
    # Random rounding has a standard deviation of at most 0.5, so the mean has one of 0.008.
    np.testing.assert_allclose(np.mean(draws, axis=0), 16 * strata.chances, atol=5 * 0.008)
    # Independent draws would have a standard deviation of at least 0.95.
    assert np.std(draws, axis=0).max() < 0.51


def test_every_batch_has_each_class_and_case_in_its_share():
    for index, strata, batch_size, shards in random_strata(400):
        order, _ = draw_epoch(strata, batch_size * shards, (index,))
        n = len(order)
        for of_draws in (strata.groups[order], order):
            totals = np.bincount(of_draws, minlength=n)
            for start in range(0, n, batch_size * shards):
                batch = of_draws[start : start + batch_size * shards]
                assert_rounded(np.bincount(batch, minlength=n), len(batch) * totals / n)
                for shard in range(shards):
                    part = batch[shard::shards]
                    off = np.abs(np.bincount(part, minlength=n) - len(part) * totals / n).max()
                    assert off < (1 if len(batch) == batch_size * shards else 2)


def test_a_rare_class_is_in_every_batch():
    """5 of 100 cases with a third of the draws: 2 or 3 in a batch of 8. Independent draws: none in 1 batch of 26."""
    classes = ["a"] * 80 + ["b"] * 15 + ["c"] * 5
    strata = Strata(np.repeat([0, 1, 2], [80, 15, 5]), class_chances(classes, 1))
    for epoch in range(20):
        drawn = strata.groups[draw_epoch(strata, 8, (3, epoch))[0]]
        for start in range(0, 96, 8):
            assert set(np.bincount(drawn[start : start + 8], minlength=3)) == {2, 3}


def test_power_0_has_every_case_once_and_every_batch_its_share():
    groups = np.repeat([0, 1], [90, 10])
    strata = Strata(groups, class_chances(["a"] * 90 + ["b"] * 10, 0))
    for epoch in range(50):
        order, turns = draw_epoch(strata, 10, (1, epoch))
        np.testing.assert_array_equal(np.sort(order), np.arange(100))
        assert not turns.any()
        np.testing.assert_array_equal(groups[order].reshape(10, 10).sum(axis=1), 1)


def test_in_each_epoch_others_meet_at_other_times():
    strata = Strata(np.repeat([0, 1], [30, 10]), class_chances(["a"] * 30 + ["b"] * 10, 0))
    orders = np.array([draw_epoch(strata, 4, (0, epoch))[0] for epoch in range(800)])
    places = np.argsort(orders, axis=1)
    batches = places // 4
    # A case of b meets 3 of the 30, each equally often, and lies in any of the 10 batches.
    for other in range(30):
        assert np.mean(batches[:, 35] == batches[:, other]) == pytest.approx(0.1, abs=0.05)
    np.testing.assert_allclose(np.bincount(batches[:, 35], minlength=10) / 800, 0.1, atol=0.05)


def test_draws_of_a_case_lie_in_any_two_batches():
    """Half the draws are of two cases: 10 each, in 10 of the 20 batches."""
    strata = Strata(np.repeat([0, 1], [38, 2]), class_chances(["a"] * 38 + ["b"] * 2, 1))
    together = np.zeros((20, 20))
    for epoch in range(1000):
        present = (draw_epoch(strata, 2, (0, epoch))[0].reshape(20, 2) == 38).any(axis=1)
        together += np.outer(present, present)
    apart = together[~np.eye(20, dtype=bool)]
    np.testing.assert_allclose(apart / 1000, 10 / 20 * 9 / 19, atol=0.08)


def test_turns_count_earlier_draws():
    order, turns = draw_epoch(
        Strata(np.repeat([0, 1], [9, 1]), class_chances(["a"] * 9 + ["b"], 1)), 4, (1, 2)
    )
    assert turns.max() == 4
    for place, case in enumerate(order):
        assert turns[place] == (order[:place] == case).sum()


@pytest.fixture
def make(dataset, adapted):
    # 2.5 draws of each of the first two, 5/8 of each of eight, one of each case of unknown class.
    chances = class_chances(["a"] * 2 + ["b"] * 8 + [None] * 2, 1)
    strata = Strata(np.repeat([0, 1, 2], [2, 8, 2]), chances)

    def batches(**options):
        defaults = {"batch_size": 4, "augment": Augment("any_direction"), "seed": 3, "strata": strata}
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
    # 5 of the 12 draws, in six parts of two: one in each of five.
    batches = [part[start : start + 2] for part in parts for start in range(0, 6, 2)]
    assert sorted(sum(case in ("case_00", "case_01") for case in batch) for batch in batches) == [0] + [1] * 5


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


def test_cases_without_the_label_are_a_group_of_the_mean_chance(adapted, dataset):
    """Twelve cases: 2, 3 and 3 of three diagnoses, four unknown. Chances: 1/2, 1/3, 1/3, and the mean of 3/8."""
    groups, chances = make_strata(Sampling(task="diagnosis", power=1), adapted, dataset)
    np.testing.assert_allclose(chances[[0, 6]] * 4.5, 1 / 2)
    np.testing.assert_allclose(chances[[4, 7, 10, 2, 8, 11]] * 4.5, 1 / 3)
    np.testing.assert_allclose(chances[[1, 3, 5, 9]] * 4.5, 3 / 8)
    together = {frozenset(np.flatnonzero(groups == group)) for group in range(4)}
    assert together == {frozenset(cases) for cases in ({0, 6}, {4, 7, 10}, {2, 8, 11}, {1, 3, 5, 9})}


def test_labels_of_other_tasks_have_no_say(adapted, dataset):
    sampling = Sampling(task="diagnosis")
    strata = make_strata(sampling, adapted, dataset)
    bare = [
        replace(
            record,
            masks={},
            labels={key: label for key, label in record.labels.items() if key == "diagnosis"},
        )
        for record in dataset
    ]
    others = make_strata(sampling, adapted, dataset.only(bare))
    np.testing.assert_array_equal(draw_epoch(others, 4, (0, 1)), draw_epoch(strata, 4, (0, 1)))


def test_grades_are_classes_to_draw_by(adapted, dataset):
    grades = [Ordinal(name="grade", target="diagnosis").adapt(dataset)]
    found = make_strata(Sampling(task="grade"), grades, dataset)
    expected = make_strata(Sampling(task="diagnosis"), adapted, dataset)
    np.testing.assert_array_equal(found.groups, expected.groups)
    np.testing.assert_array_equal(found.chances, expected.chances)


def test_what_cannot_be_drawn_by_is_refused(adapted, dataset):
    with pytest.raises(
        ConfigError, match="there is no task 'diagnose'; the tasks are zone, diagnosis, size, side"
    ):
        make_strata(Sampling(task="diagnose"), adapted, dataset)
    for name, kind in (("zone", "segmentation"), ("size", "regression")):
        with pytest.raises(ConfigError, match=f"task '{name}' is a {kind}, which puts cases into no classes"):
            make_strata(Sampling(task=name), adapted, dataset)
    signs = Multilabel(name="signs", targets=("side", "diagnosis"))
    with pytest.raises(ConfigError, match="name a classification or an ordinal task"):
        make_strata(Sampling(task="signs"), [signs], dataset)
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        Sampling(task="zone", power=1.5)


def test_a_training_draws_train_cases_alone_and_validation_is_as_ever(dataset, tasks, settings):
    options = {name: value for name, value in settings.items() if name != "progress"}
    training = TrainingSettings(batch_size=2, sampling={"task": "side", "power": 1.0})
    session = make_session(
        make_config(dataset.description, tasks, **options | {"training": training}),
        split_dataset(dataset, SplitSettings()),
    )
    # Of the five, 0 has no side; 2 and 4 are left, 1 and 3 right.
    np.testing.assert_allclose(session.train.strata.chances, [0.2] * 5)
    assert session.val.strata is None
    assert {case for epoch in range(5) for case in cases(session.train, epoch)} == {
        f"case_0{i}" for i in range(5)
    }
