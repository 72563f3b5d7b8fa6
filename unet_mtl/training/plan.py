"""Everything that is set for a training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unet_mtl.consistency import Rule
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import SplitSettings
from unet_mtl.nn.settings import NetworkSettings
from unet_mtl.pipeline.columns import TabularInput, fit_inputs
from unet_mtl.pipeline.delivery import Delivery
from unet_mtl.pipeline.device import Precision
from unet_mtl.pipeline.inputs import IMAGE, Inputs, find_reads
from unet_mtl.pipeline.preprocess import Preprocess
from unet_mtl.pipeline.presets import Step
from unet_mtl.tasks import Task
from unet_mtl.training.settings import TrainingSettings


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
        split: SplitSettings | None = None,
        preprocess: Preprocess | None = None,
        augment: str | Sequence[Step] = "light",
        network: NetworkSettings | None = None,
        training: TrainingSettings | None = None,
        delivery: Delivery | None = None,
        precision: Precision = "auto",
        seed: int = 7,
        inputs: Mapping[str, TabularInput] | None = None,
        consistency: Sequence[Rule] = (),
    ) -> "Plan":
        """Fills in the defaults."""
        return cls(
            tasks=tuple(tasks),
            split=split or SplitSettings(),
            preprocess=preprocess or Preprocess(),
            augment=augment if isinstance(augment, str) else list(augment),
            network=network or NetworkSettings(),
            training=training or TrainingSettings(),
            delivery=delivery or Delivery(),
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
