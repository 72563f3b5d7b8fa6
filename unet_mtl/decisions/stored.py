"""The decisions of a run: settings that replace those of its tasks, and what they were chosen for."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from unet_mtl.settings import Settings
from unet_mtl.tasks import Task


class TaskDecision(Settings):
    """The decisions for one task.

    Attributes:
        task: The name of the task.
        settings: The settings of the task that are replaced, such as `threshold` and `temperature`.
        text: The same in one line for tables: the aim, what was chosen, and on how many cases.
    """

    task: str
    settings: dict[str, Any]
    text: str


class Decisions(Settings):
    """All decisions of a run.

    Attributes:
        format: The version of the file.
        network: The SHA-256 checksum of the network that they were chosen for.
        split: The split that they were chosen on.
        n_cases: The number of its cases.
        tasks: The decisions by task; tasks without any keep their settings.
    """

    format: Literal[1] = 1
    network: str = ""
    split: Literal["val"] = "val"
    n_cases: int = Field(default=0, ge=0)
    tasks: tuple[TaskDecision, ...] = ()

    def apply(self, tasks: Sequence[Task[Any, Any]]) -> list[Task[Any, Any]]:
        """Return the tasks with the settings that were decided.

        Raises:
            ValueError: There is no such task, or no such setting.
        """
        decided = {decision.task: decision.settings for decision in self.tasks}
        absent = decided.keys() - {task.name for task in tasks}
        if absent:
            raise ValueError(f"the run has no task {min(absent)!r}")
        return [
            type(task).model_validate(task.to_config() | decided[task.name]) if task.name in decided else task
            for task in tasks
        ]

    def lines(self) -> list[str]:
        """Return one line for each task with decisions, for everything that shows answers."""
        return [f"{decision.task}: {decision.text}" for decision in self.tasks]
