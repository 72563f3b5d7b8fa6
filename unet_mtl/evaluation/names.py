"""Names of cases in names of files."""

from collections.abc import Sequence
from pathlib import Path

from unet_mtl.data.images import IMAGE_SUFFIXES
from unet_mtl.errors import ConfigError

ANY_NAME = "{case}"
MOST_NAMES = 10


def fit_name(pattern: str, name: str) -> str | None:
    """The name of the case in a file name without suffix; None where the pattern does not fit.

    >>> fit_name("{case}_segmentation", "a1_segmentation"), fit_name("{case}_segmentation", "a1")
    ('a1', None)
    """
    before, after = pattern.split(ANY_NAME)
    fits = name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)
    return name[len(before) : len(name) - len(after)] if fits else None


def check_pattern(pattern: str, option: str) -> str:
    """A pattern as file names are compared with it, without the suffix of the files.

    Raises:
        ConfigError: It has not exactly one `{case}`.
    """
    if pattern.count(ANY_NAME) != 1:
        raise ConfigError(
            f'{option} "{pattern}": expected a file name with one {ANY_NAME} in it, such as {ANY_NAME}_pred'
        )
    return without_suffix(pattern)


def without_suffix(name: str) -> str:
    """A file name without the suffix of an image; other dots are part of the name.

    >>> without_suffix("scan.1.PNG"), without_suffix("scan.1")
    ('scan.1', 'scan.1')
    """
    suffix = Path(name).suffix
    return name[: -len(suffix)] if suffix.lower() in IMAGE_SUFFIXES else name


def name_some(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """The first names, and how many more there are.

    >>> name_some(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
