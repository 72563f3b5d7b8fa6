"""Histograms count every number, have round edges, and gather outliers at the ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet_mtl.html.bins import MOST, bin_numbers
from unet_mtl.html.charts import draw_counts, draw_histogram

numbers = st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-6)


@given(st.lists(numbers | st.integers(-50, 50).map(float), min_size=1, max_size=60))
def test_no_number_is_lost(values):
    bins = bin_numbers(values)
    assert sum(bins.counts) + bins.below + bins.above == len(values)
    assert len(bins.counts) <= MOST + 2
    assert draw_histogram("x", values).note


@given(st.lists(st.integers(-400, 400), min_size=2, max_size=60))
def test_each_bar_counts_the_numbers_between_its_edges(values):
    bins = bin_numbers(map(float, values))
    for index, n in enumerate(bins.counts):
        assert n == sum(bins.edge(index) <= value < bins.edge(index + 1) for value in values)


def test_a_wrong_unit_does_not_squeeze_the_others():
    values = [*np.linspace(10, 20, 50), 15_000.0, -900.0]
    bins = bin_numbers(values)
    assert (bins.below, bins.above) == (1, 1)
    assert bins.start >= 9
    assert bins.end == 20
    svg = draw_histogram("size", values, unit="mm").svg
    assert "above 20 mm: 1 image<" in svg
    assert "below 10 mm: 1 image<" in svg


def test_a_second_mode_is_no_outlier():
    bins = bin_numbers([*np.linspace(1, 2, 80), *np.linspace(90, 95, 20)])
    assert (bins.below, bins.above) == (0, 0)


@pytest.mark.parametrize("value", [0.0, 7.0, -0.25])
def test_one_number_is_one_sentence(value):
    chart = draw_histogram("x", [value, value], unit="mm", items="cases")
    assert (chart.svg, chart.note) == ("", f"{value:g} mm in all 2 cases")


def test_rare_words_are_summed_up():
    counts = {f"class {i}": i + 1 for i in range(30)}
    chart = draw_counts("x", counts)
    assert chart.note == "and 21 cases in 6 rarer classes"
    assert chart.svg.count("<rect") == 24
