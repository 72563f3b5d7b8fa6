"""The options of `unet-mtl check --fix`, and its output."""

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
        help="With --fix: also repair mask-inverted, image-inverted or patient-spelling. May be repeated.",
        show_default=False,
    ),
]
LeaveOutOption = Annotated[
    bool, typer.Option("--leave-out", help="With --fix: leave out cases with errors that cannot be repaired.")
]


def print_repaired(repaired: "Repaired", requested: Collection[str]) -> None:
    """Print the repairs, the cases that were left out, and the findings that are left in the copy.

    Args:
        repaired: The repaired copy.
        requested: The kinds of findings that were given with --mend.
    """
    from unet_mtl.cli.tables import print_rows
    from unet_mtl.prepare.doctor.unused import LOG_FILE
    from unet_mtl.wording import count_of

    print_rows("repairs", repaired.summary())
    done = {repair.kind for repair in repaired.repairs}
    for kind in (kind for kind in requested if kind not in done):
        typer.echo(f"note: --mend {kind} changed nothing")
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
    print_rows("not repaired", left)
    for finding in repaired.left:
        if finding.kind.repair == "on request" and finding.name not in requested:
            typer.echo(f"{finding.name} is repaired on request, after you have looked: --mend {finding.name}")
    n = len(repaired.repairs)
    changes = f"{count_of(n, 'change')}, listed in {LOG_FILE}" if n else "nothing had to be repaired"
    cases = count_of(repaired.cases, "case")
    typer.echo(f"{cases} in {repaired.folder}; {changes}; the original is unchanged")
