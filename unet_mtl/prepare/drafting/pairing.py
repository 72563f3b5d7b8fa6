"""The assignment of masks to images, and the patterns of the paths of masks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from unet_mtl.prepare.drafting.affixes import Affix, affixes_of, fit_affix
from unet_mtl.prepare.drafting.files import Entry, mask_head, mask_name, split_tail, tail_kind
from unet_mtl.prepare.drafting.layout import Layout, literal
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.wording import count_of, name_some

_ENOUGH = 0.5
"""Minimum share of the masks with a name that fits an image."""


@dataclass(frozen=True)
class MaskSet:
    """One kind of mask.

    Attributes:
        name: Name of the kind.
        folder: Names of its folders, with fields in braces if they follow those of the images.
        entries: The files.
        cases: The cases with such a mask.
        pattern: Pattern of the paths, or empty if the names fit no image.
    """

    name: str
    folder: tuple[str, ...]
    entries: tuple[Entry, ...]
    cases: frozenset[str] = frozenset()
    pattern: str = ""


def pair_masks(layout: Layout, masks: Sequence[Entry]) -> tuple[Layout, list[MaskSet]]:
    """Group masks into kinds, and find the pattern of each kind.

    Returns:
        The layout, with the text around the names of cases; and the kinds, those of most cases first.
    """
    groups = _group(layout, masks)
    if layout.by_folder:
        sets = [_by_folder(layout, *key, group) for key, group in groups.items()]
        return layout, _with_names(sets)
    layout = replace(layout, affix=_best_affix(layout, groups.values()))
    sets = [_by_name(layout, *key, group) for key, group in groups.items()]
    return layout, _with_names(sets)


def note_masks(layout: Layout, sets: Sequence[MaskSet], notes: Notes) -> None:
    """Add the pattern of each kind of mask to the notes."""
    for mask in sets:
        names = len({layout.case_of(entry) for entry in layout.images})
        because = f"{len(mask.cases):,} of {names:,} images have one ({count_of(len(mask.entries), 'file')})"
        notes.guess(f"masks.{mask.name}", mask.pattern or "?", because)


def _group(layout: Layout, masks: Sequence[Entry]) -> dict[tuple[tuple[str, ...], str, str], list[Entry]]:
    """Group masks by folder, and by the beginning and end of the name that stand for a mask."""
    folders = {value: f"{{{name}}}" for name in layout.fields.values() for value in layout.values(name)}
    stems = {entry.stem for entry in layout.images}
    groups: dict[tuple[tuple[str, ...], str, str], list[Entry]] = defaultdict(list)
    for entry in masks:
        if entry.stem not in stems and not layout.by_folder:
            whole = Entry(entry.folder, entry.stem + entry.tail, "", entry.suffix)
            entry = whole if whole.stem in stems else split_tail(whole, stems)
        folder = tuple(folders.get(name, literal(name)) for name in entry.folder)
        groups[folder, mask_head(entry.stem), tail_kind(entry.tail)].append(entry)
    return groups


def _best_affix(layout: Layout, groups: Iterable[Sequence[Entry]]) -> Affix:
    """Return the affix without which the names of images fit those of most masks."""
    stems = {entry.stem for entry in layout.images}
    masks = [{entry.stem for entry in group} for group in groups]
    best, most = Affix(), -1
    for affix in affixes_of(stems):
        cases = {case for stem in stems if (case := affix.strip(stem))}
        n = sum(fit_affix(names, cases)[1] for names in masks)
        if n > most:
            best, most = affix, n
    return best


def _by_name(
    layout: Layout, folder: tuple[str, ...], head: str, kind: str, group: Sequence[Entry]
) -> MaskSet:
    names = {entry.stem for entry in group}
    cases = layout.cases
    affix, n = fit_affix(names, cases)
    name = mask_name(folder, head, kind)
    if n < _ENOUGH * len(names):
        return MaskSet(name, folder, tuple(group))
    numbered = "*" * any(entry.tail != kind for entry in group)
    stem = f"{literal(affix.before)}{{case}}{literal(affix.after + kind)}{numbered}"
    matched = frozenset(case for text in names if (case := affix.strip(text)) in cases and case is not None)
    return MaskSet(name, folder, tuple(group), matched, "/".join((*folder, stem + _suffix(group))))


def _by_folder(
    layout: Layout, folder: tuple[str, ...], head: str, kind: str, group: Sequence[Entry]
) -> MaskSet:
    if "{case}" not in folder:
        return _by_name(layout, folder, head, kind, group)
    names = {entry.stem + entry.tail for entry in group}
    shared = affixes_of(names)[-1]
    stem = literal(next(iter(names)) if len(names) == 1 else shared.wrap("*"))
    name = mask_name(folder, head, kind)
    position = folder.index("{case}")
    pairs = {(entry.folder[position], entry.stem) for entry in group}
    if all(case == text for case, text in pairs):
        stem = "{case}" + literal(kind) + "*" * any(entry.tail != kind for entry in group)
    matched = frozenset(case for case, _ in pairs) & frozenset(layout.cases)
    return MaskSet(name, folder, tuple(group), matched, "/".join((*folder, stem + _suffix(group))))


def _suffix(group: Sequence[Entry]) -> str:
    suffixes = {entry.suffix for entry in group}
    return literal(suffixes.pop()) if len(suffixes) == 1 else ".*"


def _with_names(sets: Iterable[MaskSet]) -> list[MaskSet]:
    """Sort kinds by their number of cases, and give each of them a unique name."""
    taken: dict[str, int] = {}
    named = []
    for mask in sorted(sets, key=lambda mask: (-len(mask.cases), mask.name == "instances", mask.name)):
        taken[mask.name] = taken.get(mask.name, 0) + 1
        n = taken[mask.name]
        named.append(mask if n == 1 else replace(mask, name=f"{mask.name}{n}"))
    return named


def classes_in_folders(sets: Sequence[MaskSet], binary: Mapping[str, bool]) -> list[list[MaskSet]]:
    """Return groups of kinds that hold one class each in sibling folders, such as masks/wall and masks/lumen."""
    siblings: dict[tuple[tuple[str, ...], str], list[MaskSet]] = defaultdict(list)
    for mask in sets:
        if len(mask.folder) > 1 and binary.get(mask.name) and mask.pattern:
            siblings[mask.folder[:-1], mask.pattern.rpartition("/")[2]].append(mask)
    return [group for group in siblings.values() if len(group) > 1]


def note_unpaired(sets: Sequence[MaskSet], notes: Notes) -> None:
    """Add the masks that fit no image to the notes."""
    for mask in sets:
        if not mask.pattern:
            notes.doubt(
                f"{count_of(len(mask.entries), 'mask')} in {'/'.join(mask.folder) or 'this folder'} will not be used, "
                f"because no name fits an image: {name_some((entry.name for entry in mask.entries), 2)}."
            )
