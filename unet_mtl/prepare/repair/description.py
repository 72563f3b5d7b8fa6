"""The dataset.yaml of a repaired copy, which has the same meaning in the layout of this package."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from unet_mtl.data.description import Description, MaskDescription
from unet_mtl.prepare.repair.table import structural_columns

TABLE = "cases.csv"
_SAME = (
    "name",
    "synthetic",
    "case",
    "names",
    "patient",
    "columns",
    "spacing_mm",
    "spacing_unit",
    "split",
    "decimal",
    "missing",
)


def mask_folders(description: Description) -> dict[str, str]:
    """Return a folder below masks/ for each target, with unsuitable characters of the name replaced."""
    return _folders(description.masks)


def class_folders(mask: MaskDescription) -> dict[str, str]:
    """Return a folder below that of the target for each foreground class of an overlapping mask."""
    return _folders(mask.classes[1:])


def _folders(names: Iterable[str]) -> dict[str, str]:
    folders: dict[str, str] = {}
    for name in names:
        folder = re.sub(r"[^\w-]+", "_", name)
        while folder.casefold() in (taken.casefold() for taken in folders.values()):
            folder += "_"
        folders[name] = folder
    return folders


def _describe_mask(mask: MaskDescription, folder: str) -> dict[str, Any]:
    content: dict[str, Any] = {"path": f"masks/{folder}/{{case}}.png"}
    if mask.overlap:
        files = {name: f"masks/{folder}/{below}/{{case}}.png" for name, below in class_folders(mask).items()}
        content = {"files": files, "overlap": True}
    return content | {"classes": list(mask.classes)} | ({"required": True} if mask.required else {})


def describe_copy(
    description: Description,
    *,
    image: str,
    patient: str | None,
    spacing: tuple[str, str] | None,
    spelled: Mapping[str, Mapping[str, str]],
) -> str:
    """Return the text of dataset.yaml.

    Args:
        description: The description of the original.
        image: The column with the names of image files.
        patient: The added column of patients; None unless the original derives patients without a column.
        spacing: The added columns of row and column spacings; None unless the original reads them from image headers.
        spelled: The class of each additional spelling, by column.
    """
    content = description.model_dump(mode="json", exclude_defaults=True, include=set(_SAME))
    content |= {"table": TABLE, "images": f"images/{{{image}}}"}
    folders = mask_folders(description)
    content["masks"] = {
        target: _describe_mask(mask, folders[target]) for target, mask in description.masks.items()
    }
    kept = structural_columns(description)
    for name, column in content.get("columns", {}).items():
        if name not in kept:  # the replacements are in the cells now
            column.pop("values", None)
        elif name in spelled:
            column["values"] = column.get("values", {}) | dict(spelled[name])
    if patient is not None:
        content["patient"] = patient
    if spacing is not None:
        content["spacing_mm"] = list(spacing)
        content.pop("spacing_unit", None)
    text = yaml.safe_dump(_in_order(content), sort_keys=False, allow_unicode=True)
    return f"# A repaired copy, written by unet-mtl; every change is listed in repairs.csv\n{text}"


def _in_order(content: dict[str, Any]) -> dict[str, Any]:
    order = ("name", "synthetic", "table", "case", "names", "patient", "split", "images", "masks", "columns")
    return {key: content[key] for key in order if key in content} | content
