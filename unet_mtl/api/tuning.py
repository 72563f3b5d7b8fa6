"""The operating points of a run: thresholds, temperatures and clean-up, chosen on its validation cases."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unet_mtl.arguments import check_types
from unet_mtl.errors import ConfigError
from unet_mtl.runs import RunFolder

if TYPE_CHECKING:
    from unet_mtl.evaluation.tuning import Tuning


@check_types
def tune(
    run: RunFolder | Path | str,
    *,
    aim: str | Sequence[str] = "f1",
    clean_up: bool = False,
    split: str = "val",
    progress: bool = True,
) -> "Tuning":
    """Choose temperatures and thresholds on validation cases, and store them in the run.

    `evaluate`, `predict` and `overlay` apply them from then on. A call replaces the decisions of an earlier one.

    Args:
        run: A trained run.
        aim: What thresholds are chosen for: "f1" (of masks, the mean Dice), "youden", "sensitivity>=0.95",
            "specificity>=0.9" or "cost:FP,FN"; with "TASK=" or "TASK.PART=" before it for a single task, label or
            class. Several in a list; one without a task is for all others.
        clean_up: Whether masks are cleaned up in the way with the best mean Dice: the largest part, a least area, and
            filled holes.
        split: "val", the only split that decisions may be chosen on.
        progress: Whether to show a progress bar.

    Returns:
        What was chosen, with the scores of the validation cases before and after.

    Raises:
        ConfigError: An aim cannot be read or does not fit a task; or `split` is another one than "val".
        RunError: `run` is not a trained run.
        DataError: The data are unreadable, missing, or changed since the training.
    """
    from unet_mtl.evaluation.source import cases_to_measure
    from unet_mtl.evaluation.tuning import make_tuners, tune_cases
    from unet_mtl.inference.predictor import Predictor
    from unet_mtl.progress import case_bar

    if split != "val":
        why = {
            "test": "the scores of test would be optimistic then, and no case would be left to measure on",
            "train": "a network is too certain of the cases that it was trained on",
        }.get(split, "other cases are for training and for measuring")
        raise ConfigError(f"`split` is {split!r}; decisions are chosen on 'val' alone: {why}")
    run = RunFolder.open(run)
    tuners = make_tuners(run.read_tasks(), [aim] if isinstance(aim, str) else list(aim), clean_up=clean_up)
    _, dataset = cases_to_measure(run, "val", None)
    predictor = Predictor.load(run, tuned=False)
    tuning = tune_cases(
        predictor, dataset, tuners, lambda words, total: case_bar(words, total, shown=progress)
    )
    run.write_decisions(tuning.decisions)
    return tuning


@check_types
def untune(run: RunFolder | Path | str) -> bool:
    """Remove the decisions of `tune` from a run.

    Args:
        run: A trained run.

    Returns:
        Whether there were any.

    Raises:
        RunError: `run` is not a trained run.
    """
    return RunFolder.open(run).remove_decisions()
