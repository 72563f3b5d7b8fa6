"""Makes a `Config` of config.yaml with `key=value` overrides, or of Python arguments."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from unet_mtl.arguments import check_types
from unet_mtl.config.model import Config
from unet_mtl.data.description import Description, make_description, read_description
from unet_mtl.data.yaml_files import explain_yaml, parse_yaml, read_yaml
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.settings import Place, describe_problems
from unet_mtl.tasks import Task


def make_config(data: Description, tasks: Sequence[Task[Any, Any]], **settings: Any) -> Config:
    """Validate the settings of a training that are given in Python.

    Args:
        data: Description of the data set.
        tasks: The outputs of the network.
        **settings: Fields of `Config` by name, as objects or as mappings; None is the default.

    Raises:
        ConfigError: With every problem, a line each.
    """
    content = {"data": data, "tasks": tasks} | settings
    try:
        return Config.model_validate(_without_none(content))
    except ValidationError as error:
        raise ConfigError("\n".join(_describe(error, "", content))) from error


@check_types
def load_config(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Read and validate a config file.

    Args:
        path: A YAML file; `data` in it is relative to its folder.
        overrides: `dotted.key=value` with the value in YAML; `tasks.NAME.key=value` finds a task by name.

    Raises:
        ConfigError: With every problem, a line each.
        DataError: The file cannot be read, or all that is wrong is the description of the data.
    """
    path = Path(path)
    content = _without_none(read_yaml(path))
    for override in overrides:
        _apply(content, override)
    data_error: DataError | None = None
    try:
        content["data"] = _read_description(content.get("data"), path)
    except DataError as error:
        # The other settings are validated without it, so that their problems are reported too.
        data_error = error
        content.pop("data", None)
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        where = f"{path} with {' '.join(overrides)}" if overrides else str(path)
        problems = _describe(error, where, content)
        if data_error is None:
            raise ConfigError("\n".join(problems)) from error
        # `data` is the first field, so that its absence is the first problem.
        if len(problems) == 1:
            raise data_error from None
        raise ConfigError("\n".join([*data_error.problems, *problems[1:]])) from None


def _without_none(content: Mapping[str, Any]) -> dict[str, Any]:
    """Remove settings without a value, such as a key of YAML with all lines below it commented out."""
    return {key: value for key, value in content.items() if value is not None}


def _describe(error: ValidationError, where: str, content: Mapping[str, Any]) -> list[str]:
    """Return one line per problem, in which a task has its name instead of its position."""
    tasks = content.get("tasks")
    names = {
        index: task["name"]
        for index, task in enumerate(tasks if isinstance(tasks, list | tuple) else ())
        if isinstance(task, dict) and "name" in task
    }

    def name_task(place: Place) -> Place:
        if len(place) > 1 and place[0] == "tasks" and place[1] in names:
            return ("tasks", str(names[place[1]]), *place[2:])
        return place

    return describe_problems(error, where, name_task)


def _read_description(data: Any, path: Path) -> Description:
    if isinstance(data, str):
        return read_description(path.parent / data)
    if isinstance(data, dict):
        return make_description(data, base=path.parent, where=f"{path}: data")
    raise DataError(
        f"{path}: data: expected a folder with dataset.yaml, or the content of one; received {data!r}"
    )


def _apply(content: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not (key and equals):
        raise ConfigError(f"expected key=value, received {override!r}; for example training.epochs=20")
    *parents, last = key.split(".")
    place: Any = content
    for part in parents:
        place = _step_into(place, part, override)
    if isinstance(place, list):
        raise ConfigError(f"{override}: name the task's setting too, as in tasks.NAME.weight=2")
    try:
        place[last] = parse_yaml(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"{override}: the value is not YAML ({explain_yaml(error)})") from error


def _step_into(place: Any, part: str, override: str) -> Any:
    if isinstance(place, list):
        for item in place:
            if isinstance(item, dict) and item.get("name") == part:
                return item
        names = [str(item.get("name")) for item in place if isinstance(item, dict)]
        raise ConfigError(f"{override}: no task {part!r}; there is {', '.join(names)}")
    inner = place.setdefault(part, {})
    if not isinstance(inner, dict | list):
        raise ConfigError(f"{override}: {part} is {inner!r}, which has no settings below it")
    return inner
