"""Case names in the names of files and in the cells of tables."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from unet_mtl.data.readers import without_suffix
from unet_mtl.errors import ConfigError
from unet_mtl.wording import count_of

ANY_NAME = "{case}"
MOST_NAMES = 10
LETTERS, ZEROS = "upper and lower case", "leading zeros"


def fit_name(pattern: str, name: str) -> str | None:
    """Return the case name in a file name without suffix, or None if the pattern does not fit.

    >>> fit_name("{case}_segmentation", "a1_segmentation"), fit_name("{case}_segmentation", "a1")
    ('a1', None)
    """
    before, after = pattern.split(ANY_NAME)
    fits = name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)
    return name[len(before) : len(name) - len(after)] if fits else None


def check_pattern(pattern: str, argument: str) -> str:
    """Return a pattern without the suffix of an image, which is how names are compared with it.

    Args:
        pattern: The pattern that the user gave.
        argument: The name of the argument, for the error message.

    Raises:
        ConfigError: The pattern does not contain `{case}` exactly once.
    """
    if pattern.count(ANY_NAME) != 1:
        raise ConfigError(
            f'`{argument}` is "{pattern}"; expected a name with one {ANY_NAME} in it, such as {ANY_NAME}_pred'
        )
    return without_suffix(pattern)


def count_files(counts: Mapping[str, int]) -> str:
    """Describe numbers of files by what distinguishes them.

    >>> count_files({"of type .csv": 1, "in folders below": 2})
    '1 file of type .csv, 2 files in folders below'
    """
    return ", ".join(f"{count_of(n, 'file')} {what}" for what, n in counts.items())


def common_affix(shorter: Sequence[str], longer: Collection[str]) -> tuple[str, str] | None:
    """Find the prefix and suffix that turn at least half of the shorter names into longer ones.

    >>> common_affix(["1", "2"], ["bus_1", "bus_2", "x"])
    ('bus_', '')
    """
    known = set(longer)
    votes: Counter[tuple[str, str]] = Counter()
    for name in shorter[:MOST_NAMES]:
        places = ((other, place.span()) for other in known for place in re.finditer(re.escape(name), other))
        votes.update({(other[:start], other[end:]) for other, (start, end) in places} - {("", "")})
    for before, after in sorted(votes, key=lambda affix: (-votes[affix], affix))[:MOST_NAMES]:
        n = sum(f"{before}{name}{after}" in known for name in shorter)
        if 2 * n >= min(len(shorter), len(known)):
            return before, after
    return None


def find_lookalikes(names: Sequence[str], others: Collection[str]) -> tuple[str, str, str] | None:
    """Find what distinguishes at least half of the names from names that probably mean the same, with an example.

    >>> find_lookalikes(["c1", "c2"], ["C1", "C2"])
    ('upper and lower case', 'c1', 'C1')
    >>> find_lookalikes(["007"], ["7"]), find_lookalikes(["a"], ["b"])
    (('leading zeros', '007', '7'), None)
    """
    folds: tuple[tuple[str, Callable[[str], str]], ...] = (
        (LETTERS, str.casefold),
        (ZEROS, lambda name: re.sub(r"(?<!\d)0+(?=\d)", "", name)),
    )
    for difference, fold in folds:
        known = {fold(other): other for other in others}
        alike = [(name, known[fold(name)]) for name in names if fold(name) in known]
        if alike and 2 * len(alike) >= min(len(names), len(known)):
            return difference, *alike[0]
    return None
