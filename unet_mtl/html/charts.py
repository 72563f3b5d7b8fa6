"""Bar charts as inline SVG; their size does not depend on the number of cases."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from unet_mtl.html.bins import Bins, bin_numbers, nice_step
from unet_mtl.wording import count_of

_WIDTH = 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 18, 18, 38  # margins of a chart with vertical bars
_HEIGHT = 176
_WIDEST = 56  # width of a bar
_LETTER = 5.6  # width of a digit at the size of the labels
_NAMES, _COUNTS, _ROW = (
    140,
    84,
    24,
)  # widths of the columns and height of the rows of a chart with horizontal bars
_MOST_ROWS = 24
_MOST_LETTERS = 20


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        title: What the chart shows.
        svg: The bars, or empty where the note says everything.
        note: The text below the bars, or empty.
    """

    title: str
    svg: Markup
    note: str


def draw_histogram(title: str, numbers: Iterable[float], *, unit: str = "", items: str = "images") -> Chart:
    """Draw the distribution of numbers.

    Args:
        title: What the numbers are.
        numbers: Finite numbers. Without any, and where all are equal, the chart is a sentence.
        unit: Unit of the numbers, which stands below the axis.
        items: Plural noun for what has the numbers.
    """
    values = np.fromiter(numbers, np.float64)
    if not values.size:
        return Chart(title, Markup(""), f"none of the {items} has a value")
    suffix = f" {unit}" if unit else ""
    low, high, middle = (_number(float(value)) for value in (values.min(), values.max(), np.median(values)))
    n = _count(values.size, items)
    if low == high:
        one = _count(low, unit)
        return Chart(title, Markup(""), f"{one} in all {n}" if values.size > 1 else one)
    note = f"{n}: from {low} to {high}{suffix}, median {middle}"
    return Chart(title, _draw_vertical(bin_numbers(values), title, unit, items), note)


def _count(n: int | str, items: str) -> str:
    """Return a number of items, or of a unit, whose plural noun may be followed by other words."""
    number = n if isinstance(n, str) else f"{n:,}"
    # A unit of one letter, such as s, has no plural.
    return f"{number} {re.sub(r'(?<=[a-z]{2})s(?![a-z])', '', items, count=1) if number == '1' else items}".rstrip()


def _draw_vertical(bins: Bins, title: str, unit: str, items: str) -> Markup:
    counts = [*([bins.below] if bins.below else []), *bins.counts, *([bins.above] if bins.above else [])]
    wide = min(_WIDEST, (_WIDTH - _LEFT - _RIGHT) / len(counts))
    step = max(1.0, nice_step(max(counts) / 4))
    top = step * math.ceil(max(counts) / step)
    tall, floor = _HEIGHT - _TOP - _BOTTOM, _HEIGHT - _BOTTOM
    parts = []
    for tick in np.arange(0, top + step / 2, step):
        y = floor - tall * tick / top
        parts.append(_line(_LEFT, y, _WIDTH - _RIGHT, y))
        parts.append(_text(_LEFT - 5, y + 4, _short(int(tick)), "end"))
    roomy = max(len(_short(n)) for n in counts) * _LETTER <= wide
    for place, (n, label) in enumerate(zip(counts, _describe_bars(bins, unit), strict=True)):
        x, height = _LEFT + place * wide, tall * n / top
        far = (bins.below and place == 0) or (bins.above and place == len(counts) - 1)
        parts.append(
            Markup(
                '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
                "<title>{}: {}</title></rect>"
            ).format(
                "far" if far else "bar",
                x + 1,
                floor - height,
                max(wide - 2, 1),
                height,
                label,
                _count(n, items),
            )
        )
        if roomy and n:
            parts.append(_text(x + wide / 2, floor - height - 4, _short(n), "middle"))
    parts += _axis(bins, wide, floor)
    parts.append(_text(_LEFT + wide * len(counts) / 2, _HEIGHT - 5, unit, "middle", "unit"))
    return _svg(_HEIGHT, f"{title}: number of {items} by value", parts)


def _describe_bars(bins: Bins, unit: str) -> list[str]:
    """Return the values that each bar stands for, as text."""
    suffix, write = f" {unit}" if unit else "", _writer(bins.width)
    start, end = write(bins.start), write(bins.end)
    if bins.single:
        labels = [_count(write(bins.edge(i) + 0.5), unit) for i in range(len(bins.counts))]
        start, end = write(bins.start + 0.5), write(bins.end - 0.5)
    else:
        labels = [
            f"{write(bins.edge(i))} to {write(bins.edge(i + 1))}{suffix}" for i in range(len(bins.counts))
        ]
    below = [f"below {start}{suffix}"] if bins.below else []
    return [*below, *labels, *([f"above {end}{suffix}"] if bins.above else [])]


def _axis(bins: Bins, wide: float, floor: float) -> list[Markup]:
    """Return the labels below the bars, as many as there is room for."""
    write, shift = _writer(bins.width), 1 if bins.below else 0
    half = 0.5 if bins.single else 0.0
    places = range(len(bins.counts) + (not bins.single))
    labels = [write(bins.edge(i) + half) for i in places]
    every = max(1, math.ceil((max(map(len, labels)) + 1) * _LETTER / wide))
    # the label of a bar of outliers takes the place of the edge beside it
    first, last = (1 if bins.below and not half else 0), len(labels) - (1 if bins.above and not half else 0)
    parts = [
        _text(_LEFT + (i + shift + half) * wide, floor + 15, labels[i], "middle")
        for i in places
        if i % every == 0 and first <= i < last
    ]
    ends = [(0, "less")] * bool(bins.below) + [(len(bins.counts) + shift, "more")] * bool(bins.above)
    return parts + [_text(_LEFT + (i + 0.5) * wide, floor + 15, word, "middle") for i, word in ends]


def draw_counts(title: str, counts: Mapping[str, int], *, items: str = "cases", unlabelled: int = 0) -> Chart:
    """Draw one horizontal bar for each class, in the given order; of many classes, the most frequent.

    Args:
        title: What the classes describe.
        counts: Number of items by class.
        items: Plural noun for what is counted.
        unlabelled: Number of items without a class, which get a bar of their own.
    """
    rows = dict(counts)
    rest = sorted(rows, key=lambda name: -rows[name])[_MOST_ROWS:]
    note = (
        f"and {_count(sum(rows.pop(name) for name in rest), items)} in {count_of(len(rest), 'rarer class')}"
        if rest
        else ""
    )
    bars = [(name, n, "bar") for name, n in rows.items()]
    bars += [("no label", unlabelled, "far")] if unlabelled else []
    total, most = sum(counts.values()) + unlabelled, max((n for _, n, _ in bars), default=0) or 1
    room = _WIDTH - _NAMES - _COUNTS
    parts = []
    for place, (name, n, look) in enumerate(bars):
        y = place * _ROW
        parts.append(_name(name, y + 16))
        parts.append(
            Markup('<rect class="{}" x="{}" y="{}" width="{:.1f}" height="16"/>').format(
                look, _NAMES, y + 4, room * n / most
            )
        )
        share = f" ({n / total:.0%})" if total else ""
        parts.append(_text(_NAMES + room * n / most + 5, y + 16, f"{n:,}{share}", "start"))
    return Chart(title, _svg(len(bars) * _ROW + 4, f"{title}: number of {items} by class", parts), note)


def draw_shares(title: str, rows: Mapping[str, Mapping[str, int]]) -> Chart:
    """Draw one horizontal bar for each row, divided into at most three parts with their numbers.

    Args:
        title: What is divided.
        rows: Number of items in each part, by name of the row.
    """
    shown = dict(list(rows.items())[:_MOST_ROWS])
    note = f"and {len(rows) - len(shown)} more" if len(rows) > len(shown) else ""
    room = _WIDTH - _NAMES - _RIGHT
    parts = []
    for place, (name, sizes) in enumerate(shown.items()):
        y, x, total = place * 42, float(_NAMES), sum(sizes.values())
        parts.append(_name(name, y + 16))
        for look, n in zip(("train", "val", "test"), sizes.values(), strict=False):
            wide = room * n / total if total else 0.0
            parts.append(
                Markup('<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="16"/>').format(
                    look, x, y + 4, max(wide - 1, 0)
                )
            )
            x += wide
        parts.append(_text(_NAMES, y + 33, " · ".join(f"{part} {n:,}" for part, n in sizes.items()), "start"))
    return Chart(title, _svg(len(shown) * 42 + 2, title, parts), note)


def _name(name: str, y: float) -> Markup:
    short = name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
    return Markup('<text x="{}" y="{}" text-anchor="end">{}<title>{}</title></text>').format(
        _NAMES - 8, y, short, name[:200]
    )


def _line(x: float, y: float, to_x: float, to_y: float) -> Markup:
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(x, y, to_x, to_y)


def _text(x: float, y: float, text: str, anchor: str, look: str = "") -> Markup:
    extra = Markup(' class="{}"').format(look) if look else Markup("")
    return Markup('<text{} x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        extra, x, y, anchor, text
    )


def _svg(height: float, label: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, height, label, Markup("").join(parts)
    )


def _short(n: int) -> str:
    """Return a count in at most four characters.

    >>> _short(9999), _short(12_345), _short(2_000_000)
    ('9999', '12k', '2M')
    """
    if n < 10_000:
        return str(n)
    return f"{n / 1000:.0f}k" if n < 1_000_000 else f"{n / 1_000_000:.0f}M"


def _writer(step: float) -> Callable[[float], str]:
    """Return a function that writes numbers with as many decimals as multiples of `step` need."""
    decimals = max(0, -math.floor(math.log10(step)))
    if step >= 1e6 or decimals > 5:
        return lambda value: f"{value:.3g}"
    return lambda value: f"{value + 0.0:,.{decimals}f}"


def _number(value: float) -> str:
    """Return a number with three significant digits, and all digits of a whole number."""
    if value == round(value) and abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"
