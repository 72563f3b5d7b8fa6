"""unet-mtl split."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from unet_mtl.data.description import Description
    from unet_mtl.data.readers.intensity import Intensity
    from unet_mtl.data.splits import SplitSettings


def split(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|CONFIG", help="Folder with dataset.yaml, or a config.yaml.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.csv", help="The table to write.", show_default=False)
    ],
    folds: Annotated[
        int | None,
        typer.Option(help="Number of folds: one is test, the next val.", show_default=False),
    ] = None,
    fold: Annotated[
        int | None, typer.Option(help="Number of the fold that is test.", show_default="1")
    ] = None,
    train: Annotated[
        float | None,
        typer.Option(help="Share of the cases; of three shares one may be left out.", show_default="0.6"),
    ] = None,
    val: Annotated[float | None, typer.Option(help="Share of the cases.", show_default="0.2")] = None,
    test: Annotated[float | None, typer.Option(help="Share of the cases.", show_default="0.2")] = None,
    stratify: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN|mask:TARGET",
            help="What each split gets in equal proportions; may be given several times.",
            show_default="first column with classes",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the random assignment.", show_default="7")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.csv.")] = False,
) -> None:
    """Assign cases to train, val and test, keep patients together, and save the table. Without TensorFlow."""
    from unet_mtl.cli.problems import print_problems
    from unet_mtl.cli.tables import print_rows
    from unet_mtl.prepare.split import require_free, split_cases
    from unet_mtl.wording import count_of, escape_controls

    require_free(out, overwrite=overwrite)
    description, settings, intensity = _read(source)
    result = split_cases(
        description,
        settings,
        intensity=intensity,
        folds=folds,
        fold=fold,
        train=train,
        val=val,
        test=test,
        stratify=stratify or None,
        seed=seed,
    )
    if result.duplicates:
        n_cases = len({case for group in result.duplicates for case in group.cases})
        groups = count_of(len(result.duplicates), "group")
        typer.echo(
            f"{count_of(n_cases, 'case')} with identical or nearly identical images stay together, in {groups}"
        )
    print_rows("folds", result.count(result.folds))
    print_rows("splits", result.count(result.parts))
    for line in result.warnings:
        typer.secho(escape_controls(f"WARNING: {line}"), err=True, fg="yellow", bold=True)
    if result.problems:
        print_problems(result.problems)
        raise typer.Exit(1)
    result.write(out)
    typer.echo(f"{count_of(len(result.table), 'case')} in {out}; to train on it, set in config.yaml")
    typer.echo(f"split: {{table: {_for_config(out, description.root)}}}")


def _read(source: Path) -> "tuple[Description, SplitSettings, Intensity]":
    from unet_mtl.data.description import DESCRIPTION_FILE, read_description
    from unet_mtl.data.splits import SplitSettings

    if source.name == DESCRIPTION_FILE or source.is_dir():
        return read_description(source if source.is_dir() else source.parent), SplitSettings(), "auto"
    from unet_mtl.config import load_config

    config = load_config(source)
    return config.data, config.split, config.preprocess.intensity


def _for_config(out: Path, root: Path) -> str:
    """Return the path as `split.table` takes it: relative to the root of the data if it lies below it."""
    path = out.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
