"""Everything that is set for a training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from unet_mtl.batches.augment.presets import Step
from unet_mtl.batches.cache.settings import Delivery
from unet_mtl.batches.inputs.columns import TabularInput, fit_inputs
from unet_mtl.batches.inputs.inputs import IMAGE, Inputs, find_reads
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.consistency import Rule
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import SplitSettings
from unet_mtl.device import Precision
from unet_mtl.errors import ConfigError
from unet_mtl.nn.settings import NetworkSettings
from unet_mtl.settings import Settings, describe_problems
from unet_mtl.tasks import Task
from unet_mtl.training.settings import TrainingSettings

Made = TypeVar("Made", bound=Settings)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that was set for a training; `api.train` says what each means."""

    tasks: tuple[Task[Any, Any], ...]
    split: SplitSettings
    preprocess: Preprocess
    augment: str | list[Step]
    network: NetworkSettings
    training: TrainingSettings
    delivery: Delivery
    precision: Precision
    seed: int
    inputs: Mapping[str, TabularInput]
    consistency: tuple[Rule, ...]

    @classmethod
    def of(
        cls,
        tasks: Sequence[Task[Any, Any]],
        *,
        split: SplitSettings | Mapping[str, Any] | None = None,
        preprocess: Preprocess | Mapping[str, Any] | None = None,
        augment: str | Sequence[Step] = "light",
        network: NetworkSettings | Mapping[str, Any] | None = None,
        training: TrainingSettings | Mapping[str, Any] | None = None,
        delivery: Delivery | Mapping[str, Any] | None = None,
        precision: Precision = "auto",
        seed: int = 7,
        inputs: Mapping[str, TabularInput] | None = None,
        consistency: Sequence[Rule] = (),
    ) -> "Plan":
        """Fills in the defaults; a mapping is what a config has in that place.

        Raises:
            ConfigError: A mapping has settings that are not there, or values that are wrong.
        """
        return cls(
            tasks=tuple(tasks),
            split=_made(SplitSettings, split, "split"),
            preprocess=_made(Preprocess, preprocess, "preprocess"),
            augment=augment if isinstance(augment, str) else list(augment),
            network=_made(NetworkSettings, network, "network"),
            training=_made(TrainingSettings, training, "training"),
            delivery=_made(Delivery, delivery, "delivery"),
            precision=precision,
            seed=seed,
            inputs=dict(inputs or {}),
            consistency=tuple(consistency),
        )

    def to_config(self, dataset: Dataset) -> dict[str, Any]:
        """As config.yaml has it."""
        return {
            "data": dataset.description.model_dump(mode="json"),
            "split": self.split.to_config(),
            "tasks": [task.to_config() for task in self.tasks],
            "inputs": {name: table.to_config() for name, table in self.inputs.items()},
            "preprocess": self.preprocess.to_config(),
            "augment": self.augment,
            "network": self.network.to_config(),
            "training": self.training.to_config(),
            "delivery": self.delivery.to_config(),
            "precision": self.precision,
            "seed": self.seed,
            "consistency": [rule.to_config() for rule in self.consistency],
        }


def _made(kind: type[Made], given: Made | Mapping[str, Any] | None, name: str) -> Made:
    if isinstance(given, kind):
        return given
    try:
        return kind.model_validate({} if given is None else given)
    except ValidationError as error:
        raise ConfigError("\n".join(describe_problems(error, name))) from None


def make_inputs(plan: Plan, train: Dataset) -> Inputs:
    """What the tasks read, with what the train cases tell of the columns.

    Raises:
        ConfigError: Tasks and inputs do not fit together.
        DataError: A column is not described, or no train case has a value in it.
    """
    image = train.description.images is not None
    columns = {name: table.columns for name, table in plan.inputs.items()}
    reads = find_reads(plan.tasks, columns, image=image, fusion=plan.network.fusion)
    read = {name for names in reads.values() for name in names}
    tables = fit_inputs({name: table for name, table in plan.inputs.items() if name in read}, train)
    return Inputs(image=image and IMAGE in read, tables=tables)
