"""The printed table, in the windows that people have."""

from functools import partial

import numpy as np
import pandas as pd
from rich.console import Console

from unet_mtl.cli import tables
from unet_mtl.studies.ablation.comparison import COLUMNS, Ablation

FOUND = {
    "task": ["mask", "diameter", "(all)"],
    "score": ["dice", "absolute_error", "training_seconds"],
    "higher_is_better": [True, False, False],
    "multi": [0.752, 2.2, 120.0],
    "single": [0.75, 3.1, 180.0],
    "difference": [0.002, -0.9, -60.0],
    "low": [-0.01, -1.4, np.nan],
    "high": [0.0118, -0.5, np.nan],
    "n": [192, 144, 0],
    "seeds": 3,
    "seed_low": [-0.0004, -1.2, -65.0],
    "seed_high": [0.007, -0.6, -55.0],
    "verdict": ["no difference shown", "better", ""],
}


def shown(monkeypatch, capsys, width):
    monkeypatch.setattr(
        tables, "Console", partial(Console, width=width, force_terminal=True, color_system=None)
    )
    table = pd.DataFrame(FOUND).reindex(columns=COLUMNS)
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


def test_nothing_has_no_sign(monkeypatch, capsys):
    text = shown(monkeypatch, capsys, 200)
    assert "-0.000" not in text
    assert " 0.000" in text
