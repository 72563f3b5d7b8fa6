"""Comparison of runs with each other and with masks of another program, and the list of the runs in a folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unet_mtl.api.evaluation import evaluate
from unet_mtl.arguments import check_types
from unet_mtl.errors import ConfigError
from unet_mtl.files import require_folder, writing
from unet_mtl.progress import case_bar, say
from unet_mtl.runs import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from unet_mtl.studies.compare.entrants import Entrant
    from unet_mtl.studies.compare.report import RunComparison


@check_types
def compare(
    runs: Sequence[Path | str],
    *,
    split: str = "test",
    out: Path | str | None = None,
    masks: Path | str | None = None,
    name: str = "other masks",
    task: str | None = None,
    prediction_names: str = "{case}",
    values: Mapping[int, int] | None = None,
    progress: bool = True,
) -> "RunComparison":
    """Compare runs with the first one, or one run with masks of another program, on the same cases.

    Evaluations that belong to the runs as they are now are read, without TensorFlow, and others are made.

    Args:
        runs: Two or more trained runs, the first of which is the reference; or one, with `masks`.
        split: "test", "train", "val", or "all".
        out: Folder for comparison.csv, differing_cases.csv and comparison.json; None: nothing is written.
        masks: Folder of masks of another program, which are compared with those of each run.
        name: The name of that program in tables.
        task: The task that these masks belong to; None for the only one of kind segmentation.
        prediction_names: The pattern of their names without suffix, with `{case}` for the name of the case.
        values: Class index by number in these masks; None: numbers are class indices, and 255 is the foreground in
            masks of only 0 and 255.
        progress: Whether to show progress bars.

    Returns:
        Paired differences with intervals and corrected p-values, wins and losses by case, the cases that differ most,
        and sentences that may be written about them.

    Raises:
        RunError: One of `runs` is not a trained run.
        ConfigError: There is nothing to compare with.
        DataError: The runs were measured on other cases or labels; the message has every difference.
        WriteError: The system refused to write a file.
    """
    from unet_mtl.evaluation.source import cases_to_measure
    from unet_mtl.studies.compare.differences import list_largest, tabulate_differences
    from unet_mtl.studies.compare.entrants import require_same_cases
    from unet_mtl.studies.compare.masks import OtherMasks, choose_mask_task, score_other_masks
    from unet_mtl.studies.compare.report import (
        INTERVALS,
        SEEDS,
        RunComparison,
        write_comparison,
        write_sentences,
    )

    if len(runs) + (masks is not None) < 2:
        raise ConfigError("`runs` has one run, and nothing to compare it with; give another run, or `masks`")
    if out is not None:
        require_folder(Path(out), "comparison.csv")
    folders = [RunFolder.open(run) for run in runs]
    names = [folder.path.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder.path) for folder in folders]
    notes: list[str] = []
    other = None
    if masks is not None:
        chosen = choose_mask_task(folders[0].read_tasks(), task)
        _, dataset = cases_to_measure(folders[0], split, None)
        with case_bar("measuring masks", len(dataset), shown=progress) as advance:
            other, notes = score_other_masks(
                OtherMasks(Path(masks), name, prediction_names, values), chosen, dataset, on_case=advance
            )
    entrants = [
        _measure(folder, label, split, progress=progress)
        for folder, label in zip(folders, names, strict=True)
    ]
    if other is not None:
        entrants.insert(1, other)
    shared = require_same_cases(entrants)
    n = len(shared) * (len(entrants) - 1)
    with case_bar("comparing", n, shown=progress) as advance:
        table = tabulate_differences(entrants, shared, on_task=advance)
    left_out = sorted({task for entrant in entrants for task in entrant.tasks} - set(shared))
    notes += [f"not compared, since not all have the task: {', '.join(left_out)}"] if left_out else []
    notes += (
        ["the cases include those of training, which the networks have seen"]
        if split in ("all", "train")
        else []
    )
    comparison = RunComparison(
        table,
        list_largest(entrants, shared),
        tuple(write_sentences(table, entrants, shared, "" if split == "all" else split)),
        (*notes, INTERVALS, SEEDS),
        f"{', '.join(e.name for e in entrants[1:])} compared with {entrants[0].name}, split {split}",
    )
    return comparison if out is None else write_comparison(Path(out), comparison)


def lacks_evaluation(run: Path | str, split: str) -> bool:
    """Return whether `compare` must evaluate a run first.

    Args:
        run: A trained run.
        split: Name of the split.

    Raises:
        RunError: It is not a trained run.
    """
    from unet_mtl.evaluation.stored import read_records

    folder = RunFolder.open(run)
    return read_records(folder.evaluation(split), folder.digest()) is None


def _measure(run: RunFolder, name: str, split: str, *, progress: bool) -> "Entrant":
    """Return the records of a run, from its evaluation if there is one of the run as it is now."""
    from unet_mtl.evaluation.case_records import CaseRecords
    from unet_mtl.evaluation.stored import read_records
    from unet_mtl.studies.compare.entrants import Entrant

    tasks = {task.name: task for task in run.read_tasks()}
    stored = read_records(run.evaluation(split), run.digest())
    if stored is not None:
        return Entrant(name, tasks, stored.records, stored.patients)
    say(f"{run.path} has no evaluation of {split} that `compare` can read; it is made now", shown=progress)
    evaluation = evaluate(run, split=split, progress=progress)
    cases = evaluation.cases
    patients = dict(zip(cases["case"].astype(str), cases["patient"].astype(str), strict=True))
    return Entrant(name, tasks, evaluation.records or CaseRecords(), patients)


@check_types
def list_runs(
    folder: Path | str, *, sort: str | None = None, csv: Path | str | None = None
) -> "pd.DataFrame":
    """List the runs in a folder and below it, without TensorFlow.

    Args:
        folder: The folder.
        sort: The column by which runs are sorted, the best scores first; None: by their paths.
        csv: File for the table; None: it is not written.

    Returns:
        One row for each run: data, minutes, epochs, settings that differ between the runs, scores on validation of the
        kept epoch, and on test if it was evaluated. A run that cannot be read has the reason as `problem`.

    Raises:
        RunError: There is no run in the folder.
        ConfigError: There is no column `sort`.
        WriteError: The system refused to write the file.
    """
    from unet_mtl.data.tables import guard_formulas
    from unet_mtl.studies import leaderboard

    table = leaderboard.list_runs(Path(folder))
    if sort is not None:
        table = leaderboard.sort_runs(table, sort)
    if csv is not None:
        with writing(Path(csv)) as temporary:
            guard_formulas(table).to_csv(temporary, index=False)
    return table
