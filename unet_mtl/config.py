"""config.yaml: read, changed by `key=value`, checked whole. No component imports it."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, Union

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from unet_mtl.batches.augment.augment import find_preset
from unet_mtl.batches.augment.augment_config import check_steps, make_transforms
from unet_mtl.batches.augment.presets import Step
from unet_mtl.batches.cache.settings import Delivery
from unet_mtl.batches.inputs.columns import TabularInput
from unet_mtl.batches.inputs.inputs import IMAGE, find_reads
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.consistency import Rule, require_rules
from unet_mtl.data.description import Description, make_description, read_description
from unet_mtl.data.splits import SplitSettings
from unet_mtl.data.yaml_files import explain_yaml, parse_yaml, read_yaml
from unet_mtl.device import Precision
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.nn.settings import NetworkSettings, check_size
from unet_mtl.settings import Settings, describe_problems
from unet_mtl.tasks import TASKS
from unet_mtl.training.settings import TrainingSettings

# One model a kind, told apart by `kind`: pydantic then names the field that is wrong.
_AnyTask: Any = Annotated[Union[tuple(TASKS.values())], Field(discriminator="kind")]  # noqa: UP007


class Config(Settings):
    """Everything that `train` can be told; `api.train` says what each part means.

    Attributes:
        data: The data set, as in dataset.yaml; in the file a folder with one, or its lines.
        tasks: What the network is to answer.
        inputs: Columns of the table that it reads beside the image: a list of columns by name, or with more settings.
    """

    data: Description
    tasks: tuple[_AnyTask, ...]
    inputs: dict[str, TabularInput] = {}
    split: SplitSettings = SplitSettings()
    preprocess: Preprocess = Preprocess()
    augment: str | list[Step] = "light"
    network: NetworkSettings = NetworkSettings()
    training: TrainingSettings = TrainingSettings()
    delivery: Delivery = Delivery()
    precision: Precision = "auto"
    seed: int = Field(default=7, ge=0)
    consistency: tuple[Rule, ...] = ()

    @field_validator("tasks")
    @classmethod
    def _different_names(cls, tasks: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [task.name for task in tasks]
        if not names:
            raise ValueError("there must be at least one")
        repeated = [name for name in names if names.count(name) > 1]
        if repeated:
            raise ValueError(
                f"two are named {repeated[0]!r}; the name is free, `target` says what is learned"
            )
        return tasks

    @field_validator("augment", mode="before")
    @classmethod
    def _known_steps(cls, augment: Any) -> Any:
        # Before pydantic's own look at it, which would tell of a wrong step once for each type it might have been.
        _as_value_error(find_preset if isinstance(augment, str) else make_transforms, augment)
        return augment

    @field_validator("inputs")
    @classmethod
    def _names_of_layers(cls, inputs: dict[str, TabularInput]) -> dict[str, TabularInput]:
        for name in inputs:
            if name == IMAGE:
                raise ValueError(
                    "image is the image itself, which is read wherever a task does not say otherwise"
                )
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
                raise ValueError(
                    f"a name is letters, digits and _, beginning with a letter; received {name!r}"
                )
        return inputs

    @model_validator(mode="after")
    def _tasks_find_what_they_read(self) -> Self:
        columns = {name: table.columns for name, table in self.inputs.items()}
        described = self.data.columns
        absent = [(name, c) for name, table in columns.items() for c in table if c not in described]
        if absent:
            raise ValueError(
                f"inputs.{absent[0][0]}: the data set describes no column {absent[0][1]!r}; it has "
                f"{', '.join(map(repr, described)) or 'none'}"
            )
        _as_value_error(
            lambda: find_reads(
                self.tasks, columns, image=self.data.images is not None, fusion=self.network.fusion
            )
        )
        return self

    @model_validator(mode="after")
    def _rules_are_about_the_tasks(self) -> Self:
        _as_value_error(require_rules, self.consistency, self.tasks, self.data)
        return self

    @model_validator(mode="after")
    def _size_suits_the_network(self) -> Self:
        if self.data.images is not None:
            _as_value_error(check_size, self.preprocess.size, self.network)
        return self

    @model_validator(mode="after")
    def _steps_suit_the_images(self) -> Self:
        if not isinstance(self.augment, str):
            try:
                check_steps(self.augment, self.preprocess.size, self.preprocess.channels)
            except ConfigError as error:
                raise ValueError("; ".join(str(error).splitlines())) from error
        return self

    def arguments(self) -> dict[str, Any]:
        """For `train(dataset, tasks, run, **arguments)`."""
        return {
            name: getattr(self, name) for name in type(self).model_fields if name not in ("data", "tasks")
        }


def _as_value_error(check: Callable[..., Any], *arguments: Any) -> None:
    # pydantic gathers these with its own findings, and names the place itself
    try:
        check(*arguments)
    except ConfigError as error:
        lines = [line.removeprefix("augment: ") for line in str(error).splitlines()]
        raise ValueError("; ".join(lines)) from error


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Reads and checks a config file.

    Args:
        path: YAML; `data` in it is relative to its folder.
        overrides: `dotted.key=value`, the value in YAML; `tasks.NAME.key=value` finds a task by name.

    Raises:
        ConfigError: With every problem, a line each.
        DataError: The file is not readable, or the description of the data is all that is wrong.
    """
    path = Path(path)
    # A key with nothing behind it, its lines commented out, say, is as good as none.
    content = {key: value for key, value in read_yaml(path).items() if value is not None}
    for override in overrides:
        _apply(content, override)
    wrong_data: DataError | None = None
    try:
        content["data"] = _description(content.get("data"), path)
    except DataError as error:
        wrong_data = error
        # so that the rest is looked at too
        content["data"] = Description.model_construct(root=path, images="")
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        problems = [
            *(wrong_data.problems if wrong_data else ()),
            *_name_tasks(describe_problems(error, _where(path, overrides)), content),
        ]
        raise ConfigError("\n".join(problems)) from error
    if wrong_data:
        raise wrong_data
    return config


def _where(path: Path, overrides: Sequence[str]) -> str:
    return f"{path} with {' '.join(overrides)}" if overrides else str(path)


def _name_tasks(problems: list[str], content: dict[str, Any]) -> list[str]:
    """Says `tasks.lesion.weight`, as a user writes it, for pydantic's `tasks.0.segmentation.weight`."""
    tasks = content.get("tasks")
    for index, task in enumerate(tasks if isinstance(tasks, list) else ()):
        if isinstance(task, dict) and "name" in task and "kind" in task:
            place = f"tasks.{index}.{task['kind']}"
            problems = [problem.replace(place, f"tasks.{task['name']}") for problem in problems]
    return problems


def _description(data: Any, path: Path) -> Description:
    if isinstance(data, str):
        return read_description(path.parent / data)
    if isinstance(data, dict):
        return make_description(data, base=path.parent, where=f"{path}: data")
    raise DataError(f"{path}: data: give a folder with dataset.yaml or its lines, received {data!r}")


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
        raise ConfigError(f"{override}: {part} is {inner!r} and has no parts")
    return inner
