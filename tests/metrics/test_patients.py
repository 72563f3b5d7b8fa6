"""Patients of cases: equal codes for equal patients, and no patient is made of several unknown ones."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import metrics
from metrics.bootstrap import patient_codes

NAMES = st.lists(st.sampled_from(["a", "b", "nan", "None", "", "7", "07"]), min_size=1, max_size=8)
NUMBERS = st.lists(st.integers(-3, 3), min_size=1, max_size=8)
MISSING = st.sampled_from([float("nan"), np.float32("nan"), None, pd.NA, pd.NaT])
HOLDERS = st.sampled_from([list, tuple, pd.Series, lambda patients: np.array(patients, object)])


@given(patients=NAMES | NUMBERS, hold=HOLDERS)
def test_equal_codes_are_equal_patients(patients, hold):
    codes = patient_codes(hold(patients), len(patients))
    assert sorted(set(codes.tolist())) == list(range(len(set(patients))))
    same = np.equal.outer(codes, codes)
    np.testing.assert_array_equal(same, [[one == other for other in patients] for one in patients])


@given(
    patients=NAMES | NUMBERS, missing=st.lists(MISSING, min_size=1, max_size=2), hold=HOLDERS, data=st.data()
)
def test_a_missing_patient_is_refused_anywhere(patients, missing, hold, data):
    for one in missing:
        patients = list(patients)
        patients.insert(data.draw(st.integers(0, len(patients))), one)
    with pytest.raises(ValueError, match="all strings or all integers, none missing; got "):
        patient_codes(hold(patients), len(patients))


@given(names=NAMES, numbers=NUMBERS, hold=HOLDERS)
def test_strings_and_numbers_are_not_mixed(names, numbers, hold):
    """7 and "7" may be the same patient, or not."""
    with pytest.raises(ValueError, match=r"none missing; got '.*' and -?\d"):
        patient_codes(hold([*names, *numbers]), len(names) + len(numbers))


def test_two_unknown_patients_are_not_one():
    values = [0.5, 0.6, 0.7]
    for call in (
        lambda patients: metrics.summarise(values, patients),
        lambda patients: metrics.summarise_table({"dice": values}, patients),
        lambda patients: metrics.compare_tables({"dice": values}, {"dice": values}, patients),
        lambda patients: metrics.bootstrap_interval(lambda index: {"n": index.size}, patients, resamples=3),
    ):
        with pytest.raises(
            ValueError, match="patients must be all strings or all integers, none missing; got nan"
        ):
            call(["a", float("nan"), float("nan")])
