"""The same tests on Keras's other backends, each in a process of its own, where they are installed."""

import doctest
import importlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
# Keras's NumPy backend borrows from JAX
NEEDS = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch", "numpy": "jax"}
OTHERS = [
    pytest.param(
        backend,
        marks=pytest.mark.skipif(
            find_spec(package) is None, reason=f"KERAS_BACKEND={backend} needs {package}: not installed"
        ),
    )
    for backend, package in NEEDS.items()
    if backend != keras.backend.backend()
]
MODULES = ["", ".agreement", ".correlated", ".grades", ".overlap", ".ranked", ".values"]


def run(backend, *arguments):
    """Run Python in the project's root on another backend."""
    surroundings = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "",
    }
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def log_here():
    """The log of the fit on the backend of this process."""
    done = run(keras.backend.backend(), HERE / "test_fit.py")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("backend", OTHERS)
def test_the_same_tests_pass(backend):
    files = sorted(path for path in HERE.glob("test_*.py") if path.name != Path(__file__).name)
    # without the conftest.py above, which needs all that unet_mtl needs
    options = ["-q", "-p", "no:cacheprovider", f"--confcutdir={HERE}"]
    done = run(backend, "-m", "pytest", *options, *files)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "passed" in done.stdout


@pytest.mark.skipif(keras.backend.backend() == "numpy", reason="Keras's NumPy backend has no fit")
@pytest.mark.parametrize("backend", [other for other in OTHERS if other.values != ("numpy",)])
def test_a_fit_shows_the_same_values(backend, log_here):
    done = run(backend, HERE / "test_fit.py")
    assert done.returncode == 0, done.stderr
    log = json.loads(done.stdout)
    assert log.keys() == log_here.keys()
    for name, values in log_here.items():
        assert log[name] == pytest.approx(values, rel=1e-5, abs=2e-5), name


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    result = doctest.testmod(importlib.import_module("metrics.streaming" + module))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("module", MODULES[1:])
def test_every_score_has_an_example_and_is_exported(module):
    streaming = importlib.import_module("metrics.streaming")
    module = importlib.import_module("metrics.streaming" + module)
    scores = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and keras.saving.get_registered_name(value) != value.__name__
    ]
    assert scores
    for score in scores:
        assert ">>>" in score.__doc__
        assert getattr(streaming, score.__name__) is score
        assert score.__name__ in streaming.__all__
        assert keras.saving.get_registered_name(score) == f"unet_mtl>{score.__name__}"
