"""Subgroups against pandas, SciPy and scikit-learn on random answers, and requests that cannot be met."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from scipy.stats import permutation_test
from sklearn.metrics import roc_auc_score

import metrics
from unet_mtl.data.description import make_description
from unet_mtl.data.records import read_dataset
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.evaluation import subgroups
from unet_mtl.evaluation.groups import MISSING, NO_LESION, Grouping, make_groups, plan_groups
from unet_mtl.evaluation.permutation import p_value_of_draws, shuffle_groups
from unet_mtl.evaluation.subgroups import compare_subgroups, difference_interval

from .made_records import TASKS, make_records

N = 60


@pytest.fixture(scope="module", autouse=True)
def _few_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subgroups, "DRAWS", 15)
        yield


@pytest.fixture(scope="module")
def made():
    return make_records(N)


@pytest.fixture(scope="module")
def groups():
    """Return the device of each case: A, B, one of only two cases, and unknown."""
    rng = np.random.default_rng(1)
    words = [*rng.choice(["A", "B"], N - 14), "D", "D", *[MISSING] * 12]
    return {f"c{i:03d}": word for i, word in enumerate(words)}


@pytest.fixture(scope="module")
def table(made, groups):
    records, patients = made
    names = ["A", "B", "D", MISSING]
    grouping = Grouping("device", {name: [c for c in groups if groups[c] == name] for name in names})
    return compare_subgroups(TASKS, records, patients, [grouping])


def row_of(table, group, score):
    return table[(table["group"] == group) & (table["score"] == score)].iloc[0]


def test_values_and_differences_are_those_of_pandas_and_scikit_learn(made, groups, table):
    records, _ = made
    facts = pd.DataFrame([dict(s.facts) for s in records.scores["diagnosis"].values()])
    frame = pd.DataFrame(
        {
            "group": list(groups.values()),
            "dice": [s.scores["dice"].value for s in records.scores["mask"].values()],
            "error": [s.scores["absolute_error"].value for s in records.scores["size"].values()],
            "truth": facts["truth"] == "malignant",
            "probability": facts["probability_malignant"],
        }
    )
    known = frame[frame["group"] != MISSING]
    for group in ("A", "B", MISSING):
        inside, rest = frame[frame["group"] == group], known[known["group"] != group]
        for score, column in (("dice", "dice"), ("absolute_error", "error")):
            row = row_of(table, group, score)
            assert row["value"] == pytest.approx(inside[column].mean())
            assert row["rest"] == pytest.approx(rest[column].mean())
            assert row["difference"] == pytest.approx(inside[column].mean() - rest[column].mean())
            assert (row["n"], row["n_patients"]) == (len(inside), len(inside))
        row = row_of(table, group, "auroc")
        areas = [roc_auc_score(part["truth"], part["probability"]) for part in (inside, rest)]
        assert row["value"] == pytest.approx(areas[0], abs=1e-6)
        assert row["difference"] == pytest.approx(areas[0] - areas[1], abs=1e-6)


def test_a_small_group_is_marked_and_gets_no_verdict(table):
    rows = table[table["group"] == "D"]
    assert set(rows["verdict"]) == {"too few patients (2)"}
    assert rows[["p_value", "p_holm", "difference_low", "difference_high"]].isna().all(axis=None)
    assert (rows["n"] == 2).all() or (rows.loc[rows["n"] != 2, "value"].isna()).all()


def test_p_values_are_corrected_over_all_tests_of_the_table(table):
    tested = table.dropna(subset="p_value")
    assert 10 < len(tested) < len(table)
    # Here no group is the rest of another one, so that each row is a test of its own.
    np.testing.assert_allclose(tested["p_holm"], metrics.holm(tested["p_value"]))


def test_two_groups_are_one_test(made):
    records, patients = made
    cases = list(patients)
    halves = Grouping("half", {"first": cases[: N // 2], "second": cases[N // 2 :]})
    table = compare_subgroups(TASKS[:2], records, patients, [halves])
    first, second = (table[table["group"] == name].reset_index(drop=True) for name in halves.groups)
    np.testing.assert_allclose(first["difference"], -second["difference"])
    np.testing.assert_array_equal(first["p_holm"], second["p_holm"])
    assert first["p_holm"].max() <= 1
    np.testing.assert_allclose(first["p_holm"], metrics.holm(first["p_value"]))


def test_a_group_that_is_worse_is_found(made):
    records, patients = make_records(N, better=1.0)
    worse, _ = make_records(N, better=0.0, seed=5)
    cases = list(patients)
    for case in cases[: N // 2]:
        records.scores["mask"][case] = worse.scores["mask"][case]
    halves = Grouping("device", {"old": cases[: N // 2], "new": cases[N // 2 :]})
    row = row_of(compare_subgroups(TASKS[:1], records, patients, [halves]), "old", "dice")
    assert row["verdict"] == "lower than the rest"
    assert row["difference_high"] < 0


def test_the_p_value_is_that_of_a_permutation_test():
    rng = np.random.default_rng(3)
    values, member = rng.normal(size=30), np.arange(30) < 12
    values[member] += 0.9

    def difference(x, y, axis=-1):
        return x.mean(axis=axis) - y.mean(axis=axis)

    found = permutation_test((values[member], values[~member]), difference, n_resamples=20000)
    expected = np.mean(np.abs(found.null_distribution) >= abs(found.statistic))
    draws = shuffle_groups(member, np.arange(30), 4000, rng)
    found = np.array([values[m].mean() - values[~m].mean() for m in draws])
    p = p_value_of_draws(values[member].mean() - values[~member].mean(), found)
    assert 0.02 < expected < 0.3
    assert p == pytest.approx(expected, abs=0.025)


def test_the_tail_of_few_draws_is_normal():
    draws = np.random.default_rng(0).normal(0, 2, 2000)
    z = (9 - draws.mean()) / draws.std()
    assert p_value_of_draws(9.0, draws) == pytest.approx(2 * (1 - NormalDist().cdf(z)), rel=1e-6)
    assert p_value_of_draws(0.5, np.full(50, 0.5)) == 1
    assert np.isnan(p_value_of_draws(float("nan"), draws))
    assert np.isnan(p_value_of_draws(1.0, np.array([0.0, np.nan, np.nan])))


def test_patients_are_exchanged_as_a_whole_and_divided_ones_within():
    codes = np.repeat(np.arange(10), 3)
    member = codes < 4
    member[-1] = True  # The last patient is on both sides.
    draws = shuffle_groups(member, codes, 50, np.random.default_rng(0))
    assert (draws.sum(axis=1) == member.sum()).all()
    shares = draws.reshape(50, 10, 3).sum(axis=2)
    assert set(np.unique(shares[:, :9])) == {0, 3}
    assert (shares[:, 9] == 1).all()
    assert len(np.unique(draws, axis=0)) > 20


def test_the_interval_of_a_difference_of_normal_means():
    """For symmetric intervals, the method is the usual one: half widths add up as squares."""
    low, high = difference_interval((5.0, 4.7, 5.3), (3.0, 2.6, 3.4))
    assert (low, high) == pytest.approx((1.5, 2.5))
    assert np.isnan(difference_interval((1.0, np.nan, np.nan), (0.0, 0.0, 0.0))).all()


@pytest.fixture
def dataset(tmp_path):
    """Return a data set of 90 rows with a table that has columns that dataset.yaml does not describe."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "case": [f"c{i:03d}" for i in range(90)],
            "label": rng.choice(["benign", "malignant"], 90),
            "device": rng.choice(["GE", "Philips", "n/a"], 90),
            "age": rng.integers(20, 90, 90).astype(str),
            "room": [str(i % 4) for i in range(90)],
            "address": [f"street {i}" for i in range(90)],
        }
    )
    frame.loc[3, "age"] = ""
    frame.to_csv(tmp_path / "cases.csv", index=False)
    described = {"table": "cases.csv", "columns": {"label": {"classes": ["malignant", "benign"]}}}
    return read_dataset(make_description(described, base=tmp_path, where="here")), frame


def group(dataset, *by):
    return [make_groups(plan, None, [r.case for r in dataset]) for plan in plan_groups(dataset, TASKS, by)]


def test_words_bands_and_missing_values(dataset):
    dataset, frame = dataset
    device, label, room = group(dataset, "device", "label", "room")
    expected = frame.replace({"device": {"n/a": MISSING}}).groupby("device")["case"].apply(list).to_dict()
    assert device.groups == expected
    assert list(device.groups)[-1] == MISSING
    assert list(label.groups) == ["malignant", "benign"]  # in the order of the description
    assert list(room.groups) == ["0", "1", "2", "3"]  # few numbers are words
    age = pd.to_numeric(frame["age"])
    (bands,) = group(dataset, "age:40,60")
    cut = pd.cut(age, [-np.inf, 40, 60, np.inf], right=False).cat.codes
    for code, name in enumerate(["below 40", "40 to below 60", "60 or more"]):
        assert bands.groups[name] == list(frame["case"][cut == code])
    assert bands.groups[MISSING] == ["c003"]
    (tertiles,) = group(dataset, "age")  # many numbers are bands
    sizes = [len(members) for members in tertiles.groups.values()]
    assert len(sizes) == 4
    assert min(sizes[:3]) >= 25


@pytest.mark.parametrize(
    ("by", "error", "message"),
    [
        (["address"], DataError, "'address', which has 90 different values in 90 cases; at most 20 groups"),
        (["address:1,2"], DataError, "asks for bands of 'address', which has 'street 0'"),
        (["devise"], DataError, "names 'devise', which is not a column of the table"),
        (["age:60,40"], ConfigError, "'age:60,40'; expected a column, limits in ascending order"),
        (["age:old"], ConfigError, "'age:old'; expected a column"),
        (["age", "age:40"], ConfigError, "names 'age' twice"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_before_the_prediction(dataset, by, error, message):
    with pytest.raises(error, match=message):
        plan_groups(dataset[0], TASKS, by)


def test_lesion_size_needs_masks(dataset):
    with pytest.raises(ConfigError, match="no task of the run predicts a mask"):
        plan_groups(dataset[0], TASKS[1:], ["lesion_size"])


def test_lesion_size_is_the_area_of_the_true_mask(dataset, made):
    records, patients = make_records(12)
    empty = records.scores["mask"]["c002"].facts
    empty |= {"lesion_tp": 0, "lesion_fn": 0}
    del records.scores["mask"]["c005"]
    (plan,) = plan_groups(dataset[0], TASKS, ["lesion_size:20"])
    grouping = make_groups(plan, records, patients)
    assert grouping.column == "lesion_size_mm2"
    assert grouping.groups[NO_LESION] == ["c002"]
    assert grouping.groups[MISSING] == ["c005"]
    areas = {
        c: 0.5 * 0.2 * (s.facts["lesion_tp"] + s.facts["lesion_fn"])
        for c, s in records.scores["mask"].items()
    }
    assert grouping.groups["20 or more"] == [c for c, area in areas.items() if area >= 20]
    records.images["c000"] = records.images["c000"]._replace(row_spacing_mm=np.nan)
    assert make_groups(plan, records, patients).column == "lesion_size_px"
