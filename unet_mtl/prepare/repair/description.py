"""dataset.yaml of a repaired copy: the same meaning in our own layout."""

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
    """A folder below masks/ for each target, whatever letters its name has."""
    return _folders(description.masks)


def class_folders(mask: MaskDescription) -> dict[str, str]:
    """A folder below that of the target for each class but the background, where they overlap."""
    return _folders(mask.classes[1:])


def _folders(names: Iterable[str]) -> dict[str, str]:
    folders: dict[str, str] = {}
    for name in names:
        folder = re.sub(r"[^\w-]+", "_", name)
        while folder.casefold() in (known.casefold() for known in folders.values()):
            folder += "_"
        folders[name] = folder
    return folders


def _describe_mask(mask: MaskDescription, folder: str) -> dict[str, Any]:
    content: dict[str, Any] = {"path": f"masks/{folder}/{{case}}.png"}
    if mask.overlap:
        files = {word: f"masks/{folder}/{name}/{{case}}.png" for word, name in class_folders(mask).items()}
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
    """Gives the text of dataset.yaml.

    Args:
        description: Of the original.
        image: Column that names the image files.
        patient: Column, where the original has none and yet knows that cases are one patient's.
        spacing: Columns, where the original reads the headers of its images.
        spelled: By column, spellings that stand for a class.
    """
    content = description.model_dump(mode="json", exclude_defaults=True, include=set(_SAME))
    content |= {"table": TABLE, "images": f"images/{{{image}}}"}
    folders = mask_folders(description)
    content["masks"] = {
        target: _describe_mask(mask, folders[target]) for target, mask in description.masks.items()
    }
    kept = structural_columns(description)
    for name, column in content.get("columns", {}).items():
        if name not in kept:  # its words are in the cells now
            column.pop("values", None)
        elif name in spelled:
            column["values"] = column.get("values", {}) | dict(spelled[name])
    if patient is not None:
        content["patient"] = patient
    if spacing is not None:
        content["spacing_mm"] = list(spacing)
        content.pop("spacing_unit", None)
    text = yaml.safe_dump(_in_order(content), sort_keys=False, allow_unicode=True)
    return f"# A repaired copy, written by unet-mtl; what was changed stands in repairs.csv\n{text}"


def _in_order(content: dict[str, Any]) -> dict[str, Any]:
    order = ("name", "synthetic", "table", "case", "names", "patient", "split", "images", "masks", "columns")
    return {key: content[key] for key in order if key in content} | content
