"""The command `unet-mtl check`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from unet_mtl.cli.options import OverridesArgument
from unet_mtl.cli.repaired import FixOption, LeaveOutOption, MendOption


def check(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|CONFIG", help="Folder with dataset.yaml, or a config.yaml.", show_default=False
        ),
    ],
    overrides: OverridesArgument = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also write an HTML page with numbers and pictures, which opens offline."
        ),
    ] = None,
    fix: FixOption = None,
    mend: MendOption = None,
    leave_out: LeaveOutOption = False,
) -> None:
    """Open every file of a data set, and report its contents and problems. Does not need TensorFlow."""
    from unet_mtl import api
    from unet_mtl.cli.problems import print_problems
    from unet_mtl.cli.repaired import print_repaired
    from unet_mtl.cli.tables import print_findings, print_rows
    from unet_mtl.data.description import DESCRIPTION_FILE
    from unet_mtl.files import folder_instead
    from unet_mtl.wording import count_of

    if source.name == DESCRIPTION_FILE:
        source = source.parent
    if source.is_dir() and overrides:
        raise typer.BadParameter(
            "settings belong to a config, but this is a folder; give its config.yaml instead",
            param_hint="overrides",
        )
    if fix is None and (mend or leave_out):
        raise typer.BadParameter("needs --fix OUT", param_hint="--mend" if mend else "--leave-out")
    if html is not None and html.is_dir():
        raise typer.BadParameter(folder_instead(html), param_hint="--html")
    data: Any = source
    tasks: Sequence[Any] = ()
    others: tuple[Any, Any] = (None, None)
    augment: Any = "none"
    if not source.is_dir():
        from unet_mtl.config import load_config

        settings = load_config(source, overrides or [])
        data, tasks, others = settings.data, settings.tasks, (settings.split, settings.preprocess)
        augment = settings.augment
    if fix:
        repaired = api.repair(data, fix, tasks, others[0], mend or (), others[1], leave_out=leave_out)
        checked = repaired.before
    else:
        checked = api.check(data, tasks, *others, augment)
    if html is not None:
        from unet_mtl.prepare.doctor.page import write_page

        typer.echo(f"wrote {write_page(checked, html)}", err=True)
    for title, rows in checked.tables().items():
        print_rows(title, rows)
    print_findings(checked.findings)
    if fix:
        print_repaired(repaired, mend or ())
        return
    print_problems(checked.problems)
    if checked.problems:
        typer.echo(f"{count_of(len(checked.problems), 'problem')}; training would not start", err=True)
        raise typer.Exit(1)
    warnings = sum(finding.kind.severity == "warning" for finding in checked.findings)
    if warnings:
        typer.echo(f"no errors found; {count_of(warnings, 'warning')} to look at")
    else:
        typer.echo("no errors or warnings found")
