"""The commands `unet-mtl import` and `unet-mtl to-nnunet`."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unet_mtl.wording import count_of


class Format(StrEnum):
    """The formats that can be imported."""

    coco = "coco"
    label_studio = "label-studio"
    labelme = "labelme"
    via = "via"
    nnunet = "nnunet"


def import_data(
    kind: Annotated[
        Format, typer.Argument(metavar="KIND", help="The format of the source.", show_default=False)
    ],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="The JSON file, the folder of JSON files of LabelMe, or nnU-Net's folder DatasetXXX_Name.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The new folder.", show_default=False)],
    *,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of the images.", show_default="`images` beside the JSON file"),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Name of the mask.", show_default="mask, or the labelling tag")
    ] = None,
    fill_holes: Annotated[
        bool, typer.Option("--fill-holes", help="COCO: fill outlines inside others, as pycocotools does.")
    ] = False,
    ignore_crowds: Annotated[
        bool,
        typer.Option("--ignore-crowds", help="COCO: leave crowd regions out of training and scores."),
    ] = False,
    attribute: Annotated[
        str | None,
        typer.Option(help="VIA: attribute of regions that names the class.", show_default="the only one"),
    ] = None,
    empty: Annotated[
        bool,
        typer.Option(
            "--empty", help="VIA: images without regions show no object, rather than being unlabelled."
        ),
    ] = False,
) -> None:
    """Import a data set from COCO, Label Studio, LabelMe, VIA or nnU-Net (2-D). The source is only read."""
    from unet_mtl import api

    if kind is not Format.coco and (fill_holes or ignore_crowds):
        raise typer.BadParameter("--fill-holes and --ignore-crowds are only for coco")
    if kind is not Format.via and (attribute is not None or empty):
        raise typer.BadParameter("--attribute and --empty are only for via")
    if kind is Format.nnunet and images is not None:
        raise typer.BadParameter("the folder of nnU-Net contains its images", param_hint="--images")
    if kind is Format.coco:
        imported = api.import_coco(
            source,
            out,
            images=images,
            target=target or "mask",
            nested="part" if fill_holes else "hole",
            crowd="ignore" if ignore_crowds else "class",
        )
    elif kind is Format.label_studio:
        imported = api.import_label_studio(source, out, images=images, target=target)
    elif kind is Format.labelme:
        imported = api.import_labelme(source, out, images=images, target=target or "mask")
    elif kind is Format.via:
        imported = api.import_via(
            source, out, images=images, target=target or "mask", attribute=attribute, empty=empty
        )
    else:
        imported = api.import_nnunet(source, out, target=target or "mask")
    masks = "".join(f", {n} with mask {name!r}" for name, n in imported.masks.items())
    typer.echo(f"{count_of(imported.cases, 'case')}{masks} in {out}; check them with: unet-mtl check {out}")
    _print_notes(imported.notes)


def to_nnunet(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with dataset.yaml.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="Folder nnUNet_raw, in which DatasetXXX_Name is made.", show_default=False
        ),
    ],
    *,
    target: Annotated[
        str | None, typer.Option(help="Name of the mask.", show_default="the only mask")
    ] = None,
    number: Annotated[int, typer.Option(help="The number XXX.", min=1, max=999)] = 501,
    name: Annotated[
        str | None, typer.Option(help="The name after the number.", show_default="that of the data set")
    ] = None,
) -> None:
    """Export one mask of a data set as a raw data set folder of nnU-Net v2."""
    from unet_mtl import api

    written = api.to_nnunet(api.read_dataset(folder), out, target=target, number=number, name=name)
    typer.echo(f"{written.training:,} training and {count_of(written.test, 'test case')} in {written.folder}")
    _print_notes(written.notes)


def _print_notes(notes: Sequence[str]) -> None:
    from unet_mtl.wording import escape_controls

    for note in notes:
        typer.echo(escape_controls(f"note: {note}"))
