"""The run folder. No other module has the names of the files in it, and everything that is read is validated."""

import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import pandas as pd
import yaml
from pydantic import TypeAdapter, ValidationError

from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.config import AnyTask, Config
from unet_mtl.consistency import Rule
from unet_mtl.data.description import Description, make_description
from unet_mtl.data.tables import guard_formulas, unguard_formulas
from unet_mtl.errors import RunError
from unet_mtl.files import write_json, write_text, writing, writing_folder
from unet_mtl.settings import describe_problems
from unet_mtl.tasks import Task

PACKAGES = ("unet-mtl", "keras", "tensorflow", "numpy", "albumentations", "opencv-python-headless", "pandas")

RESUMABLE = ("delivery",)
"""Settings that may change when a run is resumed: they affect no result, and memory may be scarcer than before."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the errors of reading a damaged file of a run into a RunError that names the file."""
    try:
        yield
    except ValidationError as error:
        raise RunError("\n".join(describe_problems(error, str(path)))) from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, yaml.YAMLError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise RunError(
            f"{path} cannot be read ({reason}); restore the file from a copy of the run, or train again"
        ) from error


class RunFolder:
    """One training run on disk, with everything that prediction needs.

    Attributes:
        path: The folder.
        config: The file of all settings, defaults included.
        network: The best network so far, in Keras' own format.
        checkpoint: The state from which an interrupted run is resumed.
        history: A table with one row per epoch.
        curves: A picture of the history.
        balance: A picture of the weights and gradients of the tasks; absent for a single task.
        tensorboard: A folder of event files.
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
        """Return the folder of the evaluation of a split."""
        return self.path / "evaluation" / split

    def require_free(self) -> None:
        """Check that a new run may be written.

        Raises:
            RunError: A file, or a folder with content, is in the way.
        """
        if self.path.exists() and not (self.path.is_dir() and not any(self.path.iterdir())):
            raise RunError(
                f"{self.path} exists already; give another folder as `run`, or continue that run with `resume`"
            )

    def require_settings(self, config: Mapping[str, Any]) -> None:
        """Check that a run was started with these settings, apart from those in `RESUMABLE`.

        Raises:
            RunError: It was started with other settings, or is not a run folder.
        """
        stored = RunFolder.open(self, trained=False).read_config()
        wanted = yaml.safe_load(yaml.safe_dump(dict(config)))
        differing = [key for key in wanted if key not in RESUMABLE and wanted[key] != stored.get(key)]
        if differing:
            raise RunError(
                f"{self.path} was started with other settings of {', '.join(differing)}; resume it with those in "
                f"{self.config}, or start a new run"
            )

    def require_facts(self, facts: Mapping[str, Any]) -> None:
        """Check that a resumed run has the data, seed and precision that it was started with.

        Raises:
            RunError: One of them has changed.
        """
        stored = self.read_environment()
        for key, value in facts.items():
            if stored.get(key) != value:
                raise RunError(
                    f"{self.path} cannot be resumed: {key} was {stored.get(key)} and is now {value}; start a new run"
                )

    def create(
        self,
        *,
        config: Config,
        tasks: Sequence[Task[Any, Any]],
        inputs: Inputs,
        splits: pd.DataFrame,
        environment: Mapping[str, Any],
    ) -> None:
        """Write a new run folder, completely or not at all.

        Args:
            config: All settings.
            tasks: The adapted tasks.
            inputs: The fitted inputs.
            splits: A table with the columns case, patient and split.
            environment: The content of environment.json, from `describe_environment`.

        Raises:
            RunError: A file, or a folder with content, is in the way.
            WriteError: The operating system refused a write.
        """
        self.require_free()
        with writing_folder(self.path) as folder:
            new = RunFolder(folder)
            write_text(new.config, yaml.safe_dump(config.to_config(), sort_keys=False, allow_unicode=True))
            write_json(new._tasks, [task.to_config() for task in tasks])
            write_json(new._inputs, inputs.to_config())
            write_json(new._preprocess, config.preprocess.to_config())
            guard_formulas(splits).to_csv(new._splits, index=False)
            write_json(new._environment, dict(environment))

    @classmethod
    def open(cls, path: "Path | str | RunFolder", *, trained: bool = True) -> "RunFolder":
        """Open an existing run.

        Args:
            path: The folder.
            trained: Whether the run must have a network.

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
                f"{run.path} has no trained network yet, since no epoch has been finished; resume its training first"
            )
        return run

    def read_config(self) -> dict[str, Any]:
        """Return the stored settings as plain values.

        Like all methods that read, it raises a RunError if the file is absent or damaged.
        """
        with reading(self.config):
            return _mapping(yaml.safe_load(self.config.read_text(encoding="utf-8")))

    def read_description(self) -> Description:
        """Return the description of the data that the run was trained on.

        Raises:
            DataError: The description does not fit the data any more, for example because a folder is gone.
        """
        content = self.read_config()
        with reading(self.config):
            data = content["data"]
        return make_description(data, base=Path(), where=str(self.config))

    def read_consistency(self) -> tuple[Rule, ...]:
        """Return the rules about the answers for one case; empty for a run without rules."""
        content = self.read_config()
        with reading(self.config):
            return _RULES.validate_python(content.get("consistency", ()))

    def read_tasks(self) -> list[Task[Any, Any]]:
        """Return the adapted tasks."""
        with reading(self._tasks):
            return _TASKS.validate_python(_read_json(self._tasks))

    def read_inputs(self) -> Inputs:
        """Return the inputs of the network, with the constants that turn columns into numbers."""
        with reading(self._inputs):
            return Inputs.model_validate(_read_json(self._inputs))

    def read_preprocess(self) -> Preprocess:
        """Return the fixed steps between the file and the network."""
        with reading(self._preprocess):
            return Preprocess.model_validate(_read_json(self._preprocess))

    def read_splits(self) -> pd.DataFrame:
        """Return a table of text with one row per case and the columns case, patient and split."""
        with reading(self._splits):
            table = unguard_formulas(pd.read_csv(self._splits, dtype=str, keep_default_na=False))
            return _with_columns(table, "case", "patient", "split")

    def read_environment(self) -> dict[str, Any]:
        """Return versions, seed, precision, the hash of the data, and labelled cases by task and split."""
        with reading(self._environment):
            content = _mapping(_read_json(self._environment))
            absent = [key for key in ("seed", "precision", "data_hash") if key not in content]
            if absent:
                raise ValueError(f"it has no {', '.join(absent)}")
            return content

    def read_history(self) -> pd.DataFrame:
        """Return a table with one row per epoch; empty before the end of the first."""
        if not self.history.is_file():
            return pd.DataFrame()
        with reading(self.history):
            return _with_columns(pd.read_csv(self.history), "epoch", "seconds")

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Write the history, one row per epoch."""
        with writing(self.history) as temporary:
            pd.DataFrame(rows).to_csv(temporary, index=False)


_TASKS: TypeAdapter[list[Task[Any, Any]]] = TypeAdapter(list[AnyTask])
_RULES: TypeAdapter[tuple[Rule, ...]] = TypeAdapter(tuple[Rule, ...])


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _mapping(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError(f"expected names and values, received {type(content).__name__}")
    return content


def _with_columns(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    absent = [name for name in names if name not in table]
    if absent:
        raise ValueError(f"the table has no column {', '.join(absent)}")
    return table


def describe_environment(**facts: Any) -> dict[str, Any]:
    """Return the given facts with the versions of Python and packages, the platform and the command."""
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
    """Return the commit that is checked out in `folder`; None outside a git repository."""
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
