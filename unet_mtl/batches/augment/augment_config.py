"""A list of random steps in the config -> transforms of albumentations, with every mistake in it named."""

import inspect
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from pydantic import ValidationError

from unet_mtl.batches.augment.presets import Step
from unet_mtl.data.images import IGNORE
from unet_mtl.errors import ConfigError

# Set before albumentations is imported: it asks the internet for its newest version otherwise.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

CHOICE = "OneOf"
"""The one step that holds others: `{OneOf: {transforms: [...], p: 0.5}}` takes one of them."""

_NEAREST = (0, 6)
_PROBE_SEED = 0


def make_transforms(steps: Sequence[Step]) -> list[Any]:
    """Makes transforms of steps.

    Args:
        steps: Each `{albumentations name: its arguments}`; ranges may be lists. A step that brings pixels in from
            outside the picture gives them 255 (nobody labelled this) unless it says `fill_mask`.

    Raises:
        ConfigError: With every problem, a line each: a name, an argument or a range is unknown.
    """
    problems: list[str] = []
    transforms = [
        transform
        for place, name, arguments in _each(steps, problems)
        if (transform := _make(place, name, arguments, problems)) is not None
    ]
    _raise(problems)
    return transforms


def check_steps(steps: Sequence[Step], size: tuple[int, int], channels: int) -> None:
    """Tries each step once on a picture as the network will get it.

    Args:
        steps: As for `make_transforms`.
        size: (height, width) of the picture.
        channels: 1 or 3.

    Raises:
        ConfigError: As of `make_transforms`; or a step changes the size, or cannot work on such a picture.
    """
    make_transforms(steps)
    problems: list[str] = []
    for place, name, arguments in _leaves(steps, problems):
        problem = _try(_make(place, name, {**arguments, "p": 1.0}, problems), size, channels)
        if problem:
            problems.append(f"{place}: {problem}")
    _raise(problems)


def _raise(problems: Sequence[str]) -> None:
    if problems:
        raise ConfigError("\n".join(f"augment: {problem}" for problem in problems))


def _each(steps: Any, problems: list[str], before: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Place, name and arguments of each step that is one."""
    if not isinstance(steps, Sequence) or isinstance(steps, str):
        problems.append(f"{before}expected a list of steps, received {steps!r}")
        return
    for number, step in enumerate(steps, 1):
        place = f"{before}step {number}"
        if not isinstance(step, Mapping) or not step:
            problems.append(f"{place}: expected {{name: arguments}}, received {step!r}")
            continue
        for name, arguments in step.items():
            if isinstance(arguments, Mapping):
                yield f"{place}, {name}", str(name), dict(arguments)
            else:
                problems.append(f"{place}, {name}: expected {{argument: value}}, received {arguments!r}")


def _leaves(steps: Any, problems: list[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for place, name, arguments in _each(steps, problems):
        if name == CHOICE:
            yield from _each(arguments["transforms"], problems, f"{place}, ")
        else:
            yield place, name, arguments


def _make(place: str, name: str, arguments: dict[str, Any], problems: list[str]) -> Any:
    import albumentations

    if name == CHOICE:
        return _make_choice(place, arguments, problems)
    kind = getattr(albumentations, name, None)
    if not (isinstance(kind, type) and issubclass(kind, albumentations.BasicTransform)):
        problems.append(f"{place}: albumentations has no transform {name!r}{_nearest(name, _known())}")
        return None
    parameters = {key: p for key, p in inspect.signature(kind).parameters.items() if p.kind != p.VAR_KEYWORD}
    unknown = [key for key in arguments if key not in parameters]
    for key in unknown:
        problems.append(f"{place}: there is no argument {key!r}{_nearest(str(key), parameters)}")
    if unknown:
        return None
    if arguments.get("mask_interpolation", 0) not in _NEAREST:
        problems.append(f"{place}: mask_interpolation: classes have nothing between them; leave it out")
        return None
    # Steps of dropout have no border: below a hole the label stays what it is.
    if {"fill_mask", "border_mode"} <= parameters.keys():
        arguments = {"fill_mask": IGNORE} | arguments
    return _construct(place, kind, {key: _as_tuples(value) for key, value in arguments.items()}, problems)


def _make_choice(place: str, arguments: dict[str, Any], problems: list[str]) -> Any:
    import albumentations

    unknown = [key for key in arguments if key not in ("transforms", "p")]
    problems += [f"{place}: there is no argument {key!r}; there is transforms, p" for key in unknown]
    p = arguments.get("p", 0.5)
    if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p <= 1:
        problems.append(f"{place}: p: expected 0..1 (received {p!r})")
    inner = [
        _make(where, name, its, problems)
        for where, name, its in _each(arguments.get("transforms"), problems, f"{place}, ")
        if not _is_choice(where, name, problems)
    ]
    return None if problems else albumentations.OneOf(inner, p=p)


def _is_choice(place: str, name: str, problems: list[str]) -> bool:
    if name == CHOICE:
        problems.append(f"{place}: a choice within a choice; write all of them into one")
    return name == CHOICE


def _construct(place: str, kind: type, arguments: dict[str, Any], problems: list[str]) -> Any:
    with warnings.catch_warnings():
        # Of a wrong value albumentations sometimes only warns.
        warnings.simplefilter("error", UserWarning)
        try:
            return kind(**arguments)
        except (TypeError, ValueError, UserWarning) as error:
            problems.extend(f"{place}: {finding}" for finding in _findings(error, arguments))
    return None


def _findings(error: Exception, arguments: Mapping[str, Any]) -> list[str]:
    """A line for each wrong argument, with what was received."""
    cause = error if isinstance(error, ValidationError) else error.__cause__ or error.__context__
    if not isinstance(cause, ValidationError):
        return [" ".join(str(error).split())]
    messages: dict[str, list[str]] = {}
    for finding in cause.errors():
        words = finding["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        messages.setdefault(str(finding["loc"][0]) if finding["loc"] else "", []).append(words)
    return [
        f"{key}: {' or '.join(dict.fromkeys(words))} (received {_as_lists(arguments.get(key))!r})"
        if key
        else "; ".join(words)
        for key, words in messages.items()
    ]


def _try(transform: Any, size: tuple[int, int], channels: int) -> str | None:
    import albumentations

    compose = albumentations.Compose([transform])
    compose.set_random_seed(_PROBE_SEED)
    image = np.random.default_rng(_PROBE_SEED).integers(0, 256, (*size, channels), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            moved = compose(image=image, masks=[np.zeros(size, np.uint8)])
        # Whatever it is, it would stop the training at its first batch.
        except Exception as error:
            made = "1 channel" if channels == 1 else f"{channels} channels"
            return f"does not work on images of {made}: {' '.join(str(error).split())}"
    if moved["image"].shape[:2] != size or moved["masks"][0].shape != size:
        made, given = ("x".join(map(str, shape[:2])) for shape in (moved["image"].shape, size))
        return f"makes {made} pixels of {given}; take steps that keep the size"
    return None


def _known() -> list[str]:
    import albumentations

    kinds = {name: getattr(albumentations, name) for name in dir(albumentations)}
    base = albumentations.BasicTransform
    return [CHOICE, *(n for n, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, base))]


def _nearest(word: str, known: Any) -> str:
    by_letters = {name.lower().replace("_", ""): name for name in known}
    found = get_close_matches(word.lower().replace("_", ""), by_letters, 1)
    if found:
        return f"; the nearest is {by_letters[found[0]]!r}"
    return f"; there is {', '.join(known)}" if len(by_letters) < 20 else ""


def _as_tuples(value: Any) -> Any:
    """Lists come from YAML; albumentations wants ranges as tuples."""
    if isinstance(value, Mapping):
        return {key: _as_tuples(inner) for key, inner in value.items()}
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _as_lists(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
