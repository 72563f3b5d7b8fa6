"""unet-mtl check --fix: its options, and what it says in the end."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from unet_mtl.prepare.repair.repaired_copy import Repaired

FixOption = Annotated[
    Path | None,
    typer.Option(
        "--fix", metavar="OUT", help="Write a repaired copy into this new folder.", show_default=False
    ),
]
MendOption = Annotated[
    list[str] | None,
    typer.Option(
        "--mend",
        metavar="KIND",
        help="With --fix: also mend mask-inverted or image-inverted; may be given twice.",
        show_default=False,
    ),
]
LeaveOutOption = Annotated[
    bool, typer.Option("--leave-out", help="With --fix: leave out cases with errors that cannot be mended.")
]


def print_repaired(repaired: "Repaired", asked: Collection[str]) -> None:
    """Prints what was mended, what was left out, and what is still found in the copy."""
    from unet_mtl.cli.tables import print_rows
    from unet_mtl.prepare.repair.repaired_copy import LOG_FILE

    print_rows("repairs", repaired.summary())
    done = {repair.kind for repair in repaired.repairs}
    for kind in (kind for kind in asked if kind not in done):
        typer.echo(f"note: nothing that could be mended was found of {kind}")
    left = [
        {
            "": finding.kind.severity,
            "left in the copy": finding.name,
            "n": len(finding.observations),
            "in": finding.where(),
        }
        for finding in repaired.left
        if finding.kind.severity != "note"
    ]
    print_rows("not mended", left)
    for finding in repaired.left:
        if finding.kind.repair == "on request" and finding.name not in asked:
            typer.echo(f"{finding.name} is mended on request, once you looked at it: --mend {finding.name}")
    n = len(repaired.repairs)
    changes = f"{n:,} change{'s' * (n != 1)}, each in {LOG_FILE}" if n else "nothing had to be mended"
    typer.echo(f"{repaired.cases:,} cases in {repaired.folder}; {changes}; the original is as it was")
