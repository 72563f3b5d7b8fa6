"""What the network reads, and which task reads what of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from unet_mtl.batches.inputs.columns import FittedInput, Labels
from unet_mtl.data.records import Record
from unet_mtl.errors import ConfigError
from unet_mtl.nn.settings import Fusion
from unet_mtl.nn.tabular import FUSIONS
from unet_mtl.settings import Settings
from unet_mtl.tasks import Task

IMAGE = "image"
"""Name of the image input; the others are named by the user."""

Reads = dict[str, tuple[str, ...]]
"""By task, the inputs that it reads, in the network's order."""


class Inputs(Settings):
    """What a network reads; saved with the run.

    Attributes:
        image: Whether it reads an image.
        tables: Its tabular inputs.
    """

    image: bool = True
    tables: tuple[FittedInput, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all of them, the image first."""
        return (*([IMAGE] if self.image else ()), *(table.name for table in self.tables))

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table, that any of them reads."""
        return tuple(dict.fromkeys(name for table in self.tables for name in table.names))

    def missing(self, labels: Labels) -> list[FittedInput]:
        """Tabular inputs of which a case has not one column."""
        return [table for table in self.tables if table.is_missing(labels)]

    def describe_unknown(self, labels: Labels) -> list[str]:
        """As of `FittedInput`, each column once."""
        return list(dict.fromkeys(word for table in self.tables for word in table.describe_unknown(labels)))

    def columns_of(self, record: Record) -> dict[str, Any]:
        """What is known of a case of the columns that are read: never more, so that no answer can leak in."""
        return {name: record.labels[name] for name in self.columns if name in record.labels}

    def only(self, names: Collection[str]) -> "Inputs":
        """Those of these names."""
        return Inputs(
            image=self.image and IMAGE in names,
            tables=tuple(table for table in self.tables if table.name in names),
        )


def find_reads(
    tasks: Sequence[Task[Any, Any]], tables: Mapping[str, Collection[str]], *, image: bool, fusion: Fusion
) -> Reads:
    """Which inputs each task reads.

    Args:
        tasks: The answers.
        tables: Columns by tabular input.
        image: Whether the data set has images.
        fusion: How columns meet the image; a mask reads columns by "film" alone.

    Raises:
        ConfigError: With every problem: an input that is not there, a mask without the image, a column that is both
            read and learned, names that clash.
    """
    names = (*([IMAGE] if image else ()), *tables)
    problems = [
        f"inputs: {name!r} is also the name of a task; choose another"
        for name in tables
        if name in {task.name for task in tasks}
    ]
    reads: Reads = {}
    for task in tasks:
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
        there = ", ".join(names) or "none"
        why = "the data set has no images" if unknown[0] == IMAGE else f"there is no input {unknown[0]!r}"
        return [f"{start}{why}; there is {there}"]
    if not wanted:
        return [f"{start}there is nothing to read; describe `images`, or name columns under `inputs`"]
    if task.spatial and IMAGE not in wanted:
        return [f"{start}a mask is drawn into the image; name {IMAGE!r} among its inputs"]
    if task.spatial and FUSIONS[fusion] is None and len(wanted) > 1:
        return [
            f"{start}a mask reads columns with `network.fusion: film` alone; set that, or `inputs: [image]`"
        ]
    return [
        f"{start}it would read its own answer: column {column!r} stands in input {name!r}; take it out there, or name "
        "the task's `inputs` without it"
        for name in wanted
        if name != IMAGE
        for column in tables[name]
        if not task.spatial and column in task.target_names
    ]
