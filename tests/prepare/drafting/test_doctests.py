"""The examples in docstrings are right."""

import doctest
import importlib
import pkgutil

import pytest

import unet_mtl.prepare.drafting as package

MODULES = [module.name for module in pkgutil.iter_modules(package.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(f"unet_mtl.prepare.drafting.{name}")).failed == 0
