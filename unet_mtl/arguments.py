"""Types of the arguments of public functions, so that a folder in place of a data set is one clear message."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from functools import wraps
from inspect import signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ParamSpec, TypeVar, get_args, get_origin

from pydantic import BaseModel

from unet_mtl.errors import ConfigError

_P = ParamSpec("_P")
_R = TypeVar("_R")

_LISTS = (Sequence, Collection)
_WORDS = {
    Path: "a path",
    str: "text",
    NoneType: "None",
    "Dataset": "a data set",
    "Description": "a description",
}


def check_types(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a function refuse arguments of a wrong type, where a path, a list or a class of this package is expected.

    Args:
        function: A function with annotations; those in quotes are not checked.

    Raises:
        ConfigError: An argument has a wrong type; the message says what is expected.
    """
    parameters = signature(function).parameters

    @wraps(function)
    def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        received = signature(function).bind_partial(*args, **kwargs).arguments
        for name, value in received.items():
            kinds = _kinds_of(parameters[name].annotation)
            if any(_is_checked(kind) for kind in kinds) and not any(_fits(value, kind) for kind in kinds):
                raise ConfigError(_describe(name, value, kinds))
        return function(*args, **kwargs)

    return checked


def _kinds_of(annotation: Any) -> list[Any]:
    """Return the classes that an annotation allows, without what is in their brackets."""
    parts = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    return [get_origin(part) or part for part in parts]


def _is_checked(kind: Any) -> bool:
    ours = isinstance(kind, type) and kind.__module__.startswith("unet_mtl.")
    return ours or kind is Path or kind in _LISTS


def _fits(value: Any, kind: Any) -> bool:
    if kind is Path:
        return isinstance(value, str | os.PathLike)
    if kind in _LISTS:
        single = isinstance(value, str | bytes | os.PathLike | Mapping | BaseModel) or is_dataclass(value)
        return isinstance(value, Iterable) and not single
    return not isinstance(kind, type) or isinstance(value, kind)


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
    elif any(kind in _LISTS for kind in kinds):
        cure = f"; write [{value!r}]" if path else "; put it in brackets"
    return f"`{name}` is {shown}; expected {' or '.join(wanted)}{cure}"
