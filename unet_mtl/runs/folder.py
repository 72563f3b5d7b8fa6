"""The run folder. No other module has the names of the files in it, and everything that is read is validated."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import yaml
from pydantic import TypeAdapter

from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.config import Config
from unet_mtl.consistency import Rule, require_rules
from unet_mtl.data.description import Description, make_description
from unet_mtl.data.tables import guard_formulas
from unet_mtl.decisions.stored import Decisions
from unet_mtl.errors import RunError
from unet_mtl.files import hash_file, remove_leftovers, write_json, write_text, writing, writing_folder
from unet_mtl.locking import locked
from unet_mtl.runs.environment import FORMAT, Environment, installed_version
from unet_mtl.runs.reading import (
    CURE,
    parse_history,
    parse_splits,
    parse_tasks,
    reading,
    require_mapping,
)
from unet_mtl.tasks import Task, learned_tasks
from unet_mtl.wording import count_of

FOLDS = "folds.json"
"""The file by which a folder of the runs of all folds is told from that of one run."""

_Content = TypeVar("_Content")
_RULES: TypeAdapter[tuple[Rule, ...]] = TypeAdapter(tuple[Rule, ...])

RESUMABLE = ("delivery",)
"""Settings that may change when a run is resumed: they affect no result, and memory may be scarcer than before."""


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
        plan: The settings that repeat a training with a limit of time; absent for other trainings.
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
        self.plan = self.path / "plan.yaml"
        self.tensorboard = self.path / "tensorboard"
        self._tasks = self.path / "tasks.json"
        self._inputs = self.path / "inputs.json"
        self._preprocess = self.path / "preprocess.json"
        self._splits = self.path / "splits.csv"
        self._environment = self.path / "environment.json"
        self._decisions = self.path / "decisions.json"
        self._lock = self.path / "training.lock"

    def evaluation(self, split: str) -> Path:
        """Return the folder of the evaluation of a split."""
        return self.path / "evaluation" / split

    def digest(self) -> str:
        """Return a digest of the network and of all settings and constants that its answers depend on.

        It differs after further training and after an edit of a setting, so that an older evaluation can be told from
        one of the run as it is now.
        """
        digest = hashlib.sha256()
        for path in sorted(self.path.glob("*")):
            if path.is_file() and path.suffix in (".keras", ".json", ".yaml") and path != self.plan:
                digest.update(f"{path.name} {hash_file(path)}\n".encode())
        return digest.hexdigest()

    def require_free(self) -> None:
        """Check that a new run may be written.

        Raises:
            RunError: A file, or a folder with content, is in the way.
        """
        if self.path.exists() and not (self.path.is_dir() and not any(self.path.iterdir())):
            raise RunError(
                f"{self.path} exists already; give another folder as `run`, or continue that run with `resume`"
            )

    def require_settings(
        self, config: Mapping[str, Any], complete: Callable[[Path], Mapping[str, Any]] | None = None
    ) -> None:
        """Check that a run was started with these settings, apart from those in `RESUMABLE`, and can be continued.

        Args:
            config: All settings.
            complete: Reads the settings of a config file and adds the defaults of those that an earlier version did not
                have; None: files are complete.

        Raises:
            RunError: It was started with other settings, has lost its checkpoint, or is not a run folder.
        """
        stored: Mapping[str, Any] = RunFolder.open(self, trained=False).read_config()
        wanted = _as_yaml(config)

        def differences() -> list[str]:
            return [key for key in wanted if key not in RESUMABLE and wanted[key] != stored.get(key)]

        differing = differences()
        if differing and complete is not None:
            stored = _as_yaml(complete(self.config))
            differing = differences()
        if differing:
            raise RunError(
                f"{self.path} was started with other settings of {', '.join(differing)}; resume it with those in "
                f"{self.config}, or start a new run"
            )
        # The history is written before the checkpoint, so that a kill in the first epoch leaves one row alone.
        epochs = len(self.read_history())
        if epochs > 1 and not self.checkpoint.exists():
            raise RunError(
                f"{self.checkpoint} is missing, although {self.history.name} has "
                f"{count_of(epochs, 'epoch')}; put the file back, or start a new run"
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
            # Settings may be edited later, such as rules of consistency, but no constants of the training.
            fixed = (new._tasks, new._inputs, new._preprocess, new._splits)
            sums = {path.name: hash_file(path) for path in fixed}
            write_json(new._environment, {"format": FORMAT} | dict(environment) | {"sha256": sums})

    @classmethod
    def open(cls, path: "Path | str | RunFolder", *, trained: bool = True) -> "RunFolder":
        """Open an existing run.

        Args:
            path: The folder.
            trained: Whether the run must have a network.

        Raises:
            RunError: It is not a run folder, has another format, or training has not finished one epoch.
        """
        run = path if isinstance(path, RunFolder) else cls(path)
        needed = (run.config, run._tasks, run._inputs, run._preprocess, run._splits, run._environment)
        lacking = [file.name for file in needed if not file.is_file()]
        if not run.path.is_dir() or lacking:
            why = f"it lacks {', '.join(lacking)}" if run.path.is_dir() else "no such folder"
            if (run.path / FOLDS).is_file():
                first = min(run.path.glob("fold*/"), default=run.path / "fold1")
                raise RunError(
                    f"{run.path} is not a run folder: it has the runs of several folds; give one of them, such as "
                    f"{first}"
                )
            raise RunError(f"{run.path} is not a run folder: {why}; give one that `unet-mtl train` made")
        run.read_environment()  # says if it has another format
        if trained and not run.network.is_file():
            raise RunError(
                f"{run.path} has no trained network yet, since no epoch has been finished; resume its training first"
            )
        return run

    @contextmanager
    def training(self) -> Iterator[None]:
        """Reserve the run for one training, and remove the temporary files of a killed one.

        Raises:
            RunError: Another training is writing into the run.
        """
        with locked(self._lock):
            remove_leftovers(self.path, in_use=False)
            yield

    def read_config(self) -> dict[str, Any]:
        """Return the stored settings as plain values.

        Like all methods that read, it raises a RunError if the file is absent or damaged.
        """
        with reading(self.config):
            content = require_mapping(yaml.safe_load(self.config.read_text(encoding="utf-8")))
            lacking = [name for name in ("data", "tasks", "seed", "consistency") if name not in content]
            if lacking:  # as the end of a file that was cut
                raise ValueError(f"it lacks {', '.join(lacking)}")
        return content

    def read_description(self) -> Description:
        """Return the description of the data that the run was trained on."""
        content = self.read_config()
        with reading(self.config):
            return make_description(require_mapping(content["data"]), base=Path(), where=str(self.config))

    def read_consistency(self) -> tuple[Rule, ...]:
        """Return the rules about the answers for one case; empty for a run without rules."""
        content = self.read_config()
        with reading(self.config):
            rules = _RULES.validate_python(content.get("consistency", ()))
            if rules:
                require_rules(rules, self.read_tasks(), self.read_description())
        return rules

    def read_tasks(self) -> list[Task[Any, Any]]:
        """Return the adapted tasks."""
        return self._read_fixed(self._tasks, parse_tasks)

    def read_decisions(self) -> Decisions:
        """Return the thresholds, temperatures and clean-up that `tune` chose; none if it was not called.

        Raises:
            RunError: They were chosen for another network, such as that of an earlier epoch.
        """
        if not self._decisions.exists():
            return Decisions()
        with reading(self._decisions):
            decisions = Decisions.model_validate_json(self._decisions.read_text(encoding="utf-8"))
            decisions.apply(self.read_tasks())
        if decisions.network != hash_file(self.network):
            raise RunError(
                f"{self._decisions} was made for another network than {self.network.name}, since the training went on "
                "or the file was exchanged; run `unet-mtl tune` again, or remove the decisions with `unet-mtl tune "
                f"{self.path} --reset`"
            )
        return decisions

    def write_decisions(self, decisions: Decisions) -> Path:
        """Write decisions for the network as it is, in place of earlier ones, and return the path of the file."""
        stamped = decisions.model_copy(update={"network": hash_file(self.network)})
        write_json(self._decisions, stamped.to_config())
        return self._decisions

    def remove_decisions(self) -> bool:
        """Remove the decisions, and return whether there were any."""
        existed = self._decisions.exists()
        self._decisions.unlink(missing_ok=True)
        return existed

    def read_inputs(self) -> Inputs:
        """Return the inputs of the network, with the constants that turn columns into numbers."""
        return self._read_fixed(self._inputs, lambda text: Inputs.model_validate(json.loads(text)))

    def read_preprocess(self) -> Preprocess:
        """Return the fixed steps between the file and the network."""
        return self._read_fixed(self._preprocess, lambda text: Preprocess.model_validate(json.loads(text)))

    def read_splits(self) -> pd.DataFrame:
        """Return a table of text with one row per case and the columns case, patient and split."""
        return self._read_fixed(self._splits, parse_splits)

    def _read_fixed(self, path: Path, parse: Callable[[str], _Content]) -> _Content:
        """Read a file that never changes after the start of the training."""
        with reading(path):
            content = parse(path.read_text(encoding="utf-8"))
            expected = self.read_environment().get("sha256", {}).get(path.name)
            if expected not in (None, hash_file(path)):
                raise ValueError(f"its checksum is not that in {self._environment.name}")
        return content

    def read_environment(self) -> dict[str, Any]:
        """Return versions, seed, precision, the hash of the data, and labelled cases by task and split."""
        with reading(self._environment):
            content = require_mapping(json.loads(self._environment.read_text(encoding="utf-8")))
            found = content.get("format", FORMAT)
            if found != FORMAT:
                writer = require_mapping(content.get("packages", {})).get(
                    "unet-mtl", "of the version that wrote it"
                )
                raise RunError(
                    f"{self._environment}: the run has format {found}, and unet-mtl {installed_version('unet-mtl')} "
                    f"reads format {FORMAT}; install unet-mtl {writer}, or train again"
                )
            Environment.model_validate(content)
        return content

    def require_outputs(self, found: Mapping[str, Sequence[int]]) -> None:
        """Check that a network has the outputs that the tasks of the run expect.

        Args:
            found: The shape of each output for one case, by its name.

        Raises:
            RunError: It has others, so that network and tasks belong to different runs.
        """
        shapes: dict[str, Any] = {name: list(shape) for name, shape in found.items()}
        stored = self.read_environment().get("outputs", {})  # runs of unet-mtl 0.1 have none
        expected = {
            t.name: stored.get(t.name, shapes.get(t.name, "any")) for t in learned_tasks(self.read_tasks())
        }
        if shapes != expected:
            raise RunError(
                f"{self.network} belongs to another run, since its outputs are {shapes} and those of this run are "
                f"{expected}; {CURE}"
            )

    def read_history(self) -> pd.DataFrame:
        """Return a table with one row per epoch; empty before the end of the first."""
        if not self.history.is_file():
            return pd.DataFrame()
        with reading(self.history):
            return parse_history(self.history.read_text(encoding="utf-8"))

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Write the history, one row per epoch."""
        with writing(self.history) as temporary:
            pd.DataFrame(rows).to_csv(temporary, index=False)


def _as_yaml(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the types that a YAML file gives them, such as lists for tuples."""
    values: dict[str, Any] = yaml.safe_load(yaml.safe_dump(dict(settings)))
    return values
