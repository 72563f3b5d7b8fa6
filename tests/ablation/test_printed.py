"""The printed table, in the windows that people have."""

from functools import partial

import pandas as pd
from rich.console import Console

from unet_mtl.ablation.comparison import COLUMNS, Ablation
from unet_mtl.cli import tables

ROWS = [
    ("mask", "dice", True, 0.752, 0.75, 0.002, -0.01, 0.0118, 0.4, 0.4, 192, 130, 0, 3, -0.004, 0.007, 0.005),
    (
        "diameter",
        "absolute_error",
        False,
        2.2,
        3.1,
        -0.9,
        -1.4,
        -0.5,
        0.001,
        0.002,
        144,
        98,
        0,
        3,
        -1.2,
        -0.6,
        0.3,
    ),
    ("(all)", "training_seconds", False, 120.0, 180.0, -60.0, *[None] * 4, 0, 0, 0, 3, -65.0, -55.0, 5.0),
]
VERDICTS = ["no difference shown", "better", ""]


def shown(monkeypatch, capsys, width):
    monkeypatch.setattr(
        tables, "Console", partial(Console, width=width, force_terminal=True, color_system=None)
    )
    table = pd.DataFrame(
        [(*row, verdict) for row, verdict in zip(ROWS, VERDICTS, strict=True)], columns=COLUMNS
    )
    tables.print_ablation(Ablation(table, ["a note"], "the title"))
    return capsys.readouterr().out


def test_at_100_columns_no_word_is_broken(monkeypatch, capsys):
    text = shown(monkeypatch, capsys, 100)
    assert max(len(line) for line in text.splitlines()) <= 100
    words = text.split()
    for word in (
        "absolute_error",
        "training_seconds",
        "difference",
        "shown",
        "-1.400",
        "-65.000",
        "better",
        "192",
    ):
        assert word in words, word


def test_at_80_columns_numbers_and_verdicts_stay_whole(monkeypatch, capsys):
    words = shown(monkeypatch, capsys, 80).split()
    for word in ("-0.900", "-1.400", "-0.500", "144", "better", "difference", "shown", "120"):
        assert word in words, word
