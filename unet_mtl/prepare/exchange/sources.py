"""What is read from a stranger's folder: JSON, paths and names, none of them trusted."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.readers import raster_suffixes
from unet_mtl.errors import DataError


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        DataError: The file is absent or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:  # a wrong encoding and wrong JSON are both a ValueError
        raise DataError(f"{path}: not valid JSON ({error}); export it again") from error


def find_below(folder: Path, name: str, cure: str = "say where the images are, --images FOLDER") -> Path:
    """Finds a file that an annotation names, and refuses every way out of the folder.

    Args:
        folder: The user's own choice, which may be a link.
        name: From the file of a stranger; slashes of either kind.
        cure: What helps where there is no such file.

    Raises:
        DataError: The name is absolute, has `..` in it, goes over a link, is no file, or is no image we read.
    """
    relative = PurePosixPath(name.replace("\\", "/"))
    outside = relative.is_absolute() or PureWindowsPath(name).drive or ".." in relative.parts
    if outside or not relative.parts or "\0" in name:
        raise DataError(f"{name!r} leaves the folder of the images; expected a path below {folder}")
    path = folder
    for part in relative.parts:
        path /= part
        if path.is_symlink():
            raise DataError(f"{name!r} goes over the link {path}; put the file itself there")
    if not path.is_file():
        raise DataError(f"{name!r} is not in {folder}; {cure}")
    if path.suffix.lower() not in raster_suffixes():
        raise DataError(f"{path}: expected one of {', '.join(raster_suffixes())}")
    return path


def plain_word(word: Any) -> str:
    r"""One line without outer spaces: what a table and a YAML file give back unchanged.

    >>> plain_word("  left \n lobe ")
    'left lobe'
    """
    return " ".join("".join(c for c in str(word) if c.isprintable() or c.isspace()).split())


def plain_key(word: str) -> str:
    """A name for a target or a column, which a task may take over.

    >>> plain_key("BI-RADS (2013)"), plain_key("2nd look")
    ('BI_RADS_2013', 'x_2nd_look')
    """
    key = re.sub(r"[^A-Za-z0-9]+", "_", word).strip("_")
    return key if key[:1].isalpha() else f"x_{key}"


def name_cases(files: Sequence[str], problems: list[str]) -> list[str]:
    """Makes a case name of each image path: folders are joined by `__`, the suffix goes, + and - in front too.

    Args:
        files: Paths below the folder of the images.
        problems: Is told of two files that would become one case, capitals apart (disks that ignore them).
    """
    names: list[str] = []
    seen: dict[str, str] = {}
    for file in files:
        path = PurePosixPath(file.replace("\\", "/"))
        joined = "__".join((*path.parent.parts, path.stem))
        name = re.sub(r"[^\w.+-]+", "_", joined).strip(".").lstrip("+-") or "case"
        if name.casefold() in seen:
            problems.append(f"{file!r} and {seen[name.casefold()]!r} would both be case {name!r}; rename one")
        seen[name.casefold()] = file
        names.append(name)
    return names


def number_classes(
    names: Mapping[Any, Any], where: str, problems: list[str], *, background: str = "background"
) -> tuple[tuple[str, ...], dict[Any, int]]:
    """Gives the classes of a mask their indices, the background first.

    Args:
        names: Class name by the key that annotations use for it; one named like the background is class 0.
        where: Named in problems.
        problems: Is told of empty names, of one name for two keys, and of too many.
        background: Name of class 0.

    Returns:
        The class names, and the class index of each key.
    """
    classes = [background]
    index: dict[Any, int] = {}
    for key, given in names.items():
        name = plain_word(given)
        if name.lower() == background and 0 not in index.values():
            index[key] = 0
            continue
        if not name or name in classes:
            problems.append(f"{where}: class {given!r} (id {key!r}) needs a name of its own")
        index[key] = len(classes)
        classes.append(name)
    if len(classes) > 254:
        problems.append(f"{where}: {len(classes)} classes; a mask holds 254, the background included")
    return tuple(classes), index


def numbers(values: Any, what: str) -> NDArray[np.float64]:
    """Makes an array of a JSON list of finite numbers.

    Raises:
        DataError: It is something else.
    """
    is_list = isinstance(values, list) and bool(values)
    if not is_list or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        raise DataError(f"{what}: expected a list of numbers, received {str(values)[:60]!r}")
    try:
        if all(map(math.isfinite, values)):
            return np.array(values, np.float64)
    except OverflowError:
        pass
    raise DataError(f"{what}: a number in it is not finite")
