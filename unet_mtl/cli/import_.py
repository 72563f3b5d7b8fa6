"""unet-mtl import and unet-mtl to-nnunet: to come and to leave."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Kind(StrEnum):
    """Whose format a data set is in."""

    coco = "coco"
    label_studio = "label-studio"
    nnunet = "nnunet"


def import_data(
    kind: Annotated[Kind, typer.Argument(help="Whose format it is.", show_default=False)],
    source: Annotated[
        Path, typer.Argument(help="The JSON file, or nnU-Net's DatasetXXX_Name folder.", show_default=False)
    ],
    out: Annotated[Path, typer.Argument(help="Folder to be.", show_default=False)],
    *,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images; else `images` beside the JSON file.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Name of the mask.")] = None,
    fill_holes: Annotated[
        bool, typer.Option("--fill-holes", help="COCO: fill outlines inside others, as pycocotools does.")
    ] = False,
    ignore_crowds: Annotated[
        bool, typer.Option("--ignore-crowds", help="COCO: leave crowd regions out of training and scores.")
    ] = False,
) -> None:
    """Copy a data set of COCO, Label Studio or nnU-Net (2-D) into a folder of ours; the source stays as it is."""
    from unet_mtl.prepare.exchange import import_coco, import_label_studio, import_nnunet

    if kind is not Kind.coco and (fill_holes or ignore_crowds):
        raise typer.BadParameter("--fill-holes and --ignore-crowds are for coco")
    if kind is Kind.nnunet and images is not None:
        raise typer.BadParameter("nnU-Net's folder has its images in it", param_hint="--images")
    if kind is Kind.coco:
        imported = import_coco(
            source,
            out,
            images=images,
            target=target or "mask",
            nested="part" if fill_holes else "hole",
            crowd="ignore" if ignore_crowds else "class",
        )
    elif kind is Kind.label_studio:
        imported = import_label_studio(source, out, images=images, target=target)
    else:
        imported = import_nnunet(source, out, target=target or "mask")
    masks = "".join(f", {n} with mask {name!r}" for name, n in imported.masks.items())
    cases = f"{imported.cases} case{'s' * (imported.cases != 1)}"
    typer.echo(f"{cases}{masks} in {out}; look at them with: unet-mtl check {out}")
    _print_notes(imported.notes)


def to_nnunet(
    folder: Annotated[Path, typer.Argument(help="Folder with dataset.yaml.", show_default=False)],
    out: Annotated[
        Path, typer.Argument(help="nnUNet_raw; DatasetXXX_Name is made in it.", show_default=False)
    ],
    *,
    target: Annotated[str | None, typer.Option(help="Which mask, where there are several.")] = None,
    number: Annotated[int, typer.Option(help="XXX, not taken yet.", min=1, max=999)] = 501,
    name: Annotated[str | None, typer.Option(help="Else that of the data set.")] = None,
) -> None:
    """Write one mask of a data set as a raw folder of nnU-Net v2."""
    from unet_mtl.data.records import read_dataset
    from unet_mtl.prepare.exchange import to_nnunet

    written = to_nnunet(read_dataset(folder), out, target=target, number=number, name=name)
    typer.echo(f"{written.training} training and {written.test} test cases in {written.folder}")
    _print_notes(written.notes)


def _print_notes(notes: Sequence[str]) -> None:
    for note in notes:
        typer.echo(f"note: {note}")
