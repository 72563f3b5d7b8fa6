"""The table of the scores of all folds that `evaluate` prints."""

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from unet_mtl.wording import escape_controls

if TYPE_CHECKING:
    from unet_mtl.studies.folds.evaluation import FoldsEvaluation


def print_folds(evaluation: "FoldsEvaluation") -> None:
    """Print one row for each headline score: pooled, mean over folds, and the value of each fold."""
    from unet_mtl.studies.folds.spread import arrange_by_fold

    rows = arrange_by_fold(evaluation, evaluation.by_fold)
    table = Table(title="by fold", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for position, name in enumerate(rows[0] if rows else ()):
        # In a narrow window only the values of single folds are broken.
        table.add_column(name, justify="right" if position else "left", no_wrap=position < 3)
    for row in rows:
        table.add_row(*(Text(escape_controls(cell)) for cell in row.values()))
    console = Console()
    if not console.is_terminal:
        console.width = 140
    console.print(table)
    console.print(
        "pooled: over the cases of all folds; a pooled AUROC also compares probabilities of different networks",
        style="dim",
    )
