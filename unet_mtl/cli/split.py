"""unet-mtl split."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

    from unet_mtl.data.description import Description
    from unet_mtl.data.readers.intensity import Intensity
    from unet_mtl.data.records import Dataset
    from unet_mtl.data.splits import Linked, SplitSettings


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
        typer.Option(help="Deal into this many folds: one is test, the next val.", show_default=False),
    ] = None,
    fold: Annotated[
        int | None, typer.Option(help="Number of the fold that is test.", show_default="1")
    ] = None,
    train: Annotated[
        float | None,
        typer.Option(help="Share of the cases; of three shares one may be left out.", show_default="0.6"),
    ] = None,
    val: Annotated[float | None, typer.Option(help="As --train.", show_default="0.2")] = None,
    test: Annotated[float | None, typer.Option(help="As --train.", show_default="0.2")] = None,
    stratify: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN|mask:TARGET",
            help="What each part gets in like shares; may be given several times.",
            show_default="first column with classes",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the shuffle.", show_default="7")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.csv.")] = False,
) -> None:
    """Deal cases to train, val and test, patients kept whole, and save the table. Without TensorFlow."""
    from unet_mtl.cli.problems import print_problems
    from unet_mtl.cli.tables import print_rows
    from unet_mtl.data.observations import texts
    from unet_mtl.data.records import read_dataset
    from unet_mtl.data.split_files import write_split
    from unet_mtl.data.splits import deal_table, parts_of, split_problems, split_warnings
    from unet_mtl.data.strata import choose_columns, read_strata
    from unet_mtl.errors import WriteError

    if out.exists() and not overwrite:
        raise WriteError(f"{out} exists already; a fixed split is not replaced unless you say --overwrite")
    description, settings, intensity = _read(source)
    shares = {"train": train, "val": val, "test": test}
    _refuse_both(folds, shares)
    given = {"folds": folds, "fold": fold, "stratify": stratify or None, "seed": seed} | _third(shares)
    settings = _change(settings, {name: value for name, value in given.items() if value is not None})
    dataset = read_dataset(description)
    linked = _linked(dataset, settings, intensity)
    table = deal_table(dataset, settings, linked)
    parts = parts_of(dataset, table)
    strata = read_strata(dataset, choose_columns(dataset, settings.stratify))
    if "fold" in table:
        print_rows("folds", _count(_by_fold(dataset, table), dataset, strata))
    print_rows("splits", _count(parts, dataset, strata))
    for line in split_warnings(parts):
        typer.secho(f"WARNING: {line}", err=True, fg="yellow", bold=True)
    problems = split_problems(parts, settings)
    if problems:
        print_problems(texts(problems))
        raise typer.Exit(1)
    write_split(out, table, dataset, settings.to_config())
    typer.echo(f"{len(table)} cases in {out}; to train on it, set in config.yaml")
    typer.echo(f"split: {{table: {_as_named(out, description.root)}}}")


def _read(source: Path) -> "tuple[Description, SplitSettings, Intensity]":
    from unet_mtl.data.description import DESCRIPTION_FILE, read_description
    from unet_mtl.data.splits import SplitSettings

    if source.name == DESCRIPTION_FILE or source.is_dir():
        return read_description(source if source.is_dir() else source.parent), SplitSettings(), "auto"
    from unet_mtl.config import load_config

    config = load_config(source)
    return config.data, config.split, config.preprocess.intensity


def _linked(dataset: "Dataset", settings: "SplitSettings", intensity: "Intensity") -> "Linked":
    """Opens all images, as near-duplicates have no other sign."""
    from unet_mtl.data.duplicates import find_duplicates
    from unet_mtl.data.inspection import inspect_dataset
    from unet_mtl.data.splits import keeps_copies_together
    from unet_mtl.progress import case_bar

    if not keeps_copies_together(dataset, settings):
        return []
    with case_bar("looking for copies", len(dataset), shown=True) as advance:
        inspection = inspect_dataset(dataset, intensity=intensity, on_case=advance)
    groups = find_duplicates(inspection.prints)
    if groups:
        n = len({case for group in groups for case in group.cases})
        typer.echo(
            f"{n} cases with images that are the same, or nearly, stay together, in {len(groups)} groups"
        )
    return [group.cases for group in groups]


def _third(shares: Mapping[str, float | None]) -> dict[str, float | None]:
    """Fills in the one share that was left out.

    Raises:
        ConfigError: The other two leave too little for it.
    """
    from unet_mtl.errors import ConfigError

    absent = [name for name, share in shares.items() if share is None]
    if len(absent) != 1:
        return dict(shares)
    given = {name: share for name, share in shares.items() if share is not None}
    total = round(sum(given.values()), 9)
    sum_of = " + ".join(f"--{name} {share:g}" for name, share in given.items())
    if total > 1:
        raise ConfigError(
            f"{sum_of} is {total:g}: the shares of train, val and test add up to 1, and not to more"
        )
    if total == 1 and absent[0] != "test":
        raise ConfigError(f"{sum_of} is 1, which leaves nothing for {absent[0]}: give less to the others")
    return dict(shares) | {absent[0]: round(1 - total, 9)}


def _refuse_both(folds: int | None, shares: Mapping[str, float | None]) -> None:
    from unet_mtl.errors import ConfigError

    given = [f"--{name}" for name, share in shares.items() if share is not None]
    if folds is not None and given:
        raise ConfigError(
            f"--folds and {', '.join(given)} contradict each other: of folds, which are alike in size, one is test, "
            "the next val and the others train; leave one of them out"
        )


def _change(settings: "SplitSettings", given: Mapping[str, Any]) -> "SplitSettings":
    """A saved table is never dealt from; nor, if anything is asked for here, is the data's own column."""
    from pydantic import ValidationError

    from unet_mtl.errors import ConfigError
    from unet_mtl.settings import describe_problems

    if settings.table is not None:
        settings = settings.model_copy(update={"table": None, "fold": None})
    if not given:
        return settings
    anew = {} if set(given) == {"fold"} else {"column": "ratio", "fold_column": None}
    if "folds" not in given and {"train", "val", "test"} & set(given):
        anew |= {"folds": None, "fold": None}
    try:
        return type(settings).model_validate(settings.to_config() | anew | dict(given))
    except ValidationError as error:
        raise ConfigError("\n".join(describe_problems(error, "split"))) from error


def _by_fold(dataset: "Dataset", table: "pd.DataFrame") -> "dict[str, Dataset]":
    folds = dict(zip(table["case"], table["fold"], strict=True))
    return {
        str(number): dataset.only([record for record in dataset if folds[record.case] == number])
        for number in sorted(set(folds.values()))
    }


def _count(
    parts: "Mapping[Any, Dataset]", dataset: "Dataset", strata: Mapping[str, Sequence[str]]
) -> Sequence[dict[str, str]]:
    """A row for cases, patients, masks, each class and whatever was stratified by; a column a part."""
    words = {
        name: dict(zip((r.case for r in dataset), column, strict=True)) for name, column in strata.items()
    }
    counts = {name: _facts(part, len(dataset), words) for name, part in parts.items()}
    rows = next(iter(counts.values()))
    return [{"": row} | {name: counts[name][row] for name in counts} for row in rows]


def _facts(part: "Dataset", total: int, strata: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    from unet_mtl.data.counts import count_classes, count_masks

    facts = {"cases": _with_share(len(part), total)}
    if part.description.patient:
        facts["patients"] = f"{len({record.patient for record in part}):,}"
    facts |= {f"with mask {name}": _with_share(n, len(part)) for name, n in count_masks(part).items()}
    classes = count_classes(part)
    for target, counts in classes.items():
        facts |= {f"{target} {word}": _with_share(n, counts.total()) for word, n in counts.items()}
    for name in (name for name in strata if name not in classes):
        in_part = [strata[name][record.case] for record in part]
        words = sorted(set(strata[name].values()), key=_rank)
        facts |= {f"{name} {word}": _with_share(in_part.count(word), len(part)) for word in words}
    return facts


def _rank(word: str) -> tuple[float, str]:
    """Quarters by their numbers, other words after them."""
    try:
        return float(word.partition("..")[0]), word
    except ValueError:
        return float("inf"), word


def _with_share(count: int, total: int) -> str:
    return f"{count:,} ({count / total:.0%})" if total else "0"


def _as_named(out: Path, root: Path) -> str:
    """Relative to the data's root, as `split.table` takes it, where the file lies below it."""
    path = out.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
