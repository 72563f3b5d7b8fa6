"""Shares of the splits that are far from those that the settings ask for, because large groups stay together."""

from collections import Counter
from collections.abc import Iterable, Mapping

from unet_mtl.data.group_split import join_groups
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import SPLIT_NAMES, CaseGroups, SplitName, SplitSettings, is_drawn
from unet_mtl.wording import count_of

_CASES, _SHARE = 1.5, 0.5
"""A split may differ from its requested size by this number of cases, or by this share of the size."""


def find_far_shares(
    parts: Mapping[SplitName, Dataset], settings: SplitSettings, keep_together: CaseGroups = ()
) -> list[Observation]:
    """Report a drawn split with sizes far from the requested ones.

    Args:
        parts: The cases of each split.
        settings: How the cases were assigned. Columns and saved tables request no sizes, and are not checked.
        keep_together: Groups of cases that stay in one split, in addition to those of one patient.

    Returns:
        One observation if any split is much too large or too small, and else none.
    """
    if not is_drawn(parts["train"], settings):
        return []
    if settings.folds is None:
        shares = (settings.train, settings.val, settings.test)
    elif settings.folds == 2:  # val is a part of the fold that is not test
        half = 0.5 / (settings.train + settings.val)
        shares = (half * settings.train, half * settings.val, 0.5)
    else:
        shares = ((settings.folds - 2) / settings.folds, 1 / settings.folds, 1 / settings.folds)
    sizes = [len(parts[name]) for name in SPLIT_NAMES]
    wanted = [share * sum(sizes) for share in shares]
    if all(abs(n - w) <= max(_CASES, _SHARE * w) for n, w in zip(sizes, wanted, strict=True)):
        return []
    records = [record for part in parts.values() for record in part]
    groups = join_groups([r.case for r in records], [r.patient for r in records], keep_together)
    largest, n_largest = Counter(groups).most_common(1)[0]
    cases = tuple(r.case for r, group in zip(records, groups, strict=True) if group == largest)
    text = (
        f"{_list(sizes)} of {count_of(sum(sizes), 'case')} are in train, val and test, but the requested shares are "
        f"{_list([f'{share:.0%}' for share in shares])}; the largest group that stays together has "
        f"{count_of(n_largest, 'case')}"
    )
    return [Observation("split-shares", text, cases if n_largest > 1 else ())]


def _list(three: Iterable[object]) -> str:
    return "{}, {} and {}".format(*three)
