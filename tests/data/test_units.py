"""Units of length, area and volume."""

import pytest

from unet_mtl.data.units import MILLIMETRES, Unit, read_unit
from unet_mtl.data.view import View


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        *((name, Unit(1, factor)) for name, factor in MILLIMETRES.items()),
        ("mm2", Unit(2, 1.0)),
        ("cm²", Unit(2, 100.0)),
        ("cm^3", Unit(3, 1000.0)),
        ("mm 2", Unit(2, 1.0)),
        ("MM", Unit(1, 1.0)),
        ("px", Unit(1, None)),
        ("pixels", Unit(1, None)),
        ("px2", Unit(2, None)),
        *((text, None) for text in ("", "years", "mmHg", "mg", "mm4", "inch", "ml", "mm2 per s")),
    ],
)
def test_units(text, unit):
    found = read_unit(text)
    assert found == (
        unit if unit is None or unit.millimetres is None else Unit(unit.power, found.millimetres)
    )
    if unit is not None and unit.millimetres is not None:
        assert found.millimetres == pytest.approx(unit.millimetres)


def test_a_view_by_hand():
    view = View((0.5, 0.125), (0.2, 0.8), zoom=1.5)
    assert view.per_pixel == pytest.approx(1.5 * 0.25)
    assert view.per_mm == pytest.approx(1.5 * 0.25 / 0.4)
    assert view.aspect == pytest.approx((0.2 / 0.5) / (0.8 / 0.125))
    assert View((0.5, 0.5)).per_mm is None
