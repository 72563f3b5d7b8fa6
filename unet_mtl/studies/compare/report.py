"""The result of a comparison: tables, the sentences that may be written about them, and files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from unet_mtl.data.tables import guard_formulas
from unet_mtl.evaluation.summary import LEVEL, plain_rows
from unet_mtl.files import write_json, writing
from unet_mtl.studies.compare.entrants import Entrant
from unet_mtl.wording import count_of


@dataclass(frozen=True)
class RunComparison:
    """A paired comparison of runs on the same cases.

    Attributes:
        table: The rows that `tabulate_differences` returns.
        largest: The cases with the largest differences, in the form that `list_largest` returns.
        sentences: For each task and run, a sentence that may be written about the result.
        notes: How the comparison was made, and what may be wrong with it.
        title: What was compared.
        folder: Folder that the comparison was written to; None if it was not written.
    """

    table: pd.DataFrame
    largest: pd.DataFrame
    sentences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    title: str = ""
    folder: Path | None = field(default=None)

    def __str__(self) -> str:
        columns = self.table.drop(columns=["higher_is_better", "p_value"])
        text = columns.to_string(index=False, float_format="%.3f", na_rep="")
        return "\n\n".join([text, *self.sentences, *self.notes])


def write_sentences(
    table: pd.DataFrame, entrants: Sequence[Entrant], tasks: Sequence[str], cases: str
) -> list[str]:
    """Return a sentence for each entrant but the first and each task.

    Args:
        table: The table of `tabulate_differences`.
        entrants: What was compared.
        tasks: The names of the tasks.
        cases: What the cases are, such as "test".
    """
    sentences = []
    for other in entrants[1:]:
        for name in tasks:
            score = entrants[0].tasks[name].comparison_score[0]
            rows = table[(table["run"] == other.name) & (table["task"] == name) & (table["score"] == score)]
            if not rows.empty:
                sentences.append(
                    _write_sentence(rows.to_dict("records")[0], f"{cases} " if cases else "", len(table))
                )
    return sentences


def _write_sentence(row: Mapping[Any, Any], cases: str, n_tests: int) -> str:
    where = (
        f"{row['task']}: on {count_of(int(row['n']), f'{cases}case')} of "
        f"{count_of(int(row['n_patients']), 'patient')}"
    )
    if row["verdict"] == "not measured":
        return f"{row['task']}: no case allows a comparison of {row['run']} with {row['reference']}."
    figures = (
        f"{row['value']:.3f} against {row['value_reference']:.3f}, difference {row['difference']:+.3f}, "
        f"{LEVEL:.0%} interval {row['low']:+.3f} to {row['high']:+.3f}, p {_format_p(row['p_holm'])} after Holm's "
        f"correction for {count_of(n_tests, 'comparison')}"
    )
    counts = (
        f"better in {row['n_better']}, equal in {row['n_equal']} and worse in {row['n_worse']} of these cases"
    )
    if row["verdict"] == "no difference shown":
        reason = "the interval, which is not corrected, contains the differences that are compatible with these cases"
        return (
            f"{where}, no difference in the mean {row['score']} of {row['run']} and {row['reference']} was shown "
            f"({figures}; {counts}), which does not mean that they are equal: {reason}."
        )
    return (
        f"{where}, the mean {row['score']} of {row['run']} was {row['verdict']} than that of {row['reference']} "
        f"({figures}; {counts})."
    )


def _format_p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


SEEDS = (
    "each run is a single training: another seed may change a score by as much as such a difference, so that the "
    "sentences are about these networks, and not about the methods or settings by which they were trained; use "
    "`ablate`, or several seeds of each, for those"
)
INTERVALS = (
    f"intervals are over patients, and are not corrected for the number of comparisons; a verdict needs an interval "
    f"without 0 and p < {1 - LEVEL:.2f} after Holm's correction"
)


def write_comparison(folder: Path, comparison: RunComparison) -> RunComparison:
    """Write comparison.csv, differing_cases.csv and comparison.json, completely or not at all.

    Args:
        folder: The folder, which is created if it is absent; older files of these names are replaced.
        comparison: The comparison.

    Returns:
        The comparison with its folder.

    Raises:
        WriteError: The system refused to write a file.
    """
    content = {
        "title": comparison.title,
        "sentences": list(comparison.sentences),
        "notes": list(comparison.notes),
        "rows": plain_rows(comparison.table),
        "largest_differences": plain_rows(comparison.largest),
    }
    with (
        writing(folder / "comparison.csv") as table,
        writing(folder / "differing_cases.csv") as largest,
    ):
        guard_formulas(comparison.table).to_csv(table, index=False)
        guard_formulas(comparison.largest).to_csv(largest, index=False)
        write_json(folder / "comparison.json", content)
    return replace(comparison, folder=folder)
