"""The folder of the runs of all folds: one run for each fold, and the table of the cases and their folds."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from unet_mtl.data.tables import guard_formulas, unguard_formulas
from unet_mtl.errors import RunError
from unet_mtl.files import hash_file, remove_leftovers, write_json, writing_folder
from unet_mtl.locking import locked
from unet_mtl.runs.folder import FOLDS, RESUMABLE, RunFolder
from unet_mtl.runs.reading import reading, require_mapping, with_columns
from unet_mtl.wording import count_of, name_some

FORMAT = 1
"""The version of the files of this folder."""

COLUMNS = ("case", "patient", "fold")
"""The columns of folds.csv."""


class FoldsFolder:
    """The runs of all folds, in folders `fold1`, `fold2` and so on, which are ordinary run folders.

    The test split of the run in `fold1` is fold 1, and so on.

    Attributes:
        path: The folder.
        table: The table of the cases and their folds, folds.csv.
        facts: The data, the settings and the finished runs, folds.json.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.table = self.path / "folds.csv"
        self.facts = self.path / FOLDS
        self._lock = self.path / "training.lock"

    @staticmethod
    def is_one(path: "Path | str | RunFolder | FoldsFolder") -> bool:
        """Return whether a path looks like a folder of folds, complete or not."""
        folder = FoldsFolder(path.path if isinstance(path, RunFolder | FoldsFolder) else path)
        return folder.facts.is_file() or (
            folder.table.is_file() and not RunFolder(folder.path).config.is_file()
        )

    @classmethod
    def open(cls, path: "Path | str | FoldsFolder", *, trained: bool = True) -> "FoldsFolder":
        """Open an existing folder of folds.

        Args:
            path: The folder.
            trained: Whether the run of every fold must be finished; they are then checked against each other.

        Raises:
            RunError: It is not a folder of folds, or a run in it is missing, unfinished, damaged, or has other data,
                settings or test cases than those of its fold.
        """
        folds = path if isinstance(path, FoldsFolder) else cls(path)
        lacking = [file.name for file in (folds.table, folds.facts) if not file.is_file()]
        if lacking:
            why = f"it lacks {' and '.join(lacking)}" if folds.path.is_dir() else "no such folder"
            raise RunError(
                f"{folds.path} is not a folder of folds: {why}; give one that `unet-mtl train` made with `--folds` or "
                "`--fold-column`"
            )
        folds.read_folds()
        if trained:
            folds._require_runs()
        return folds

    @property
    def numbers(self) -> list[int]:
        """The numbers of the folds, in order."""
        return sorted(set(self.read_folds()["fold"]))

    @property
    def runs(self) -> list[RunFolder]:
        """The runs, in the order of the folds."""
        return [self.run(number) for number in self.numbers]

    def run(self, number: int) -> RunFolder:
        """Return the run that is tested on the fold of this number."""
        return RunFolder(self.path / f"fold{number}")

    def evaluation(self) -> Path:
        """Return the folder of the evaluation of all cases, each by the network that did not learn from its patient."""
        return self.path / "evaluation" / "out_of_fold"

    def digest(self) -> str:
        """Return a digest of the folds, the networks and all settings that the answers depend on."""
        digests = [hash_file(self.table), *(run.digest() for run in self.runs)]
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def create(self, table: pd.DataFrame, *, config: Mapping[str, Any], data_hash: str) -> None:
        """Write a new folder without runs, completely or not at all.

        Args:
            table: The columns case, patient and fold.
            config: The settings that all runs share.
            data_hash: The hash of the data.

        Raises:
            RunError: A file, or a folder with content, is in the way.
            WriteError: The operating system refused a write.
        """
        RunFolder(self.path).require_free()
        with writing_folder(self.path) as folder:
            new = FoldsFolder(folder)
            guard_formulas(table[list(COLUMNS)]).to_csv(new.table, index=False)
            facts = {
                "format": FORMAT,
                "data_hash": data_hash,
                "table": hash_file(new.table),
                "finished": {},
                "config": dict(config),
            }
            write_json(new.facts, facts)

    def require_same(self, table: pd.DataFrame, *, config: Mapping[str, Any], data_hash: str) -> None:
        """Check that the folder was started with these folds, settings and data, so that it can be continued.

        Raises:
            RunError: One of them differs.
        """
        facts = self._read_facts()
        if facts["data_hash"] != data_hash:
            raise RunError(
                f"{self.path} cannot be resumed: the data have changed since it was started (hash "
                f"{str(facts['data_hash'])[:12]}, now {data_hash[:12]}); restore them, or start a new folder"
            )
        differing = _differences(json.loads(json.dumps(dict(config))), facts["config"])
        if differing:
            raise RunError(
                f"{self.path} was started with other settings of {', '.join(differing)}; resume it with those in "
                f"{self.facts}, or start a new folder"
            )
        wanted = table[list(COLUMNS)].reset_index(drop=True)
        if not self.read_folds().equals(wanted.astype({"case": str, "patient": str, "fold": int})):
            raise RunError(f"{self.table} has other folds than these settings give; start a new folder")

    @contextmanager
    def training(self) -> Iterator[None]:
        """Reserve the folder for one training, and remove the temporary files of a killed one.

        Raises:
            RunError: Another training is writing into the folder.
        """
        with locked(self._lock):
            remove_leftovers(self.path, in_use=False)
            yield

    def read_folds(self) -> pd.DataFrame:
        """Return a table with one row for each case and the columns case, patient (text) and fold (whole numbers).

        Raises:
            RunError: The file is absent, damaged or changed, or a case is in no fold or in several.
        """
        expected = self._read_facts()["table"]
        with reading(self.table):
            text = self.table.read_text(encoding="utf-8")
            table = unguard_formulas(pd.read_csv(StringIO(text), dtype=str, keep_default_na=False))
            table = with_columns(table, *COLUMNS)
            repeated = table["case"][table["case"].duplicated()]
            if not repeated.empty:
                raise ValueError(f"case {repeated.iloc[0]!r} is in two rows; a case belongs in one fold")
            without = table["case"][table["fold"].str.strip() == ""]
            if not without.empty:
                raise ValueError(f"case {without.iloc[0]!r} is in no fold")
            table = table.astype({"fold": int})
            _require_undivided(table)
            if hash_file(self.table) != expected:
                raise ValueError(f"its checksum is not that in {self.facts.name}")
        return table

    def is_finished(self, run: RunFolder) -> bool:
        """Return whether the training of a run has ended."""
        return run.path.name in self._read_facts()["finished"]

    def mark_finished(self, run: RunFolder) -> None:
        """Record that the training of a run has ended, with the checksum of its network; once is enough."""
        facts = self._read_facts()
        if run.path.name in facts["finished"]:
            return
        finished = facts["finished"] | {run.path.name: hash_file(run.network)}
        write_json(self.facts, facts | {"finished": finished})

    def read_data_hash(self) -> str:
        """Return the hash of the data that the folds were made of."""
        return str(self._read_facts()["data_hash"])

    def _read_facts(self) -> dict[str, Any]:
        with reading(self.facts):
            content = require_mapping(json.loads(self.facts.read_text(encoding="utf-8")))
            if content.get("format") != FORMAT:
                raise ValueError(f"expected format {FORMAT}, received {content.get('format')}")
            lacking = [name for name in ("data_hash", "table", "finished", "config") if name not in content]
            if lacking:
                raise ValueError(f"it lacks {', '.join(lacking)}")
            require_mapping(content["finished"])
            require_mapping(content["config"])
        return content

    def _require_runs(self) -> None:
        """Check every run, and compare the runs with each other."""
        facts, table = self._read_facts(), self.read_folds()
        runs, numbers = self.runs, self.numbers
        unfinished = [
            number
            for number, run in zip(numbers, runs, strict=True)
            if run.path.name not in facts["finished"]
        ]
        if unfinished:
            raise RunError(
                f"{self.path}: the training of {name_folds(unfinished)} of {len(numbers)} has not ended; repeat the "
                "command of the training with `--resume`"
            )
        for number, run in zip(numbers, runs, strict=True):
            RunFolder.open(run)
            if hash_file(run.network) != facts["finished"][run.path.name]:
                raise RunError(
                    f"{run.network} is not the network that was trained for fold {number}; restore the file from a "
                    "copy, or train the folds again"
                )
            if run.read_environment().get("data_hash") != facts["data_hash"]:
                raise RunError(f"{run.path} was trained on other data than the other folds of {self.path}")
            differing = _differences(_shared(run), _shared(runs[0]))
            if differing:
                raise RunError(
                    f"{run.path} has other settings of {', '.join(differing)} than {runs[0].path}; restore its "
                    "config.yaml, or train the folds again"
                )
            _require_splits(run, table, number)


def _shared(run: RunFolder) -> dict[str, Any]:
    """Return the settings of a run without the number of its fold."""
    config = run.read_config()
    return config | {"split": {k: v for k, v in dict(config.get("split", {})).items() if k != "fold"}}


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys([*one, *other])
    return [name for name in names if name not in RESUMABLE and one.get(name) != other.get(name)]


def _require_undivided(table: pd.DataFrame) -> None:
    for patient, folds in table.groupby("patient")["fold"].unique().items():
        if len(folds) > 1:
            raise ValueError(f"patient {patient!r} is in folds {' and '.join(map(str, sorted(folds)))}")


def _require_splits(run: RunFolder, table: pd.DataFrame, number: int) -> None:
    """Check that the test split of a run is its fold, and that the network has not seen the patients in it."""
    splits = run.read_splits()
    is_test = splits["split"] == "test"
    tested, in_fold = set(splits["case"][is_test]), set(table["case"][table["fold"] == number])
    if tested != in_fold:
        raise RunError(
            f"{run.path}: its test split is not fold {number} of {run.path.parent / 'folds.csv'}; they differ in "
            f"{count_of(len(tested ^ in_fold), 'case')}: {name_some(sorted(tested ^ in_fold))}"
        )
    known = set(splits["patient"][~is_test])
    seen = sorted(set(table["patient"][table["fold"] == number]) & known)
    if seen:
        raise RunError(
            f"{run.path}: {count_of(len(seen), 'patient')} of fold {number} also in train or val: {name_some(seen)}; "
            "train the folds again"
        )


def name_folds(numbers: Sequence[int]) -> str:
    """Return the words for one fold or several.

    >>> name_folds([2]), name_folds([1, 2])
    ('fold 2', 'folds 1, 2')
    """
    return f"fold{'s' if len(numbers) > 1 else ''} {name_some(numbers)}"
