"""Types of the arguments of public functions, so that a folder in place of a data set is one clear message."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from functools import wraps
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ParamSpec, TypeVar, get_args, get_origin

import numpy as np
from pydantic import BaseModel

from unet_mtl.errors import ConfigError

_P = ParamSpec("_P")
_R = TypeVar("_R")

_LISTS = (Sequence, Collection)
_PLAIN = (Path, str, bool, int, float, tuple, Mapping, *_LISTS)
_ACCEPTED: dict[type, Any] = {Path: (str, os.PathLike), bool: (bool, np.bool_), int: Integral, float: Real}
"""The classes of values that an annotation allows where it is not the class itself, such as numbers of NumPy."""
_WORDS = {
    Path: "a path",
    str: "text",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    tuple: "a pair",
    Mapping: "a mapping",
    NoneType: "None",
    "Dataset": "a data set",
    "Description": "a description",
    "Task": "a task",
    "ndarray": "a NumPy array",
}


def check_types(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a function refuse arguments of a wrong type, and lists with an element of a wrong type.

    Args:
        function: A function with annotations; those in quotes, and classes of other packages, are not checked.

    Raises:
        ConfigError: An argument has a wrong type; the message says what is expected.
    """
    expected = signature(function)

    @wraps(function)
    def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        received = expected.bind_partial(*args, **kwargs).arguments
        for name, value in received.items():
            _require(name, value, expected.parameters[name].annotation)
        return function(*args, **kwargs)

    return checked


def _require(name: str, value: Any, annotation: Any) -> None:
    """Refuse a value, or an element of a list, of another type than the annotation."""
    parts = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    kinds = [_class_of(part) for part in parts]
    if not any(_is_checked(kind) for kind in kinds):
        return
    fitting = [part for part, kind in zip(parts, kinds, strict=True) if _fits(value, kind)]
    if not fitting:
        raise ConfigError(_describe(name, value, kinds))
    # An iterator is not looked into, since it gives its elements only once.
    if get_origin(fitting[0]) in _LISTS and isinstance(value, Collection):
        for i, element in enumerate(value):
            _require(f"{name}[{i}]", element, get_args(fitting[0])[0])
    if get_origin(fitting[0]) is Mapping and Path in get_args(get_args(fitting[0])[1]):
        for key, path in value.items():
            _require(f"{name}[{key!r}]", path, get_args(fitting[0])[1])


def _class_of(annotation: Any) -> Any:
    """Return the class of an annotation, without what is in its brackets."""
    model = getattr(annotation, "__pydantic_generic_metadata__", {})
    return get_origin(annotation) or model.get("origin") or annotation


def _is_checked(kind: Any) -> bool:
    ours = isinstance(kind, type) and kind.__module__.startswith("unet_mtl.")
    return ours or kind in _PLAIN


def _fits(value: Any, kind: Any) -> bool:
    if kind is tuple or kind in _LISTS:
        single = isinstance(value, str | bytes | os.PathLike | Mapping | BaseModel) or is_dataclass(value)
        return isinstance(value, Iterable) and not single
    return not isinstance(kind, type) or isinstance(value, _ACCEPTED.get(kind, kind))


def _describe(name: str, value: Any, kinds: Sequence[Any]) -> str:
    shown = repr(value) if value is None or isinstance(value, str) else f"of the type {type(value).__name__}"
    names = [getattr(kind, "__name__", "") for kind in kinds]
    wanted = [
        "a list" if kind in _LISTS else _WORDS.get(kind, _WORDS.get(word, f"a {word}"))
        for kind, word in zip(kinds, names, strict=True)
        if not (kind is str and Path in kinds)
    ]
    path = isinstance(value, str | os.PathLike)
    cure = ""
    if "Dataset" in names and path:
        cure = f"; give `read_dataset({os.fspath(value)!r})`"
    elif type(value).__name__ == "Dataset" and "Description" in names:
        cure = "; give its `description`"
    elif type(value).__name__ == "Dataset" and Path in kinds:
        cure = "; give its folder, such as `dataset.description.root`"
    elif "Task" in names and isinstance(value, str):
        cure = f"; give an object such as `Segmentation(name={value!r})`"
    elif "ndarray" in names and isinstance(value, list):
        cure = "; convert it with `numpy.asarray`"
    elif type(value).__name__ == "ndarray" and Path in kinds:
        cure = "; save it as an image, or give the array to a `Predictor`"
    elif any(kind in _LISTS for kind in kinds):
        parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
        cure = f"; write {parts!r}" if path else "; put it in brackets"
    return f"`{name}` is {shown}; expected {' or '.join(wanted)}{cure}"
