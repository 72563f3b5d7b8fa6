"""Transforms of albumentations from the list of steps in a config, with a message for each mistake in the list."""

import inspect
import os
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from unet_mtl.batches.augment.presets import Step
from unet_mtl.data.images import IGNORE
from unet_mtl.errors import ConfigError
from unet_mtl.near_names import find_similar
from unet_mtl.wording import count_of

# This must be set before albumentations is imported, which otherwise looks for a newer version on the internet.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

CHOICE = "OneOf"
"""The only step that contains others: `{OneOf: {transforms: [...], p: 0.5}}` applies one of them."""

_NEAREST_NEIGHBOUR = (0, 6)  # cv2.INTER_NEAREST, cv2.INTER_NEAREST_EXACT
_PROBE_SEED = 0


def make_transforms(steps: Sequence[Step]) -> list[Any]:
    """Make transforms from steps.

    Args:
        steps: The steps, each `{albumentations name: its arguments}`; ranges may be lists. Pixels from outside the
            image become 255 (unlabelled) in the masks, unless the step has the argument `fill_mask`.

    Returns:
        Transforms for `albumentations.Compose`.

    Raises:
        ConfigError: A name or an argument is unknown, or a value is invalid; the message has a line for each problem.
    """
    problems: list[str] = []
    transforms = [
        transform
        for place, name, arguments in _read_steps(steps, problems)
        if (transform := _make(place, name, arguments, problems)) is not None
    ]
    _raise(problems)
    return transforms


def check_steps(steps: Sequence[Step], size: tuple[int, int], channels: int) -> None:
    """Try each step once on an image with the size and channels of the network's input.

    Args:
        steps: The steps, in the form that `make_transforms` accepts.
        size: (height, width) of the image.
        channels: The number of channels.

    Raises:
        ConfigError: A step is invalid (see `make_transforms`), changes the size, or fails on such an image; the message
            has a line for each problem.
    """
    make_transforms(steps)
    problems: list[str] = []
    for place, name, arguments in read_single_steps(steps, problems):
        problem = _try(_make(place, name, {**arguments, "p": 1.0}, problems), size, channels)
        if problem:
            problems.append(f"{place}: {problem}")
    _raise(problems)


def _raise(problems: Sequence[str]) -> None:
    if problems:
        raise ConfigError("\n".join(f"augment: {problem}" for problem in problems))


def _read_steps(
    steps: Any, problems: list[str], outer: str = ""
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield place, name and arguments of each well-formed step."""
    if not isinstance(steps, Sequence) or isinstance(steps, str):
        problems.append(f"{outer}expected a list of steps, received {steps!r}")
        return
    for number, step in enumerate(steps, 1):
        place = f"{outer}step {number}"
        if not isinstance(step, Mapping) or not step:
            problems.append(f"{place}: expected {{name: arguments}}, received {step!r}")
            continue
        for name, arguments in step.items():
            if isinstance(arguments, Mapping):
                yield f"{place}, {name}", str(name), dict(arguments)
            else:
                problems.append(f"{place}, {name}: expected {{argument: value}}, received {arguments!r}")


def read_single_steps(steps: Any, problems: list[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield place, name and arguments of each step that is applied to images, also of those in a choice."""
    for place, name, arguments in _read_steps(steps, problems):
        if name == CHOICE:
            yield from _read_steps(arguments["transforms"], problems, f"{place}, ")
        else:
            yield place, name, arguments


def _make(place: str, name: str, arguments: dict[str, Any], problems: list[str]) -> Any:
    import albumentations

    if name == CHOICE:
        return _make_choice(place, arguments, problems)
    kind = getattr(albumentations, name, None)
    if not (isinstance(kind, type) and issubclass(kind, albumentations.BasicTransform)):
        problems.append(
            f"{place}: albumentations has no transform {name!r}{_suggestion(name, _transform_names())}"
        )
        return None
    parameters = {key: p for key, p in inspect.signature(kind).parameters.items() if p.kind != p.VAR_KEYWORD}
    unknown = [key for key in arguments if key not in parameters]
    for key in unknown:
        problems.append(f"{place}: there is no argument {key!r}{_suggestion(str(key), parameters)}")
    if unknown:
        return None
    if arguments.get("mask_interpolation", 0) not in _NEAREST_NEIGHBOUR:
        problems.append(f"{place}: mask_interpolation: class indices cannot be interpolated; leave it out")
        return None
    # Dropout steps have no border: the label under a hole stays.
    if {"fill_mask", "border_mode"} <= parameters.keys():
        arguments = {"fill_mask": IGNORE} | arguments
    return _construct(place, kind, {key: _as_tuples(value) for key, value in arguments.items()}, problems)


def _make_choice(place: str, arguments: dict[str, Any], problems: list[str]) -> Any:
    import albumentations

    unknown = [key for key in arguments if key not in ("transforms", "p")]
    problems += [f"{place}: there is no argument {key!r}; the arguments are transforms, p" for key in unknown]
    p = arguments.get("p", 0.5)
    if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p <= 1:
        problems.append(f"{place}: p: expected a number in 0..1 (received {p!r})")
    inner = [
        _make(inner_place, name, inner_arguments, problems)
        for inner_place, name, inner_arguments in _read_steps(
            arguments.get("transforms"), problems, f"{place}, "
        )
        if not _is_choice(inner_place, name, problems)
    ]
    return None if problems else albumentations.OneOf(inner, p=p)


def _is_choice(place: str, name: str, problems: list[str]) -> bool:
    if name == CHOICE:
        problems.append(f"{place}: a OneOf within a OneOf; list all steps in the outer one")
    return name == CHOICE


def _construct(place: str, kind: type, arguments: dict[str, Any], problems: list[str]) -> Any:
    with warnings.catch_warnings():
        # For some wrong values albumentations only warns.
        warnings.simplefilter("error", UserWarning)
        try:
            return kind(**arguments)
        except (TypeError, ValueError, UserWarning) as error:
            problems.extend(f"{place}: {message}" for message in _messages(error, arguments))
    return None


def _messages(error: Exception, arguments: Mapping[str, Any]) -> list[str]:
    """Return a message for each wrong argument, with the received value."""
    cause = error if isinstance(error, ValidationError) else error.__cause__ or error.__context__
    if not isinstance(cause, ValidationError):
        return [" ".join(str(error).split())]
    by_argument: dict[str, list[str]] = {}
    for detail in cause.errors():
        message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        by_argument.setdefault(str(detail["loc"][0]) if detail["loc"] else "", []).append(message)
    return [
        f"{key}: {' or '.join(dict.fromkeys(messages))} (received {_as_lists(arguments.get(key))!r})"
        if key
        else "; ".join(messages)
        for key, messages in by_argument.items()
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
        # Any error would stop the training at its first batch.
        except Exception as error:
            return (
                f"does not work on images of {count_of(channels, 'channel')}: {' '.join(str(error).split())}"
            )
    if moved["image"].shape[:2] != size or moved["masks"][0].shape != size:
        after, before = ("x".join(map(str, shape[:2])) for shape in (moved["image"].shape, size))
        return f"changes the size from {before} to {after} pixels; use steps that keep the size"
    return None


def _transform_names() -> list[str]:
    import albumentations

    kinds = {name: getattr(albumentations, name) for name in dir(albumentations)}
    base = albumentations.BasicTransform
    return [CHOICE, *(n for n, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, base))]


def _suggestion(name: str, known: Collection[str]) -> str:
    similar = find_similar(name, known)
    if similar:
        return f"; the nearest is {similar!r}"
    return f"; the arguments are {', '.join(known)}" if len(known) < 20 else ""


def _as_tuples(value: Any) -> Any:
    """Convert lists, which YAML gives, to tuples, which albumentations needs as ranges."""
    if isinstance(value, Mapping):
        return {key: _as_tuples(inner) for key, inner in value.items()}
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _as_lists(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
