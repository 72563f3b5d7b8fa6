"""Columns as numbers: fitting on train cases, missing values, and values that no train case has."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from unet_mtl.batches.inputs.columns import FittedInput, TabularInput, fit_inputs
from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import DataError

COLUMNS = {
    "age": {"unit": "years"},
    "device": {"type": "category"},
    "sex": {"classes": ["f", "m"]},
    "biopsy": {"type": "yes/no"},
    "depth": {},
}


def make_dataset(*rows, columns=COLUMNS):
    description = Description(root=Path(), table="t.csv", columns=columns)
    records = [
        Record(case=str(i), patient=str(i), image=None, masks={}, labels=labels)
        for i, labels in enumerate(rows)
    ]
    return Dataset(description, tuple(records))


TRAIN = make_dataset(
    {"age": 40.0, "device": "B", "sex": "m", "biopsy": "no"},
    {"age": 60.0, "device": "A", "biopsy": "yes", "depth": 2.0},
    {"device": "A", "sex": "m", "biopsy": "yes", "depth": 2.0},
)


def fit(*columns, train=TRAIN, **options):
    (fitted,) = fit_inputs({"clinical": TabularInput(columns=columns, **options)}, train)
    return fitted


def test_numbers_are_standardised_by_train_alone():
    fitted = fit("age")
    # mean 50 and standard deviation 10 of the two known values
    np.testing.assert_allclose(fitted.encode({"age": 40.0}), [-1, 0])
    np.testing.assert_allclose(fitted.encode({"age": 75.0}), [2.5, 0])
    np.testing.assert_allclose(fitted.encode({}), [0, 1])
    assert fitted.parts == ("age", "age unknown")


def test_a_column_of_one_value_is_that_value_and_others_are_told():
    """With equal train values, no weight depends on the number."""
    fitted = fit("depth")
    np.testing.assert_allclose(fitted.encode({"depth": 2.0}), [0, 0])
    np.testing.assert_allclose(fitted.encode({"depth": 50.0}), [0, 0])
    np.testing.assert_allclose(fitted.encode({}), [0, 1])
    assert fitted.describe_unknown({"depth": 50.0}) == ["depth=50.0"]
    assert fitted.describe_unknown({"depth": 2.0}) == []
    thirds = fit("age", train=make_dataset(*[{"age": 0.1}] * 3, columns={"age": {}}))
    assert thirds.describe_unknown({"age": 0.1}) == []


def test_far_numbers_are_taken_for_ten_deviations_and_told():
    fitted = fit("age", "device")
    np.testing.assert_allclose(fitted.encode({"age": 1e9, "device": "A"})[:2], [10, 0])
    np.testing.assert_allclose(fitted.encode({"age": -1e9, "device": "A"})[:2], [-10, 0])
    assert fitted.describe_unknown({"age": 1e9, "device": "C"}) == ["age=1000000000.0", "device=C"]
    assert fitted.describe_unknown({"age": 90.0}) == ["device"]
    assert fitted.describe_unknown({"age": 90.0, "device": "A"}) == []


def test_cells_are_hidden_at_random_and_words_become_unseen_ones():
    fitted = fit("age", "device", cell_dropout=0.5)
    labels = {"age": 40.0, "device": "A"}
    rows = np.array([fitted.encode(fitted.hide(labels, seed)) for seed in range(2000)])
    _, age_unknown, is_a, is_b, another, device_unknown = rows.mean(axis=0)
    # standard deviation of a share of 2000: 0.011
    assert age_unknown == pytest.approx(0.5, abs=0.05)
    assert is_a == pytest.approx(0.5, abs=0.05)
    assert is_b == 0
    assert another == pytest.approx(0.25, abs=0.05)
    assert device_unknown == pytest.approx(0.25, abs=0.05)
    together = (rows[:, 1] == 1) & (rows[:, 2] == 0)
    assert together.mean() == pytest.approx(0.25, abs=0.05)
    assert fitted.hide(labels, 3) == fitted.hide(labels, 3)
    assert fit("age", "device", cell_dropout=0).hide(labels, 3) == labels


def test_words_have_places_of_their_own_for_unseen_and_unknown():
    fitted = fit("device")
    assert fitted.parts == ("device is A", "device is B", "device is another", "device unknown")
    rows = [fitted.encode(labels) for labels in ({"device": "A"}, {"device": "B"}, {"device": "C"}, {})]
    np.testing.assert_array_equal(rows, np.eye(4))


def test_a_declared_class_without_a_train_case_is_unseen():
    fitted = fit("sex")
    np.testing.assert_array_equal(fitted.encode({"sex": "m"}), [1, 0, 0])
    np.testing.assert_array_equal(fitted.encode({"sex": "f"}), [0, 1, 0])


def test_yes_and_no_in_the_order_of_the_classes():
    assert fit("biopsy").parts[:2] == ("biopsy is no", "biopsy is yes")


def test_columns_stand_side_by_side_in_the_order_of_the_config():
    fitted = fit("biopsy", "age")
    assert fitted.width == 6
    row = fitted.encode({"age": 60.0, "biopsy": "yes", "device": "A"})
    np.testing.assert_allclose(row, [0, 1, 0, 0, 1, 0])
    assert row.dtype == np.float32


def test_a_fitted_input_survives_json():
    fitted = fit("age", "device", hidden=[4], input_dropout=0.5)
    again = FittedInput.model_validate(json.loads(json.dumps(fitted.to_config())))
    assert again == fitted
    np.testing.assert_array_equal(again.encode({"device": "A"}), fitted.encode({"device": "A"}))


def test_is_missing_only_without_a_single_column():
    fitted = fit("age", "device")
    assert fitted.is_missing({"sex": "m"})
    assert not fitted.is_missing({"device": "A"})


def test_every_wrong_column_is_told_at_once():
    train = make_dataset({"age": 1.0}, columns={"age": {}, "depth": {}})
    assert TabularInput(columns=("age",)).cell_dropout == 0.05
    with pytest.raises(DataError) as caught:
        fit("age", "depth", "weight", "age", train=train)
    assert caught.value.problems == [
        "input 'clinical': column 'age' is listed twice; remove one of them",
        "input 'clinical': none of the 1 train cases has a value in column 'depth'; leave the column out",
        "input 'clinical': the data set describes no column 'weight'; it has 'age', 'depth'. Add it to `columns` in "
        "the description of the data set",
    ]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"device": {"type": "category"}},
            "reads column 'age', which the data set does not describe; it describes 'device'",
        ),
        (
            {"age": {"unit": "months"}, "device": {"type": "category"}},
            "trained with column 'age' in 'years', but the data set has 'months'",
        ),
        (
            {"age": {"unit": "years"}, "device": {}},
            "trained with words in column 'device', but the data set has numbers",
        ),
        (
            {"age": {"type": "category"}, "device": {"type": "category"}},
            "trained with numbers in column 'age', but the data set has words",
        ),
    ],
)
def test_another_data_set_must_mean_the_same(columns, words):
    fitted = fit("age", "device")
    fitted.require_described(TRAIN.description)
    with pytest.raises(DataError, match=words):
        fitted.require_described(make_dataset(columns=columns).description)


def test_a_list_of_columns_will_do():
    assert TabularInput.model_validate(["age"]) == TabularInput(columns=("age",))
    with pytest.raises(ValidationError, match="at least 1"):
        TabularInput.model_validate([])
    with pytest.raises(ValidationError, match="less than 1"):
        TabularInput(columns=("age",), input_dropout=1.0)
