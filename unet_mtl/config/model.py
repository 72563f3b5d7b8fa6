"""The model of all settings, validated as a whole."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from unet_mtl.batches.augment.augment import find_preset
from unet_mtl.batches.augment.augment_config import check_steps, make_transforms
from unet_mtl.batches.augment.presets import Step
from unet_mtl.batches.cache.settings import Delivery
from unet_mtl.batches.inputs.columns import TabularInput
from unet_mtl.batches.inputs.inputs import IMAGE, find_reads
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.config.training import TrainingSettings
from unet_mtl.consistency import Rule, require_rules
from unet_mtl.data.description import Description
from unet_mtl.data.splits import SplitSettings
from unet_mtl.device import Precision
from unet_mtl.errors import ConfigError
from unet_mtl.nn.settings import NetworkSettings, check_size
from unet_mtl.settings import Settings, raise_problems
from unet_mtl.tasks import TASKS, Task, make_task
from unet_mtl.wording import count_of, name_some


def _read_task(content: Any) -> Task[Any, Any]:
    if not isinstance(content, dict | Task):
        raise PydanticKnownError("model_type", {"class_name": "Task"})
    kind = content.get("kind") if isinstance(content, dict) else content.kind
    if kind is None:
        raise PydanticKnownError("union_tag_not_found", {"discriminator": "'kind'"})
    # The registry is read at this time and not at import, since users may have added kinds of their own.
    if not isinstance(kind, str) or kind not in TASKS:
        known = ", ".join(map(repr, TASKS))
        raise PydanticKnownError(
            "union_tag_invalid", {"discriminator": "'kind'", "tag": str(kind), "expected_tags": known}
        )
    return make_task(content) if isinstance(content, dict) else content


AnyTask = Annotated[
    Task[Any, Any], PlainValidator(_read_task), PlainSerializer(lambda task: task.to_config())
]
"""The type of a setting: a task of any registered kind, or a mapping with `kind` and the settings of that kind."""


class Config(Settings):
    """All settings of a training.

    A new setting is one line here, or in one of the groups, and the code that acts on it: `train` accepts it,
    config.yaml stores it and `unet-mtl show` prints it.

    Attributes:
        data: Description of the data set. In a file: the folder that holds dataset.yaml, or the content of one.
        tasks: The outputs of the network. The primary score of the first one selects the best checkpoint.
        inputs: Columns of the table that the network reads beside the image, or instead of one, in groups by name:
            a list of columns, or a mapping with more settings.
        split: How cases are divided into train, val and test.
        preprocess: The fixed steps between the file and the network.
        augment: The random steps of training: the name of a preset, or a list of `{albumentations name: arguments}`.
        network: Encoder, decoder and shared layers.
        training: Epochs, batches, optimizer and the choice of the best checkpoint.
        delivery: Where decoded images are kept between epochs; it changes no result.
        precision: Precision of the computation; "auto" selects bfloat16 where this machine is fast at it.
        seed: Seed of all random numbers; the same seed gives the same run on one machine.
        consistency: Rules about the answers for one case. `evaluate` counts contradictions and `predict` names them;
            the training does not depend on them.
    """

    data: Description
    tasks: tuple[AnyTask, ...]
    inputs: dict[str, TabularInput] = {}
    split: SplitSettings = SplitSettings()
    preprocess: Preprocess = Field(default=Preprocess(), validate_default=True)
    augment: str | list[Step] = "light"
    network: NetworkSettings = NetworkSettings()
    training: TrainingSettings = TrainingSettings()
    delivery: Delivery = Delivery()
    precision: Precision = "auto"
    seed: int = Field(default=7, ge=0, lt=2**32)
    consistency: tuple[Rule, ...] = ()

    @field_validator("tasks")
    @classmethod
    def _different_names(cls, tasks: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [task.name for task in tasks]
        if not names:
            raise ValueError("there must be at least one task")
        repeated = [name for name in names if names.count(name) > 1]
        if repeated:
            raise ValueError(
                f"two tasks are named {repeated[0]!r}; rename one, and give the column or mask that it learns as "
                "`target`"
            )
        return tasks

    @field_validator("preprocess", mode="before")
    @classmethod
    def _as_many_channels_as_files(cls, preprocess: Any, info: ValidationInfo) -> Any:
        names = list(info.data["data"].channels) if "data" in info.data else []
        if not names or not isinstance(preprocess, dict | Preprocess):
            return preprocess
        if isinstance(preprocess, Preprocess):
            preprocess = preprocess.model_dump(exclude_unset=True)
        if preprocess.get("channels", len(names)) != len(names):
            raise ValueError(
                f"channels is {preprocess['channels']}, but `images` of the data set names "
                f"{count_of(len(names), 'file')} for each case ({name_some(names, 8)}); leave `channels` out"
            )
        return preprocess | {"channels": len(names)}

    @field_validator("augment", mode="before")
    @classmethod
    def _known_steps(cls, augment: Any) -> Any:
        # Before pydantic's own validation, which reports a wrong step once for each type of the union.
        problems = _problems_of(find_preset if isinstance(augment, str) else make_transforms, augment)
        if problems:
            raise ValueError("; ".join(problem.removeprefix("augment: ") for problem in problems))
        return augment

    @field_validator("inputs")
    @classmethod
    def _names_of_layers(cls, inputs: dict[str, TabularInput]) -> dict[str, TabularInput]:
        for name in inputs:
            if name == IMAGE:
                raise ValueError(
                    f"{IMAGE!r} is the name of the image itself; choose another name for these columns"
                )
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,99}", name):
                raise ValueError(
                    f"expected a name of at most 100 letters, digits and _ that begins with a letter; received {name!r}"
                )
        return inputs

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        columns = {name: table.columns for name, table in self.inputs.items()}
        problems = [
            f"inputs.{name}: the data set describes no column {column!r}; it has "
            f"{', '.join(map(repr, self.data.columns)) or 'none'}"
            for name, table in columns.items()
            for column in table
            if column not in self.data.columns
        ]
        image = self.data.images is not None
        problems += _problems_of(find_reads, self.tasks, columns, image=image, fusion=self.network.fusion)
        # A task without a described mask is reported by `adapt`; its rules cannot be checked.
        if all(task.target_name in self.data.masks for task in self.tasks if task.spatial):
            problems += _problems_of(require_rules, self.consistency, self.tasks, self.data)
        if image:
            problems += _problems_of(check_size, self.preprocess.size, self.network)
        if not isinstance(self.augment, str) or self.preprocess.channels not in (1, 3):
            steps = find_preset(self.augment) if isinstance(self.augment, str) else self.augment
            problems += _problems_of(check_steps, steps, self.preprocess.size, self.preprocess.channels)
        if problems:
            raise_problems(problems, self)
        return self

    def arguments(self) -> dict[str, Any]:
        """Return the settings that `train(dataset, tasks, run, **arguments)` takes: all but `data` and `tasks`."""
        return {
            name: getattr(self, name) for name in type(self).model_fields if name not in ("data", "tasks")
        }


def _problems_of(check: Callable[..., Any], *arguments: Any, **options: Any) -> list[str]:
    try:
        check(*arguments, **options)
    except ConfigError as error:
        return str(error).splitlines()
    return []
