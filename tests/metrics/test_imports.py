"""`import metrics` must stay light: what it may not load, and that streaming comes when asked for."""

import subprocess
import sys

import pytest

import metrics

HEAVY = ("keras", "tensorflow", "matplotlib", "pandas", "unet_mtl")


def run(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_import_loads_nothing_heavy():
    code = f"import sys, metrics; dir(metrics); print([name for name in {HEAVY} if name in sys.modules])"
    assert run(code).strip() == "[]"


def test_every_public_name_but_streaming_exists_without_keras():
    code = (
        "import sys, metrics; [getattr(metrics, name) for name in metrics.__all__ if name != 'streaming'];"
        "print('keras' in sys.modules)"
    )
    assert run(code).strip() == "False"


def test_streaming_is_loaded_on_first_use():
    assert metrics.streaming.Dice.__module__.startswith("metrics.streaming")


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = metrics.nothing
