"""Projects of VIA 3, converted to the form of version 2 that `via` reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unet_mtl.errors import DataError
from unet_mtl.wording import count_of, name_some

_IMAGE = 2
"""The type of files that are images; videos are 4 and recordings 8."""

_CHECKBOX = 2
"""The type of attributes of which several options may be ticked."""

_SHAPES: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("point", ()),
    2: ("rect", ("x", "y", "width", "height")),
    3: ("circle", ("cx", "cy", "r")),
    4: ("ellipse", ("cx", "cy", "rx", "ry")),
    5: ("line", ()),
    6: ("polyline", ()),
    7: ("polygon", ()),
    8: ("extreme rectangle", ()),
    9: ("extreme circle", ()),
}
"""The name in version 2 and the numbers of each shape, by its number in version 3."""


def is_via3(content: Any) -> bool:
    """Return whether the content of a JSON file is a project of VIA 3."""
    return isinstance(content, dict) and {"project", "view", "metadata"} <= content.keys()


def convert_via3(content: Mapping[str, Any], source: Path) -> list[Mapping[str, Any]]:
    """Return the images of a project, each with regions and attributes as version 2 stores them.

    Args:
        content: The content of the file.
        source: The path of the file, for messages.

    Raises:
        DataError: The project has another form, or shows several files in one view; every problem is listed.
    """
    parts = [content.get(name) for name in ("file", "view", "metadata", "attribute")]
    files, views, metadata, attributes = ({} if part is None else part for part in parts)
    if not all(isinstance(part, dict) for part in (files, views, metadata, attributes)):
        raise DataError(
            f"{source}: not a project of VIA 3; expected objects as file, view, metadata and attribute"
        )
    problems: list[str] = []
    entries: dict[str, dict[str, Any]] = {}
    for vid, view in views.items():
        numbers = view.get("fid_list") if isinstance(view, dict) else None
        shown = [files.get(str(number)) for number in numbers] if isinstance(numbers, list) else []
        if len(shown) != 1 or not isinstance(shown[0], dict) or not isinstance(shown[0].get("fname"), str):
            problems.append(
                f"{source}: view {vid!r} shows {count_of(len(shown), 'file')}; expected one image with a name, since "
                "the regions of a view have no file of their own"
            )
        elif shown[0].get("type", _IMAGE) == _IMAGE:
            entries[str(vid)] = {"filename": shown[0]["fname"], "regions": [], "file_attributes": {}}
    for mid, found in metadata.items():
        if not isinstance(found, dict) or not isinstance(found.get("xy", []), list):
            problems.append(f"{source}: metadata {mid!r} is no object with a list of numbers as xy")
            continue
        entry = entries.get(str(found.get("vid")))
        if entry is None or found.get("z"):  # a video, or a time in it
            continue
        values = _read_values(found.get("av"), attributes)
        if found.get("xy"):
            entry["regions"].append(
                {"shape_attributes": _convert_shape(found["xy"]), "region_attributes": values}
            )
        else:
            entry["file_attributes"] |= values
    if problems:
        raise DataError(problems)
    if not entries:
        raise DataError(
            f"{source}: the project of VIA 3 has no image; it has {name_some(files) or 'no file'}"
        )
    return list(entries.values())


def _convert_shape(xy: Sequence[Any]) -> dict[str, Any]:
    number, *numbers = xy
    name, keys = _SHAPES.get(number, (f"number {number}", ())) if isinstance(number, int) else ("unknown", ())
    if name == "polygon":
        return {"name": name, "all_points_x": numbers[::2], "all_points_y": numbers[1::2]}
    return {"name": name, **dict(zip(keys, numbers, strict=False))}


def _read_values(values: Any, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of attributes by the name of the attribute, with the texts of options."""
    named: dict[str, Any] = {}
    for key, value in (values if isinstance(values, dict) else {}).items():
        attribute = attributes.get(key)
        attribute = attribute if isinstance(attribute, dict) else {}
        options = attribute.get("options")
        options = options if isinstance(options, dict) else {}
        name = str(attribute.get("aname", key))
        if attribute.get("type") == _CHECKBOX and options:
            ticked = str(value).split(",")
            named[name] = {str(text): option in ticked for option, text in options.items()}
        else:
            named[name] = options.get(str(value), value)
    return named
