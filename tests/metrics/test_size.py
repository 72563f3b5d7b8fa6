"""The largest diameter of a mask, by hand and by all pairs of points, and the ellipse that fits it."""

import itertools

import numpy as np
import pytest
from scipy import special

from metrics import ellipse_axes, ellipse_perimeter, feret_diameter, label_components


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


def draw_ellipse(major, minor, angle, spacing, side=120):
    """Return the mask of a filled ellipse around the centre, with axes and spacing in mm."""
    rows, columns = (np.arange(side) - side / 2 + 0.3) * spacing[0], (np.arange(side) - side / 2) * spacing[1]
    y, x = np.meshgrid(rows, columns, indexing="ij")
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.hypot(along / (major / 2), across / (minor / 2)) <= 1


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.25, 0.25), (0.5, 1.0), (2.0, 0.7)])
@pytest.mark.parametrize("angle", [0, 0.4, 1.1, np.pi / 2, 2.5])
@pytest.mark.parametrize("ratio", [1.0, 1.4, 2.5])
def test_the_axes_of_an_ellipse_of_any_direction_and_spacing(spacing, angle, ratio):
    largest = 100 * min(spacing)
    mask = draw_ellipse(largest, largest / ratio, angle, spacing)
    found = ellipse_axes(mask, spacing)
    # Pixels have sides of up to 5 % of the minor axis.
    assert found == pytest.approx((largest, largest / ratio), rel=0.02)
    exact = 2 * largest * special.ellipe(1 - 1 / ratio**2)
    assert ellipse_perimeter(*found) == pytest.approx(exact, rel=0.01)


def test_the_ellipse_of_the_largest_object_without_its_holes():
    disc = draw_ellipse(80, 80, 0, (1, 1))
    mask = disc.copy()
    mask[50:70, 50:70] = False
    mask[:6, :6] = True
    assert ellipse_axes(mask) == ellipse_axes(disc)
    assert np.isnan(ellipse_axes(np.zeros((4, 4)))).all()
    assert ellipse_axes([[1]], (2, 1)) == pytest.approx((4 * 2 / 12**0.5, 4 / 12**0.5))


@pytest.mark.parametrize(
    ("ratio", "tolerance"), [(1, 1e-12), (1.5, 1e-9), (3, 1e-7), (20, 1e-4), (1e9, 5e-4)]
)
def test_the_perimeter_against_the_elliptic_integral(ratio, tolerance):
    exact = 4 * special.ellipe(1 - 1 / ratio**2)
    assert ellipse_perimeter(2, 2 / ratio) == pytest.approx(exact, rel=tolerance)
    assert ellipse_perimeter(2 / ratio, 2) == ellipse_perimeter(2, 2 / ratio)
    assert ellipse_perimeter(0, 0) == 0
    assert np.isnan(ellipse_perimeter(float("nan"), float("nan")))


@pytest.mark.parametrize("function", [feret_diameter, ellipse_axes])
def test_both_refuse_the_same(function):
    with pytest.raises(ValueError, match="two numbers above 0"):
        function([[0, 1]], (0, 1))
    with pytest.raises(ValueError, match="0 and 1 alone"):
        function([[0, 2]])
