"""The largest diameter of a mask, by hand and by all pairs of points."""

import itertools

import numpy as np
import pytest

from metrics import feret_diameter, label_components


@pytest.mark.parametrize(
    ("mask", "spacing", "diameter"),
    [
        ([[1]], (1, 1), 1),
        ([[0, 1, 1, 1]], (2, 0.5), np.hypot(2, 1)),  # from above the first to below the last
        (np.eye(5), (1, 1), np.hypot(4, 5)),
        (np.zeros((3, 3)), (1, 1), np.nan),
        ([[1, 1, 0, 1, 1, 1, 1]], (1, 1), 4),  # two objects: the larger one, not from one to the other
        ([[1, 0], [0, 1]], (1, 1), np.hypot(1, 2)),  # one object, by the corner
    ],
)
def test_by_hand(mask, spacing, diameter):
    assert feret_diameter(mask, spacing) == pytest.approx(diameter, nan_ok=True)


def test_against_all_pairs_and_its_properties():
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = np.zeros((12, 12), bool)
        for row, column in rng.integers(2, 8, (3, 2)):
            mask[row : row + 3, 4 : column + 1] = True
        rows, columns = np.nonzero(mask)
        points = [
            (2 * (r + a), 3 * (c + b))
            for r, c in zip(rows, columns, strict=True)
            for a, b in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5))
        ]
        if label_components(mask).max() != 1:
            continue
        largest = max(np.hypot(p[0] - q[0], p[1] - q[1]) for p, q in itertools.combinations(points, 2))
        found = feret_diameter(mask, (2, 3))
        assert found == pytest.approx(largest)
        assert feret_diameter(mask.T, (3, 2)) == pytest.approx(found)
        assert feret_diameter(mask, (4, 6)) == pytest.approx(2 * found)


def test_a_disc_is_as_wide_as_it_is():
    rows, columns = np.mgrid[:101, :101]
    disc = np.hypot(rows - 50, columns - 50) <= 30
    assert feret_diameter(disc, (0.1, 0.1)) == pytest.approx(6.1, abs=0.02)


@pytest.mark.parametrize(
    ("mask", "spacing", "words"),
    [
        ([[0, 2]], (1, 1), r"must hold 0 and 1 alone, got \[0, 2\]"),
        ([[0, 1]], (0, 1), "two numbers above 0"),
        ([[0, 1]], (1, float("nan")), "two numbers above 0"),
        ([0, 1], (1, 1), "2-D|two|height"),
    ],
)
def test_bad_input(mask, spacing, words):
    with pytest.raises(ValueError, match=words):
        feret_diameter(mask, spacing)
