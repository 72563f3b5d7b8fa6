"""Every example in the docstrings runs, and every public function has one."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import metrics

MODULES = ["", *(f".{module.name}" for module in pkgutil.iter_modules(metrics.__path__))]


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    result = doctest.testmod(importlib.import_module("metrics" + module))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("module", MODULES[1:])
def test_every_public_function_has_an_example(module):
    module = importlib.import_module("metrics" + module)
    functions = [
        value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert [value.__name__ for value in functions if ">>>" not in value.__doc__] == []
