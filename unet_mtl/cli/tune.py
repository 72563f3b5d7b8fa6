"""unet-mtl tune."""

from typing import Annotated

import typer

from unet_mtl.cli.options import RunArgument


def tune(
    run: RunArgument,
    aim: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[TASK[.PART]=]AIM",
            help="f1 (of masks: Dice), youden, 'sensitivity>=0.95', 'specificity>=0.9' or cost:FP,FN; for all tasks, "
            "one task, or a label or class of it. May be repeated.",
            show_default="f1",
        ),
    ] = None,
    clean_up: Annotated[
        bool,
        typer.Option(
            "--clean-up", help="Choose a clean-up of masks too: the largest part, a least area, filled holes."
        ),
    ] = False,
    split: Annotated[str, typer.Option(help="Only val: decisions are never chosen on test.")] = "val",
    reset: Annotated[
        bool, typer.Option("--reset", help="Remove the decisions from the run instead.")
    ] = False,
) -> None:
    """Choose temperatures, thresholds and clean-up on validation cases, and store them in the run."""
    from unet_mtl import api
    from unet_mtl.cli.problems import print_note

    if reset:
        removed = api.untune(run)
        typer.echo(f"{run}: decisions removed" if removed else f"{run}: there were no decisions")
        return
    from unet_mtl.cli.quiet import import_quietly
    from unet_mtl.cli.tables import print_tuning

    import_quietly()
    tuning = api.tune(run, aim=aim or "f1", clean_up=clean_up, split=split)
    print_tuning(tuning)
    for note in tuning.notes:
        print_note(note)
    typer.echo(f"stored in {run}; evaluate, predict and overlay apply it, and --reset removes it")
