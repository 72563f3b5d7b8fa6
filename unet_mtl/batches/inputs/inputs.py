"""The inputs of the network, and the inputs that each task reads."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from unet_mtl.batches.inputs.channels import ChannelInput
from unet_mtl.batches.inputs.columns import FittedInput, Labels
from unet_mtl.data.records import Record
from unet_mtl.errors import ConfigError
from unet_mtl.nn.settings import Fusion
from unet_mtl.nn.tabular import FUSIONS
from unet_mtl.settings import Settings
from unet_mtl.tasks import Task, learned_tasks

IMAGE = "image"
"""The name of the image input; users choose the names of the others."""

Reads = dict[str, tuple[str, ...]]
"""The inputs that each task reads, by task name, in the order of the network."""


class Inputs(Settings):
    """The inputs of a network; saved with the run.

    Attributes:
        image: Whether the network reads an image.
        channels: The channels of the image, if they are separate files; otherwise empty.
        tables: The tabular inputs.
    """

    image: bool = True
    channels: tuple[ChannelInput, ...] = ()
    tables: tuple[FittedInput, ...] = ()

    @property
    def n_indicators(self) -> int:
        """Return the number of channels that the network reads in addition to those of the image."""
        return sum(channel.optional for channel in self.channels)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all inputs, the image first."""
        return (*([IMAGE] if self.image else ()), *(table.name for table in self.tables))

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the table that any input reads."""
        return tuple(dict.fromkeys(name for table in self.tables for name in table.names))

    def missing(self, labels: Labels) -> list[FittedInput]:
        """Return the tabular inputs of which all columns are missing in a case."""
        return [table for table in self.tables if table.is_missing(labels)]

    def describe_unknown(self, labels: Labels) -> list[str]:
        """Return missing columns and unfamiliar values as `FittedInput.describe_unknown`, each column once."""
        return list(dict.fromkeys(text for table in self.tables for text in table.describe_unknown(labels)))

    def columns_of(self, record: Record) -> dict[str, Any]:
        """Return the known values of the input columns, without other columns, so that no target can leak in."""
        return {name: record.labels[name] for name in self.columns if name in record.labels}

    def only(self, names: Collection[str]) -> "Inputs":
        """Return the inputs of the given names."""
        return Inputs(
            image=self.image and IMAGE in names,
            channels=self.channels if IMAGE in names else (),
            tables=tuple(table for table in self.tables if table.name in names),
        )


def find_reads(
    tasks: Sequence[Task[Any, Any]], tables: Mapping[str, Collection[str]], *, image: bool, fusion: Fusion
) -> Reads:
    """Return the inputs that each task with an output of the network reads.

    Args:
        tasks: The tasks.
        tables: The columns of each tabular input, by input name.
        image: Whether the data set has images.
        fusion: The way in which columns and image are combined; masks can read columns only with "film".

    Raises:
        ConfigError: A task names an unknown input, a mask does not read the image, a column is both input and target,
            or an input has the name of a task; the message lists all problems.
    """
    names = (*([IMAGE] if image else ()), *tables)
    problems = [
        f"inputs: {name!r} is also the name of a task; choose another name"
        for name in tables
        if name in {task.name for task in tasks}
    ]
    reads: Reads = {}
    for task in learned_tasks(tasks):
        wanted = names if task.inputs is None else task.inputs
        if task.spatial and task.inputs is None and FUSIONS[fusion] is None:
            wanted = (IMAGE,)
        reads[task.name] = tuple(name for name in names if name in wanted)
        problems += _problems(task, wanted, names, tables, fusion)
    if problems:
        raise ConfigError("\n".join(problems))
    return reads


def _problems(
    task: Task[Any, Any],
    wanted: Sequence[str],
    names: Sequence[str],
    tables: Mapping[str, Collection[str]],
    fusion: Fusion,
) -> list[str]:
    start = f"task {task.name!r}: "
    unknown = [name for name in wanted if name not in names]
    if unknown:
        available = ", ".join(names) or "none"
        why = "the data set has no images" if unknown[0] == IMAGE else f"there is no input {unknown[0]!r}"
        return [f"{start}{why}; the inputs are {available}"]
    if not wanted:
        return [f"{start}the network has no input; describe `images`, or list columns under `inputs`"]
    if task.spatial and IMAGE not in wanted:
        return [f"{start}a mask needs the image; add {IMAGE!r} to the inputs of the task"]
    if task.spatial and FUSIONS[fusion] is None and len(wanted) > 1:
        return [
            f"{start}a mask can read columns only with `network.fusion: film`; set that, or `inputs: [image]`"
        ]
    if IMAGE not in wanted and (task.shared_gradient < 1 or task.detach_epochs):
        return [
            f"{start}`shared_gradient` and `detach_epochs` concern the encoder of the image, which the task does not "
            f"read; remove them, or add {IMAGE!r} to its inputs"
        ]
    return [
        f"{start}the target would be an input: column {column!r} is in input {name!r}; remove it there, or list the "
        f"`inputs` of the task without {name!r}"
        for name in wanted
        if name != IMAGE
        for column in tables[name]
        if not task.spatial and column in task.target_names
    ]
