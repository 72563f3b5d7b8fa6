"""The assignment of masks to images, and the patterns of the paths of masks."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from unet_mtl.prepare.drafting.affixes import Affix, affixes_of, fit_affix
from unet_mtl.prepare.drafting.files import (
    Entry,
    common_joint,
    mask_head,
    mask_name,
    split_number,
    split_tail,
    tail_kind,
)
from unet_mtl.prepare.drafting.layout import Layout
from unet_mtl.prepare.drafting.marks import literal, mark, mark_values
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.wording import count_of, name_some

_MOST_NOTES = 3
_MOST_KINDS = 12
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


@dataclass(frozen=True)
class _Placed:
    """A mask with the fields that its folders tell.

    Attributes:
        entry: The file, with its name divided into stem and tail.
        stem: The stem, with marked fields.
        folder: The names of its folders, with a mark for each name that is the value of a field.
        with_case: The names of its folders, in which the case and other fields are also marked as parts of names.
        case: The case that a folder names, or empty.
    """

    entry: Entry
    stem: str
    folder: tuple[str, ...]
    with_case: tuple[str, ...]
    case: str


_Key = tuple[tuple[str, ...], str, str]


def pair_masks(layout: Layout, masks: Sequence[Entry]) -> tuple[Layout, list[MaskSet]]:
    """Group masks into kinds, and find the pattern of each kind.

    Returns:
        The layout, with the text around the names of cases; and the kinds, those of most cases first.
    """
    divided = _divide_names(layout, masks)
    if not layout.has_fixed_affix:
        affix = _best_affix(layout, divided)
        in_stems = frozenset(name for name in layout.in_stems if mark(name) in affix.before + affix.after)
        layout = replace(layout, affix=affix, in_stems=in_stems)
    groups = _group(layout, divided)
    return layout, _with_names(_describe(layout, *key, group) for key, group in groups.items())


def note_masks(layout: Layout, sets: Sequence[MaskSet], notes: Notes) -> None:
    """Add the pattern of each kind of mask to the notes."""
    for mask in sets:
        names = len({layout.case_of(entry) for entry in layout.images})
        because = f"{len(mask.cases):,} of {names:,} images have one ({count_of(len(mask.entries), 'file')})"
        notes.guess(f"masks.{mask.name}", mask.pattern or "?", because)


def _divide_names(layout: Layout, masks: Sequence[Entry]) -> list[Entry]:
    """Divide the names of masks into the name of an image and a tail."""
    if layout.by_folder:
        return list(masks)
    stems = {entry.stem for entry in layout.images}
    cases = {case for affix in affixes_of(stems) for stem in stems if (case := affix.strip(stem))}
    divided = []
    for entry in masks:
        if entry.stem not in stems:
            whole = Entry(entry.folder, entry.stem + entry.tail, "", entry.suffix)
            entry = whole if whole.stem in stems else split_tail(whole, stems)
            if not entry.tail:
                entry = split_number(entry, cases)
        divided.append(entry)
    return divided


def _field_by_value(layout: Layout) -> dict[str, str]:
    return {value: name for name in layout.fields.values() for value in layout.values(name)}


def _values_of(fields: Mapping[str, str], entry: Entry) -> dict[str, str]:
    """Return the values of the fields that the folders of a mask name, of the fields by value."""
    return {fields[part]: part for part in entry.folder if part in fields}


def _best_affix(layout: Layout, masks: Sequence[Entry]) -> Affix:
    """Return the affix without which the names of images fit those of most masks and of their folders."""
    stems = {layout.marked_stem(entry.stem, layout.values_in(entry.folder)) for entry in layout.images}
    names: dict[object, set[str]] = defaultdict(set)
    fields = _field_by_value(layout)
    for entry in masks:
        values = _values_of(fields, entry)
        folder = tuple(mark_values(part, values) for part in entry.folder)
        stem = layout.marked_stem(entry.stem, values)
        names[folder, mask_head(stem), tail_kind(entry.tail)].add(stem)
        for position, part in enumerate(entry.folder):
            names[position].add(part)
    best, most = Affix(), -1
    for affix in affixes_of(stems):
        cases = {case for stem in stems if (case := affix.strip(stem))}
        n = sum(fit_affix(texts, cases)[1] for texts in names.values())
        if n > most:
            best, most = affix, n
    return best


def _group(layout: Layout, masks: Sequence[Entry]) -> dict[_Key, list[_Placed]]:
    """Group masks by folder, and by the beginning and end of the name that stand for a mask."""
    cases, fields = layout.cases, _field_by_value(layout)
    by_case: dict[_Key, list[_Placed]] = defaultdict(list)
    for entry in masks:
        placed = _place(layout, entry, _values_of(fields, entry), cases)
        by_case[placed.with_case, mask_head(placed.stem), tail_kind(entry.tail)].append(placed)
    groups: dict[_Key, list[_Placed]] = defaultdict(list)
    for (folder, head, kind), group in by_case.items():
        if _is_pattern(layout, group, cases):
            groups[folder, head, kind] += group
            continue
        for placed in group:
            case = placed.case if mark("case") in placed.folder else ""
            groups[placed.folder, head, kind].append(replace(placed, with_case=placed.folder, case=case))
    return groups


def _place(layout: Layout, entry: Entry, values: dict[str, str], cases: Collection[str]) -> _Placed:
    stem = layout.marked_stem(entry.stem, values)
    names = {value: mark(name) for name, value in values.items()}
    folder = tuple(names.get(part, part) for part in entry.folder)
    case = values.get("case") or next(filter(None, (_case_in(part, cases) for part in entry.folder)), "")
    values["case"] = case
    with_case = tuple(part if part in names.values() else mark_values(part, values) for part in folder)
    return _Placed(entry, stem, folder, with_case, case)


def _case_in(name: str, cases: Collection[str]) -> str:
    """Return the longest name of a case that is a part of a name, or an empty text."""
    starts = [0, *(match.end() for match in re.finditer(r"[\W_]", name))]
    ends = [*(match.start() for match in re.finditer(r"[\W_]", name)), len(name)]
    parts = sorted((name[i:j] for i in starts for j in ends if i < j), key=len, reverse=True)
    return next((part for part in parts if part in cases), "")


def _is_pattern(layout: Layout, group: Sequence[_Placed], cases: Collection[str]) -> bool:
    """Return whether names that contain a field vary with it, and no file is named after another case."""
    for position, (plain, marked) in enumerate(zip(group[0].folder, group[0].with_case, strict=True)):
        if plain != marked and len({placed.entry.folder[position] for placed in group}) < 2:
            return False
    named = ((placed.case, layout.affix.strip(placed.stem)) for placed in group if placed.case)
    return layout.by_folder or not any(name in cases and name != case for case, name in named)


def _describe(
    layout: Layout, folder: tuple[str, ...], head: str, kind: str, group: Sequence[_Placed]
) -> MaskSet:
    places = tuple(map(literal, folder))
    name, entries = mask_name(places, head, kind), tuple(placed.entry for placed in group)
    cases = layout.cases
    if any(mark("case") in part for part in folder):
        stem = _stem_in_case_folder(group, kind)
        matched = frozenset(placed.case for placed in group) & frozenset(cases)
    else:
        names = {placed.stem for placed in group}
        affix, n = fit_affix(names, cases)
        if n < _ENOUGH * len(names):
            return MaskSet(name, places, entries)
        numbered = "*" * any(entry.tail != kind for entry in entries)
        joint = "" if kind else common_joint([entry.tail for entry in entries])
        stem = f"{literal(affix.before)}{{case}}{literal(affix.after + kind + joint)}{numbered}"
        matched = frozenset(case for text in names if (case := affix.strip(text)) and case in cases)
    return MaskSet(name, places, entries, matched, "/".join((*places, stem + _suffix(entries))))


def _stem_in_case_folder(group: Sequence[_Placed], kind: str) -> str:
    stems = {mark_values(placed.stem, {"case": placed.case}) for placed in group}
    names = {mark_values(placed.stem + placed.entry.tail, {"case": placed.case}) for placed in group}
    if len(names) == 1:
        return literal(names.pop())
    return literal(f"{stems.pop()}{kind}*" if len(stems) == 1 else affixes_of(names)[-1].wrap("*"))


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
    """Add the masks that fit no image to the notes, those of many folders as one."""
    unpaired = [mask for mask in sets if not mask.pattern]
    groups = [unpaired] if len(unpaired) > _MOST_NOTES else [[mask] for mask in unpaired]
    for group in groups:
        entries = [entry for mask in group for entry in mask.entries]
        places = name_some((("/".join(mask.folder) or "this folder") for mask in group), 2)
        notes.doubt(
            f"{count_of(len(entries), 'mask')} in {places} will not be used, because no name fits an image: "
            f"{name_some((entry.name for entry in entries), 2)}."
        )


def leave_kinds_out(sets: Sequence[MaskSet], notes: Notes) -> list[MaskSet]:
    """Keep the kinds with most cases where the names of masks follow no pattern and make a kind for every few files."""
    if len(sets) > _MOST_KINDS:
        folders = name_some(("/".join(mask.folder) for mask in sets[_MOST_KINDS:]), 2)
        notes.doubt(
            f"The names of the masks and their folders make {len(sets)} kinds of mask, of which the {_MOST_KINDS} with "
            f"the most cases are described. Write patterns for the others, such as those in {folders}."
        )
    return list(sets[:_MOST_KINDS])
