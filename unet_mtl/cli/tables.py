"""Tables that commands print."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from unet_mtl.wording import count_of, escape_controls

if TYPE_CHECKING:
    import pandas as pd

    from unet_mtl.evaluation.summary import Evaluation
    from unet_mtl.evaluation.tuning import Tuning
    from unet_mtl.prepare.doctor.findings import Finding
    from unet_mtl.studies.ablation.comparison import Ablation


def new_table(title: str) -> Table:
    """Return an empty table in the style of all tables."""
    heading = plain_text(title)
    heading.stylize("bold")
    return Table(title=heading, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1))


def print_rows(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table of rows with equal keys; without rows, nothing."""
    if not rows:
        return
    table = new_table(title)
    columns = {name: [format_cell(row[name]) for row in rows] for name in rows[0]}
    for position, (name, cells) in enumerate(columns.items()):
        numbers = position > 0 and all(cell[:1] in "-0123456789" for cell in cells)
        table.add_column(
            plain_text(name), justify="right" if numbers else "left", no_wrap=position == 0, overflow="fold"
        )
    for cells_of_row in zip(*columns.values(), strict=True):
        table.add_row(*map(plain_text, cells_of_row))
    Console().print(table)


def plain_text(words: str) -> Text:
    """Return words as they are, since names of files and classes may look like the markup of rich."""
    return Text(escape_controls(words))


_COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def print_findings(findings: "Sequence[Finding]") -> None:
    """Print each finding with its number, its first case and its remedy.

    The messages of errors are not repeated, since `print_problems` prints them.
    """
    if not findings:
        return
    table = new_table("findings")
    table.add_column("", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("finding, first case and remedy", overflow="fold")
    for finding in findings:
        kind, n = finding.kind, len(finding.observations)
        lines = [Text.assemble((kind.title, "bold"), f" ({finding.name})")]
        if kind.severity != "error":
            lines.append(plain_text(finding.observations[0].text))
        where = finding.where()
        if where and not (n == 1 and where in lines[-1].plain):
            lines.append(plain_text(f"in {where}"))
        lines.append(Text(f"remedy: {kind.cure}", style="dim"))
        table.add_row(Text(kind.severity, style=_COLOURS[kind.severity]), f"{n:,}", Text("\n").join(lines))
    Console().print(table)


def print_scores(evaluation: "Evaluation", file: str = "summary.json") -> None:
    """Print one row for each headline score and task.

    Args:
        evaluation: The evaluation.
        file: The name of the file that contains all scores.
    """
    table = new_table(evaluation.title)
    tasks = ["task"] if evaluation.scores["task"].nunique() > 1 else []
    beside = ["untuned"] if "untuned" in evaluation.scores else []
    for column in (*tasks, "score", "value", "95 % interval", *beside, "median", "n", "notes"):
        is_text = column in ("task", "score", "notes")
        table.add_column(
            column, justify="left" if is_text else "right", no_wrap=column == "task", overflow="fold"
        )
    shown = evaluation.scores[evaluation.scores["headline"]]
    for row in shown.to_dict("records"):
        counts = {name: row[f"n_{name}"] for name in ("undefined", "missed", "hallucinated")}
        notes = ", ".join(f"{int(n)} {name}" for name, n in counts.items() if n > 0)
        if row["n_undefined"] and not row["n"]:
            notes = "undefined"
        interval = format_interval(row["low"], row["high"])
        value, median, n = (format_cell(row[column]) for column in ("value", "median", "n"))
        names = (plain_text(row[column]) for column in (*tasks, "label"))
        table.add_row(
            *names, value, interval, *(format_cell(row[column]) for column in beside), median, n, notes
        )
    console = Console()
    if not console.is_terminal:
        console.width = 120
    console.print(table)
    hidden = len(evaluation.scores) - len(shown)
    console.print(
        f"{count_of(hidden, 'more score')} in {file}; intervals are over patients",
        style="dim",
    )
    for line in evaluation.decisions:
        console.print(plain_text(line), style="dim")
    if not evaluation.contradictions.empty:
        console.print(_contradictions(evaluation.contradictions))


def print_tuning(tuning: "Tuning") -> None:
    """Print what was chosen, and the calibration before and after."""
    from unet_mtl.evaluation.tuning import describe_tuning

    rows = tuning.choices.astype(object).where(tuning.choices.notna(), "").to_dict("records")
    print_rows(
        "decisions", [{str(name).replace("_", " "): cell for name, cell in row.items()} for row in rows]
    )
    calibration = [
        {
            "task": row["task"],
            "score": row["score"].replace("_", " "),
            **{
                when: f"{format_cell(row[when])} ({format_interval(row[f'{when}_low'], row[f'{when}_high'])})"
                for when in ("before", "after")
            },
            "cases": row["n"],
            "patients": row["n_patients"],
        }
        for row in tuning.calibration.to_dict("records")
    ]
    print_rows("calibration, with 95 % intervals", calibration)
    Console().print(describe_tuning(tuning.decisions.n_cases), style="dim", highlight=False)


def _contradictions(counts: "pd.DataFrame") -> Table:
    """Return a table with two rows for each rule, one for predictions and one for labels."""
    table = new_table("contradictions")
    for column in ("rule", "of", "found", "share", "95 % interval", "which", "not checked"):
        is_number = column in ("found", "share", "95 % interval")
        table.add_column(
            column,
            justify="right" if is_number else "left",
            no_wrap=column in ("of", "found"),
            overflow="fold",
        )
    for (rule, of), rows in counts.groupby(["rule", "of"], sort=False):
        whole, kinds = rows.iloc[0], rows.iloc[1:]
        pairs = zip(kinds["n_contradictions"], kinds["contradiction"], strict=True)
        table.add_row(
            plain_text(str(rule)),
            str(of),
            f"{whole['n_contradictions']} of {whole['n_checked']}",
            format_cell(float(whole["share"])),
            format_interval(whole["low"], whole["high"]),
            plain_text(", ".join(f"{n} {kind}" for n, kind in pairs if n)),
            plain_text(whole["why_not_checked"]),
        )
    return table


def format_interval(low: float, high: float) -> str:
    """Return both ends of an interval; empty if they are undefined."""
    return "" if math.isnan(low) else f"{format_cell(float(low))} to {format_cell(float(high))}"


def print_ablation(ablation: "Ablation") -> None:
    """Print one row for each task and one for the cost, followed by notes on the comparison."""
    heads = ("task", "score", "multi", "single", "difference,\n95 % interval", "over seeds", "n", "verdict")
    rows = [_ablation_cells(row) for row in ablation.table.to_dict("records")]
    table = new_table(ablation.title)
    table.collapse_padding = True
    for head, *column in zip(heads, *rows, strict=True):
        names = head in ("task", "score")
        # In a narrow window only names are broken; rich would also break numbers and verdicts, or leave them out.
        widest = max(len(word) for cell in (head, *column) for word in cell.split())
        table.add_column(
            head,
            justify="left" if names or head == "verdict" else "right",
            min_width=None if names else widest,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console.width = 140
    console.print(table)
    for note in ablation.notes:
        console.print(note, style="dim", highlight=False, markup=False)


def _ablation_cells(row: Mapping[Any, Any]) -> tuple[str, ...]:
    return (
        row["task"],
        f"{row['score']}\n{'higher' if row['higher_is_better'] else 'lower'} is better",
        format_cell(row["multi"]),
        format_cell(row["single"]),
        f"{format_signed(row['difference'])}\n{_span(row['low'], row['high'])}".rstrip(),
        _span(row["seed_low"], row["seed_high"]).replace(" to", "\nto") if row["seeds"] > 1 else "",
        format_cell(row["n"]) if row["n"] else "",
        row["verdict"],
    )


def _span(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{format_signed(low)} to {format_signed(high)}"


def format_signed(value: float) -> str:
    """Return a number with its sign, as differences have it."""
    text = format_cell(value)
    return f"+{text}" if value > 0 else text


def format_cell(value: Any) -> str:
    """Return the text of a cell; empty for NaN."""
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return f"{value:z.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
