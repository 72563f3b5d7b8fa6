"""Regression of one number and of several, by hand."""

from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from unet_mtl import Regression
from unet_mtl.data.description import ColumnDescription
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.evaluation.summary import summarise_task
from unet_mtl.losses.base import weighted_mean
from unet_mtl.tasks.number import Number

SIZE = (8, 8)
LENGTH = Number(column="length_mm", unit="mm", mean=10.0, deviation=2.0, median=8.0)
AREA = Number(column="area", unit="cm2", mean=3.0, deviation=0.5, median=3.5)
ONE = Regression(name="size", target="length_mm", numbers=(LENGTH,))
TWO = Regression(name="sizes", targets=("length_mm", "area"), numbers=(LENGTH, AREA))
# The standard deviation for a log-variance of 0 before the bound, which is hardly less than 1.
NEAR_1 = np.exp(0.5 * (-10 + np.log1p(np.exp(5 - np.log1p(np.exp(5)) + 10))))


def with_labels(dataset, **columns):
    """Return cases with these numbers; None: unknown."""
    records = [
        replace(record, labels={name: v for name, v in zip(columns, values, strict=True) if v is not None})
        for record, values in zip(dataset, zip(*columns.values(), strict=True), strict=False)
    ]
    described = {name: ColumnDescription(unit={"size_mm": "mm"}.get(name, "")) for name in columns}
    return replace(
        dataset,
        description=dataset.description.model_copy(update={"columns": described}),
        records=tuple(records),
    )


def numbers(*values):
    return np.array(values, np.float32)


def test_standardised_on_train(dataset):
    task = Regression(name="size_mm").adapt(with_labels(dataset, size_mm=[1.0, 2.0, 6.0]))
    (number,) = task.numbers
    assert (number.column, number.mean, number.median, number.unit) == ("size_mm", 3.0, 2.0, "mm")
    assert number.deviation == pytest.approx(np.sqrt(14 / 3))
    target, weight = task.encode({"size_mm": 6.0}, SIZE)
    np.testing.assert_allclose(target, [[3 / np.sqrt(14 / 3), 1]], rtol=1e-6)
    assert (weight, target.dtype) == (1.0, np.float32)
    assert task.decode(numbers(0)).value == 3.0


def test_a_log_scale_learns_log_1_plus_value(dataset):
    train = with_labels(dataset, size_mm=[0.0, np.e - 1])
    task = Regression(name="size_mm", scale="log").adapt(train)
    assert (task.numbers[0].mean, task.numbers[0].deviation) == (pytest.approx(0.5), pytest.approx(0.5))
    assert task.encode({"size_mm": np.e - 1}, SIZE)[0][0, 0] == pytest.approx(1)
    assert task.decode(numbers(-1)).value == pytest.approx(0, abs=1e-9)
    with pytest.raises(ConfigError, match="scale: log needs values above -1, received -3 in 'size_mm'"):
        Regression(name="size_mm", scale="log").adapt(with_labels(dataset, size_mm=[-3.0, 2.0]))


def test_equal_values_have_a_deviation_of_1(dataset):
    """The standard deviation of three times 0.1 is 1e-17 in floating point."""
    task = Regression(name="size_mm").adapt(with_labels(dataset, size_mm=[0.1, 0.1, 0.1]))
    assert np.std([0.1, 0.1, 0.1]) > 0
    assert task.numbers[0].deviation == 1
    assert task.encode({"size_mm": 0.2}, SIZE)[0][0, 0] == pytest.approx(0.1, rel=1e-5)


def test_errors_of_numbers_by_hand():
    pairs = [(12.0, 1.5), (8.0, -1.0), (20.0, 2.0)]  # predictions 13, 8, 14
    cases = [ONE.score_case({"length_mm": true}, ONE.decode(numbers(raw)), None) for true, raw in pairs]
    assert [case.scores["absolute_error"].value for case in cases] == [1, 0, 6]
    assert cases[2].scores["relative_error"].value == pytest.approx(0.3)
    assert cases[0].facts == {"truth": 12.0, "predicted": 13.0}
    scores = ONE.score_set(pd.DataFrame([case.facts for case in cases]))
    assert scores["rmse"] == pytest.approx(np.sqrt(37 / 3))
    assert scores["bias"] == pytest.approx(-5 / 3)
    half = 1.959964 * np.std([1, 0, -6], ddof=1)
    assert scores["limit_of_agreement_low"] == pytest.approx(-5 / 3 - half, rel=1e-5)
    assert scores["limit_of_agreement_high"] == pytest.approx(-5 / 3 + half, rel=1e-5)
    assert scores["spearman"] == 1
    assert scores["concordance"] < scores["pearson"]
    assert scores["mae_of_train_median"] == pytest.approx((4 + 0 + 12) / 3)
    assert scores["median_relative_error"] == pytest.approx(1 / 12)
    assert not any(name.startswith("interval") for name in scores)
    assert ONE.decode(numbers(1.5)).cells() == {"mm": 13.0}
    assert ONE.decode(numbers(1.5)).title() == "size: 13 mm"
    assert ONE.truth_title({"length_mm": 12.0}) == "12 mm"


def test_each_number_has_its_own_constants(dataset):
    train = with_labels(dataset, size_mm=[1.0, None, 3.0, None], depth=[None, 10.0, 20.0, None])
    task = Regression(name="sizes", targets=("size_mm", "depth")).adapt(train)
    assert [(n.column, n.unit, n.mean, n.deviation, n.median) for n in task.numbers] == [
        ("size_mm", "mm", 2.0, 1.0, 2.0),
        ("depth", "", 15.0, 5.0, 15.0),
    ]
    truths = [task.read(record, train.description) for record in train]
    assert truths == [{"size_mm": 1.0}, {"depth": 10.0}, {"size_mm": 3.0, "depth": 20.0}, None]
    targets, weights = zip(*(task.encode(truth, SIZE) for truth in truths), strict=True)
    expected = [[[-1, 1], [0, 0]], [[0, 0], [-1, 1]], [[1, 1], [1, 1]], [[0, 0], [0, 0]]]
    np.testing.assert_array_equal(np.stack(targets), expected)
    assert weights == (0.5, 0.5, 1.0, 0.0)


@pytest.mark.parametrize("loss", ["mse", "huber", "gaussian"])
def test_every_label_weighs_the_same(loss):
    task = TWO.model_copy(update={"loss_kind": loss})
    truths = [{"length_mm": 12.0, "area": 3.0}, {"area": 5.0}, None, {"length_mm": 4.0}]
    targets, weights = zip(*(task.encode(truth, SIZE) for truth in truths), strict=True)
    raw = np.random.default_rng(0).normal(size=(4, 4 if loss == "gaussian" else 2)).astype(np.float32)
    found = weighted_mean(task.loss().call(np.stack(targets), raw), np.array(weights, np.float32))
    # each number as a task of its own
    costs = []
    for row, truth in enumerate(truths):
        for place, number in enumerate(TWO.numbers):
            if truth and number.column in truth:
                alone = Regression(name="a", target=number.column, loss=loss, numbers=(number,))
                target, _ = alone.encode({number.column: truth[number.column]}, SIZE)
                costs.append(float(alone.loss().call(target[None], raw[row : row + 1, place::2])[0]))
    assert len(costs) == 4
    assert float(found) == pytest.approx(np.mean(costs), rel=1e-5)


def test_training_metrics_of_several_by_hand():
    truths = [{"length_mm": 12.0, "area": 3.0}, {"area": 5.0}, None, {"length_mm": 4.0}, {"area": 3.5}]
    # errors in standard deviations: 1.5 and 1; area 2; length 1; area 0.5
    raw = numbers([2.5, 1.0], [9.0, 2.0], [7.0, 7.0], [-2.0, 9.0], [9.0, 1.5])
    targets, weights = map(np.array, zip(*(TWO.encode(truth, SIZE) for truth in truths), strict=True))
    metrics = TWO.training_metrics()
    for part in (slice(0, 2), slice(2, 5)):
        for metric in metrics:
            metric.update_state(targets[part], raw[part], sample_weight=weights[part])
    assert {metric.name: float(metric.result()) for metric in metrics} == {
        "sizes_mae": pytest.approx((1.5 + 1 + 2 + 1 + 0.5) / 5),
        "sizes_mae_length_mm": pytest.approx(2 * (1.5 + 1) / 2),
        "sizes_mae_area": pytest.approx(0.5 * (1 + 2 + 0.5) / 3),
    }


def score_two(task=TWO):
    """Return the scores of five cases, of which only the last two have both numbers."""
    truths = [{"length_mm": 9.0}, {"length_mm": 10.0}, {"area": 2.0}, {"length_mm": 14.0, "area": 4.0}]
    truths.append({"length_mm": 8.0, "area": 3.0})
    raws = numbers([0, 0], [0.5, 0], [0, -1], [1, 2], [-2, 1])  # lengths 10 11 _ 12 6, areas _ _ 2.5 4 3.5
    if task.loss_kind == "gaussian":
        raws = np.concatenate([raws, np.zeros_like(raws)], axis=1)
    cases = {
        f"case {i}": task.score_case(truth, task.decode(raw), None)
        for i, (truth, raw) in enumerate(zip(truths, raws, strict=True))
    }
    # The first two cases belong to one patient.
    patients = {case: "p" if i < 2 else case for i, case in enumerate(cases)}
    return cases, pd.DataFrame(summarise_task(task, cases, patients, 0)).set_index("score")


def test_scores_of_several_count_their_own_cases():
    cases, rows = score_two()
    assert cases["case 2"].facts == {"truth_area": 2.0, "predicted_area": 2.5}
    assert cases["case 3"].scores["absolute_error_length_mm"].value == 2
    assert cases["case 3"].scores["standardised_error"].value == pytest.approx((1 + 0) / 2)
    assert cases["case 2"].scores["standardised_error"].value == pytest.approx(1)
    assert TWO.ranking == ("standardised_error", False)
    assert rows.loc["rmse_length_mm", "value"] == pytest.approx(np.sqrt((1 + 1 + 4 + 4) / 4))
    assert rows.loc["bias_area", "value"] == pytest.approx((0.5 + 0 + 0.5) / 3)
    assert rows.loc["mae_of_train_median_area", "value"] == pytest.approx((1.5 + 0.5 + 0.5) / 3)
    for name, row in rows.iterrows():
        expected = 5 if name == "standardised_error" else 4 if name.endswith("_length_mm") else 3
        assert (row["n"], row["n_undefined"]) == (expected, 0), name
    assert rows.loc["rmse_area", ["low", "high"]].notna().all()
    assert not rows.loc["spearman_area", "headline"]
    assert rows.loc["pearson_area", "headline"]


def test_a_number_that_no_case_has_has_an_n_of_0():
    cases, _ = score_two()
    lengths = {case: cases[case] for case in ("case 0", "case 1")}
    rows = pd.DataFrame(summarise_task(TWO, lengths, dict.fromkeys(lengths, "p"), 0)).set_index("score")
    assert rows.loc["rmse_area", ["n", "n_undefined"]].tolist() == [0, 0]
    assert np.isnan(rows.loc["rmse_area", "value"])
    assert rows.loc["rmse_length_mm", "n"] == 2
    # A single patient has no interval.
    assert rows.loc["rmse_length_mm", ["low", "high"]].isna().all()


def test_intervals_by_hand():
    task = ONE.model_copy(update={"loss_kind": "gaussian"})
    answer = task.decode(numbers(1.5, 0.0))
    assert abs(NEAR_1 - 1) < 0.01
    assert answer.value == 13
    assert answer.low == pytest.approx(13 - 1.959964 * 2 * NEAR_1, rel=1e-6)
    assert answer.high == pytest.approx(13 + 1.959964 * 2 * NEAR_1, rel=1e-6)
    assert answer.cells() == {"mm": 13.0, "mm_low": round(answer.low, 4), "mm_high": round(answer.high, 4)}
    assert answer.title() == f"size: 13 mm ({answer.low:.3g} to {answer.high:.3g})"
    truths = [12.0, 17.0, 9.0, 9.1]  # 9.1 is barely inside
    cases = [task.score_case({"length_mm": true}, answer, None) for true in truths]
    scores = task.score_set(pd.DataFrame([case.facts for case in cases]))
    assert scores["interval_coverage"] == 2 / 4
    assert scores["interval_width"] == pytest.approx(4 * 1.959964 * NEAR_1, rel=1e-6)


def test_an_interval_on_a_log_scale_is_longer_above():
    number = Number(column="count", scale="log", mean=2.0, deviation=0.5)
    task = Regression(name="count", scale="log", loss="gaussian", numbers=(number,))
    answer = task.decode(numbers(1.0, 0.0))
    half = 1.959964 * NEAR_1 * 0.5
    assert answer.value == pytest.approx(np.exp(2.5) - 1, rel=1e-6)
    assert answer.low == pytest.approx(np.exp(2.5 - half) - 1, rel=1e-5)
    assert answer.high == pytest.approx(np.exp(2.5 + half) - 1, rel=1e-5)
    assert answer.high - answer.value > 2 * (answer.value - answer.low)
    # Without a unit, the column has the name of the task.
    assert list(answer.cells()) == ["", "low", "high"]


@pytest.mark.parametrize("raw", [-1e9, -30.0, 30.0, 1e9])
def test_intervals_are_never_empty_or_endless(raw):
    answer = ONE.model_copy(update={"loss_kind": "gaussian"}).decode(numbers(0, raw))
    deviation = (answer.high - answer.low) / (2 * 1.959964 * 2)
    assert deviation == pytest.approx(np.exp(-5 if raw < 0 else 2.5), rel=1e-3)


def test_coverage_of_several_counts_their_own_cases():
    _, rows = score_two(TWO.model_copy(update={"loss_kind": "gaussian"}))
    assert rows.loc["interval_coverage_length_mm", ["value", "n"]].tolist() == [1.0, 4]
    assert rows.loc["interval_coverage_area", ["value", "n"]].tolist() == [1.0, 3]
    assert rows.loc["interval_width_area", "value"] == pytest.approx(2 * 1.959964 * 0.5 * NEAR_1, rel=1e-6)
    assert rows.loc["interval_width_area", "n"] == 3
    assert rows.loc["interval_width_area", "headline"]


def test_cells_and_titles_of_several_name_their_columns():
    answer = TWO.decode(numbers(1.5, 1.0))
    # The name length_mm contains the unit already.
    assert answer.cells() == {"length_mm": 13.0, "area_cm2": 3.5}
    assert answer.title() == "sizes: length_mm 13 mm, area 3.5 cm2"
    assert TWO.truth_title({"area": 4.0}) == "area 4 cm2"
    both = TWO.model_copy(update={"loss_kind": "gaussian"}).decode(numbers(1.5, 1.0, 0, -2))
    widths = [value.high - value.low for value in both.values.values()]
    assert (both.values["length_mm"].value, both.values["area"].value) == (13, 3.5)
    assert widths == pytest.approx([2 * 1.96 * 2, 2 * 1.96 * 0.5 / np.e], rel=0.01)
    assert list(both.cells()) == [
        *("length_mm", "length_mm_low", "length_mm_high"),
        *("area_cm2", "area_cm2_low", "area_cm2_high"),
    ]
    with pytest.raises(
        ValueError, match=r"'sizes' predicts several numbers \(length_mm, area\); select one of `values`"
    ):
        _ = answer.value
    assert answer.values["area"].value == 3.5


def test_columns_whose_names_look_alike_keep_their_own_scores():
    alike = tuple(
        n.model_copy(update={"column": c}) for n, c in zip((LENGTH, AREA), ("T+", "T-"), strict=True)
    )
    task = Regression(name="t", targets=("T+", "T-"), numbers=alike)
    case = task.score_case({"T+": 12.0, "T-": 3.0}, task.decode(numbers(1, 1)), None)
    assert case.facts == {"truth_t__0": 12, "predicted_t__0": 12, "truth_t__1": 3, "predicted_t__1": 3.5}
    assert [metric.name for metric in task.training_metrics()] == ["t_mae", "t_mae_t__0", "t_mae_t__1"]


def test_the_config_key_is_loss_and_can_be_read_again():
    task = Regression(name="a", loss="gaussian")
    assert task.to_config()["loss"] == "gaussian"
    assert Regression.model_validate(task.to_config()) == task
    assert "loss_kind" not in task.to_config()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "a", "targets": ["b"]}, "`target` and `targets` contradict each other"),
        ({"targets": ["a", "b", "a"]}, "targets has 'a' twice"),
        (
            {"targets": ["a", "b", "A low"]},
            "two results would be called 'a_low'; rename a column of a, b, A low",
        ),
        ({"loss": "absolute"}, "'huber', 'mse' or 'gaussian'"),
        ({"robust": False}, "robust"),
        ({"loss_kind": "mse"}, "loss_kind"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(ValidationError, match=message):
        Regression.model_validate({"name": "x"} | settings)


def test_problems_name_the_column(dataset):
    task = Regression(name="sizes", targets=("size_mm", "depth"))
    train = with_labels(dataset, size_mm=[1.0, 2.0], depth=[None, None])
    with pytest.raises(DataError, match="none of the 2 train cases has a 'depth'"):
        task.adapt(train)
    with pytest.raises(ConfigError, match="describes no column 'depth'; it has 'size_mm'"):
        task.adapt(with_labels(dataset, size_mm=[1.0, 2.0]))
    adapted = task.adapt(with_labels(dataset, size_mm=[1.0, 2.0], depth=[3.0, 5.0]))
    other = adapted.model_copy(
        update={"numbers": (adapted.numbers[0], adapted.numbers[1].model_copy(update={"unit": "cm"}))}
    )
    with pytest.raises(DataError, match="task 'sizes' learned 'depth' in 'cm', the data set gives ''"):
        other.read(train.records[0], train.description)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_each_number_has_its_panel(n):
    from unet_mtl.plots.overlay import new_figure

    columns = tuple(f"c{i}" for i in range(n))
    task = Regression(name="sizes", targets=columns, loss="gaussian")
    # No case has the last of several numbers.
    facts = pd.DataFrame(
        [
            task.score_case(
                dict.fromkeys(columns[: max(1, n - 1)], 1.0 * i), task.decode(np.zeros(2 * n, "f")), None
            ).facts
            for i in range(4)
        ]
    )
    axes = new_figure(5, 4).subplots()
    task.draw_set(axes, facts)
    panels = axes.child_axes or [axes]
    assert len(panels) == n
    assert [len(panel.collections) for panel in panels] == [2] * max(1, n - 1) + [0] * (n > 1)
    if n > 1:
        assert panels[0].get_title() == "c0, n=4"
        assert panels[-1].get_title() == f"c{n - 1}, n=0"


def test_a_network_learns_from_the_numbers_that_are_known():
    """A column of the head's kernel changes only if its number is known."""
    features = keras.Input((3,))
    head = keras.Model(features, TWO.build_head(type("F", (), {"pooled": features})))
    layer = head.get_layer("sizes_logits")
    before = layer.get_weights()
    target = np.stack([TWO.encode({"area": 9.0}, SIZE)[0]] * 2)
    head.compile(optimizer=keras.optimizers.SGD(0.1), loss=TWO.loss())
    head.train_on_batch(np.ones((2, 3), "f"), target, sample_weight=np.full(2, 0.5, "f"))
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old[..., 0], new[..., 0])
        assert (old[..., 1] != new[..., 1]).all()
