"""Reading of JSON, paths and names from untrusted folders."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.numbers import parse_number
from unet_mtl.data.readers import raster_suffixes
from unet_mtl.errors import DataError
from unet_mtl.wording import count_of, name_some

_MOST_FOLDERS = 1000
"""Maximum number of folders in which a missing image is looked for."""


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Args:
        path: The JSON file, with or without a byte order mark.

    Raises:
        DataError: The file cannot be read or is not JSON.
    """
    if path.is_dir():
        names = name_some(sorted(file.name for file in path.glob("*.json")), 3)
        raise DataError(
            f"{path}: a folder; give the JSON file"
            + (f" in it ({names})" if names else ", which is not in it")
        )
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:  # a ValueError is a wrong encoding or wrong JSON
        raise DataError(f"{path}: not valid JSON ({error}); export it again") from error


def find_below(folder: Path, name: str, cure: str) -> Path:
    """Find the image file that an annotation names, without leaving the folder.

    Args:
        folder: The folder of images, which the user has chosen and which may be a link.
        name: The path from the untrusted file, with slashes or backslashes.
        cure: The advice in the message about a file that does not exist.

    Returns:
        The path of the file.

    Raises:
        DataError: The name is absolute, contains `..`, leads over a link, is not a readable image, or is not a file, in
            which case the kind is "image-missing".
    """
    relative = PurePosixPath(name.replace("\\", "/"))
    if leads_outside(name) or not relative.parts or "\0" in name:
        raise DataError(f"{name!r} leaves the folder of the images; expected a path below {folder}")
    path = folder
    for part in relative.parts:
        path /= part
        if path.is_symlink():
            raise DataError(f"{name!r} leads over the link {path}; replace the link by the file")
    if not path.is_file():
        raise DataError(f"{name!r} is not in {folder}; {cure}", kind="image-missing")
    if path.suffix.lower() not in raster_suffixes():
        raise DataError(f"{path}: expected one of {', '.join(raster_suffixes())}")
    return path


def leads_outside(name: str) -> bool:
    r"""Return whether a path is absolute or contains `..`, on any operating system.

    >>> leads_outside(r"..\data\a.png"), leads_outside("C:/a.png"), leads_outside("data/a.png")
    (True, True, False)
    """
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or bool(PureWindowsPath(name).drive) or ".." in path.parts


@dataclass(frozen=True)
class ImageFolder:
    """The folder that the names of images in a file are relative to.

    Attributes:
        path: The folder.
        source: The file that names the images.
        chosen: Whether the user gave the folder.
    """

    path: Path
    source: Path
    chosen: bool

    @classmethod
    def of(cls, source: Path, images: Path | None) -> Self:
        """Return the given folder or, without one, `images` beside the source or the folder of the source."""
        beside = source.parent / "images"
        return cls(images or (beside if beside.is_dir() else source.parent), source, images is not None)

    def find(self, name: str) -> Path:
        """Find an image like `find_below`; where it is missing, the error names a folder that has it."""
        try:
            return find_below(self.path, name, "")
        except DataError as error:
            if error.kind != "image-missing":
                raise
            raise DataError(f"{name!r} is not in {self.path}; {self._cure(name)}", kind=error.kind) from None

    def _cure(self, name: str) -> str:
        relative = PurePosixPath(name.replace("\\", "/"))
        for folder in self._folders:
            if (folder / relative).is_file():
                return f"it is in {folder}, so give `images={folder}`"
        if len(relative.parts) > 1 and (self.path / relative.name).is_file():
            return f"the folder has {relative.name!r}, so correct the path in {self.source.name}"
        if self.chosen:
            return f"`images` must be the folder that the names in {self.source.name} are relative to"
        return "give the folder of the images, `images=FOLDER`"

    @cached_property
    def _folders(self) -> list[Path]:
        """The folders around the source and around the folder itself, down to two levels."""
        starts = (self.path.parent, self.path, self.source.parent)
        below = (folder for start in starts for pattern in ("*/", "*/*/") for folder in start.glob(pattern))
        return list(dict.fromkeys((*starts, *sorted(islice(below, _MOST_FOLDERS)))))


def unite_missing(problems: Sequence[DataError], n_images: int, folder: ImageFolder) -> list[str]:
    """Return the texts of problems of images, and a single one if no image was found.

    Args:
        problems: The error of each image that cannot be used.
        n_images: The number of all images.
        folder: The folder of the images.
    """
    texts = [text for problem in problems for text in problem.problems]
    missing = [problem for problem in problems if problem.kind == "image-missing"]
    if len(missing) < max(n_images, 2):
        return texts
    return [f"none of the {n_images:,} images is in {folder.path}, such as: {texts[0]}"]


def plain_text(text: Any) -> str:
    r"""Return the text in one line without outer spaces, which tables and YAML files preserve.

    >>> plain_text("  left \n lobe ")
    'left lobe'
    """
    return " ".join("".join(c for c in str(text) if c.isprintable() or c.isspace()).split())


def plain_key(name: str) -> str:
    """Return a name for a target or a column that is also valid for a task.

    >>> plain_key("BI-RADS (2013)"), plain_key("2nd look")
    ('BI_RADS_2013', 'x_2nd_look')
    """
    key = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    return key if key[:1].isalpha() else f"x_{key}"


CURE = "give the folder of the images, `images=FOLDER`"
"""The advice about an image that is not in the folder of the images."""


def column_name(name: str) -> str:
    """Return a name for a column of labels, other than those of the columns case and image.

    >>> column_name("BI-RADS"), column_name("image")
    ('BI_RADS', 'image_label')
    """
    key = plain_key(name)
    return f"{key}_label" if key in ("case", "image") else key


_MOST_CLASSES = 20


def declare_columns(
    rows: Sequence[Mapping[str, str | float]], tally: Counter[str]
) -> dict[str, tuple[str, ...] | None]:
    """Return the columns that dataset.yaml describes, with their classes in alphabetical order, or None for numbers.

    Columns with one class, which have nothing to learn, and columns of free text are in the table only.

    Args:
        rows: The labels of each case.
        tally: Counter for the columns that are in the table only.
    """
    declared: dict[str, tuple[str, ...] | None] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        words = [str(row[name]) for row in rows if name in row]
        classes = tuple(sorted(set(words)))
        if len(classes) > 2 and all(map(_is_number, classes)):
            declared[name] = None
        elif 2 <= len(classes) <= min(_MOST_CLASSES, max(len(words) // 2, 2)):
            declared[name] = classes
        else:
            words_in_it = count_of(len(classes), "different word")
            tally[f"column in the table but not in dataset.yaml: {name!r} ({words_in_it})"] += 1
    return declared


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(parse_number(word, "."))
    except ValueError:
        return False


def name_cases(files: Sequence[str], problems: list[str]) -> list[str]:
    """Make a case name from each image path: folders are joined by `__`, suffixes and leading + and - are removed.

    Args:
        files: Paths relative to the folder of images.
        problems: A list to which files are added if their case names are equal or differ only in upper and lower case,
            which some file systems ignore.
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
    """Assign indices to the classes of a mask, the background first.

    Args:
        names: The class name of each key that annotations use; a class with the name of the background is class 0.
        where: The file and its part, for messages.
        problems: A list to which empty names, repeated names and too many classes are added.
        background: The name of class 0.

    Returns:
        The class names, and the class index of each key.
    """
    classes = [background]
    index: dict[Any, int] = {}
    for key, raw_name in names.items():
        name = plain_text(raw_name)
        if name.lower() == background and 0 not in index.values():
            index[key] = 0
            continue
        if not name or name in classes:
            problems.append(f"{where}: class {raw_name!r} (id {key!r}) needs a name of its own")
        index[key] = len(classes)
        classes.append(name)
    if len(classes) > 254:
        problems.append(f"{where}: {len(classes)} classes; a mask can hold 254, including the background")
    return tuple(classes), index


def numbers(values: Any, what: str) -> NDArray[np.float64]:
    """Convert a JSON list of finite numbers to an array.

    Args:
        values: The list.
        what: The name of the list in messages.

    Raises:
        DataError: `values` is empty or not a list of finite numbers.
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
