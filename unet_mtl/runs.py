"""The run folder: the only module that knows the names of the files in it."""

import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pydantic import TypeAdapter

from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.consistency import Rule
from unet_mtl.data.description import Description, make_description
from unet_mtl.data.tables import guard_formulas, unguard_formulas
from unet_mtl.errors import RunError
from unet_mtl.files import write_json, write_text, writing, writing_folder
from unet_mtl.tasks import Task, make_task

PACKAGES = ("unet-mtl", "keras", "tensorflow", "numpy", "albumentations", "opencv-python-headless", "pandas")


class RunFolder:
    """One training run on disk; everything that prediction needs is inside.

    Attributes:
        path: The folder.
        config: Everything that was set, with the defaults filled in.
        network: The best network so far, in Keras' own format.
        checkpoint: All that an interrupted run needs to go on.
        history: One row an epoch.
        curves: The history as a picture.
        balance: Weights and gradients of the tasks as a picture; not there for a single task.
        tensorboard: Event files.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.network = self.path / "network.keras"
        self.checkpoint = self.path / "checkpoint.npz"
        self.history = self.path / "history.csv"
        self.curves = self.path / "curves.png"
        self.balance = self.path / "balance.png"
        self.tensorboard = self.path / "tensorboard"
        self._tasks = self.path / "tasks.json"
        self._inputs = self.path / "inputs.json"
        self._preprocess = self.path / "preprocess.json"
        self._splits = self.path / "splits.csv"
        self._environment = self.path / "environment.json"

    def evaluation(self, split: str) -> Path:
        """Folder of one evaluation."""
        return self.path / "evaluation" / split

    def require_free(self) -> None:
        """Makes sure that a new run may be written.

        Raises:
            RunError: Something is there already.
        """
        if self.path.exists() and not (self.path.is_dir() and not any(self.path.iterdir())):
            raise RunError(
                f"{self.path} exists already; give another folder with --run, or continue it with --resume"
            )

    def require_settings(self, config: Mapping[str, Any]) -> None:
        """Makes sure that a run was started with these settings.

        Raises:
            RunError: It was not, or is no run folder.
        """
        stored = RunFolder.open(self, trained=False).read_config()
        wanted = yaml.safe_load(yaml.safe_dump(dict(config)))
        differing = [key for key in wanted if wanted[key] != stored.get(key)]
        if differing:
            raise RunError(
                f"{self.path} was started with other settings of {', '.join(differing)}; resume it with those in "
                f"{self.config}, or start a new run"
            )

    def require_facts(self, facts: Mapping[str, Any]) -> None:
        """Makes sure that a resumed run would go on as it began.

        Raises:
            RunError: Data or precision are not what they were.
        """
        stored = self.read_environment()
        for key, value in facts.items():
            if stored.get(key) != value:
                raise RunError(
                    f"{self.path} cannot be resumed: {key} was {stored.get(key)}, is {value}; start a new run"
                )

    def create(
        self,
        *,
        config: Mapping[str, Any],
        tasks: Sequence[Task[Any, Any]],
        inputs: Inputs,
        preprocess: Preprocess,
        splits: pd.DataFrame,
        environment: Mapping[str, Any],
    ) -> None:
        """Writes a new run folder, whole or not at all.

        Raises:
            RunError: Something is there already.
            WriteError: The disk refused.
        """
        self.require_free()
        with writing_folder(self.path) as folder:
            new = RunFolder(folder)
            write_text(new.config, yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))
            write_json(new._tasks, [task.to_config() for task in tasks])
            write_json(new._inputs, inputs.to_config())
            write_json(new._preprocess, preprocess.to_config())
            guard_formulas(splits).to_csv(new._splits, index=False)
            write_json(new._environment, dict(environment))

    @classmethod
    def open(cls, path: "Path | str | RunFolder", *, trained: bool = True) -> "RunFolder":
        """Opens an existing run.

        Args:
            path: The folder.
            trained: Whether a network must be in it.

        Raises:
            RunError: It is not a run folder, or training has not finished one epoch.
        """
        run = path if isinstance(path, RunFolder) else cls(path)
        needed = (run.config, run._tasks, run._inputs, run._preprocess, run._splits, run._environment)
        lacking = [file.name for file in needed if not file.is_file()]
        if not run.path.is_dir() or lacking:
            why = f"it lacks {', '.join(lacking)}" if run.path.is_dir() else "no such folder"
            raise RunError(f"{run.path} is not a run folder: {why}; give one that `unet-mtl train` made")
        if trained and not run.network.is_file():
            raise RunError(
                f"{run.path} has no trained network yet; continue it with `unet-mtl train ... --resume`"
            )
        return run

    def read_config(self) -> dict[str, Any]:
        """What was set."""
        content: dict[str, Any] = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        return content

    def read_description(self) -> Description:
        """Of the data that it was trained on."""
        return make_description(self.read_config()["data"], base=Path(), where=str(self.config))

    def read_consistency(self) -> tuple[Rule, ...]:
        """What the answers must not contradict; none for runs without."""
        rules: tuple[Rule, ...] = TypeAdapter(tuple[Rule, ...]).validate_python(
            self.read_config().get("consistency", ())
        )
        return rules

    def read_tasks(self) -> list[Task[Any, Any]]:
        """The adapted tasks."""
        return [make_task(config) for config in json.loads(self._tasks.read_text(encoding="utf-8"))]

    def read_inputs(self) -> Inputs:
        """What the network reads, and how columns become numbers."""
        return Inputs.model_validate_json(self._inputs.read_text(encoding="utf-8"))

    def read_preprocess(self) -> Preprocess:
        """The fixed steps before the network."""
        return Preprocess.model_validate_json(self._preprocess.read_text(encoding="utf-8"))

    def read_splits(self) -> pd.DataFrame:
        """One row a case: case, patient, split."""
        return unguard_formulas(pd.read_csv(self._splits, dtype=str, keep_default_na=False))

    def read_environment(self) -> dict[str, Any]:
        """Versions, seed, precision, hash of the data, labelled cases by task and split, ..."""
        content: dict[str, Any] = json.loads(self._environment.read_text(encoding="utf-8"))
        return content

    def read_history(self) -> pd.DataFrame:
        """One row an epoch; empty before the first."""
        return pd.read_csv(self.history) if self.history.is_file() else pd.DataFrame()

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """One row an epoch."""
        with writing(self.history) as temporary:
            pd.DataFrame(rows).to_csv(temporary, index=False)


def describe_environment(**facts: Any) -> dict[str, Any]:
    """Versions of what computes, the machine, and the caller's own facts."""
    return facts | {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "command": sys.argv,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git_commit(folder: Path) -> str | None:
    """The commit that `folder` stands at; None outside a repository."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
