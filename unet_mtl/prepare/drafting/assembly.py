"""The draft of the description of a folder."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from unet_mtl.data.images import image_size
from unet_mtl.data.split_words import read_split_word
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.channels import ChannelFiles, find_channels
from unet_mtl.prepare.drafting.columns import Column, order_of, read_column
from unet_mtl.prepare.drafting.content import pick_evenly, show_same_area
from unet_mtl.prepare.drafting.draft import Draft, MaskDraft
from unet_mtl.prepare.drafting.files import Files, sort_files
from unet_mtl.prepare.drafting.headers import Headers, note_frames, read_headers
from unet_mtl.prepare.drafting.label_maps import (
    find_label_maps,
    nearest_label_map,
    note_lists,
    read_label_map,
    read_meaning,
)
from unet_mtl.prepare.drafting.layout import Layout, find_layout, note_fields
from unet_mtl.prepare.drafting.masks import Meaning, find_meaning
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.pairing import (
    MaskSet,
    classes_in_folders,
    leave_kinds_out,
    note_masks,
    note_unpaired,
    pair_masks,
)
from unet_mtl.prepare.drafting.patient_columns import find_folds, find_patient, find_split, note_no_patient
from unet_mtl.prepare.drafting.pixels import Census
from unet_mtl.prepare.drafting.spacing import find_spacing
from unet_mtl.prepare.drafting.table_alone import choose_inputs, choose_table_alone
from unet_mtl.prepare.drafting.tables import CaseTable, choose_table, name_files
from unet_mtl.prepare.drafting.vocabulary import OBJECT_WORDS, SIZE_WORDS, has_word
from unet_mtl.wording import count_of, name_some


def draft_folder(root: Path) -> Draft:
    """Guess what the files and columns in a folder mean.

    Raises:
        DataError: The folder does not exist or has no image, images cannot be distinguished by their names, or no table
            is readable.
    """
    notes = Notes()
    files = sort_files(root, notes)
    label_maps = find_label_maps(root)
    files = replace(files, tables=tuple(path for path in files.tables if path not in label_maps))
    if not files.images:
        return _draft_table(files, notes)
    note_lists(root, notes)
    images, channels = find_channels(root, files.images, files.masks)
    layout = find_layout(images, notes, files.masks)
    layout, masks = pair_masks(layout, files.masks)
    table = choose_table(root, files.tables, layout, masks, notes)
    masks = _with_columns(masks, table)
    pattern = table.images if table else layout.pattern
    patterns = _note_images(pattern, channels, layout, notes)
    headers = read_headers([root / entry.path for entry in (files.images if patterns else layout.images)])
    note_frames("images", headers, notes)
    note_fields(layout, notes, in_braces=table is None)
    note_unpaired(masks, notes)
    paired = leave_kinds_out([mask for mask in masks if mask.pattern], notes)
    paired = _leave_objects_out(paired, notes)
    note_masks(layout, paired, notes)
    drafted = _draft_masks(root, paired, label_maps, notes)
    note_frames("masks", read_headers(_files_of(root, drafted, paired)), notes)
    missing = channels.missing if channels and patterns else {}
    draft = Draft(root, pattern, table, patterns, missing, drafted, n_cases=len(layout.images), notes=notes)
    draft = _with_table(draft, table, files, layout) if table else _with_folders(draft, layout)
    if draft.patient is None:
        note_no_patient(layout.cases, notes, headers)
    return _with_header_spacing(draft, headers)


def _note_images(pattern: str, channels: ChannelFiles | None, layout: Layout, notes: Notes) -> dict[str, str]:
    """Add the images to the notes, and return the patterns of their channels, if these are separate files."""
    patterns = channels.patterns(pattern, layout.suffix) if channels else {}
    if channels is None or not patterns:
        if channels is not None:
            first = next(iter(channels.words))
            notes.doubt(
                f"Only {first} is used of {name_some(channels.words, 8)}, since the table gives its path."
            )
        notes.guess("images", pattern, count_of(len(layout.images), "file"))
        return patterns
    n = len(layout.images)
    for name, of_channel in patterns.items():
        because = f"{n - channels.missing.get(name, 0):,} of {count_of(n, 'case')} have this channel"
        notes.guess(f"images.{name}", of_channel, because)
    if channels.missing:
        counts = name_some((f"{name} in {n:,}" for name, n in channels.missing.items()), 8)
        notes.doubt(
            f"Of {count_of(n, 'case')}, channels are missing: {counts}. They are filled with zeros; "
            "remove `missing_channels` to have these cases reported as errors."
        )
    return patterns


def _draft_table(files: Files, notes: Notes) -> Draft:
    """Draft a table without images."""
    table = choose_table_alone(files.root, files.tables, notes)
    draft = _with_table(
        Draft(files.root, "", table, n_cases=len(table.rows), notes=notes), table, files, None
    )
    if draft.patient is None:
        note_no_patient(list(table.rows[table.case]), notes)
    inputs = choose_inputs(draft.columns, table, files.root, notes)
    notes.guess("inputs.record", name_some(inputs, 6), "the columns that are not targets")
    return replace(draft, inputs=inputs)


def _with_columns(masks: Sequence[MaskSet], table: CaseTable | None) -> list[MaskSet]:
    """Use the columns of the table with paths of masks, where names do not fit or images are named by a column too."""
    if table is None:
        return list(masks)
    by_name = table.names.strip(table.rows[table.case].iloc[0]) is not None and "{case}" in table.images
    return [
        replace(mask, pattern=table.masks[mask.name], cases=frozenset(entry.stem for entry in mask.entries))
        if mask.name in table.masks and not (by_name and mask.pattern)
        else replace(mask, pattern=table.fill(mask.pattern))
        for mask in masks
    ]


def _draft_masks(
    root: Path, sets: Sequence[MaskSet], label_maps: Sequence[Path], notes: Notes
) -> tuple[MaskDraft, ...]:
    meanings = {
        m.name: find_meaning(
            m.name, [root / entry.path for entry in m.entries], notes, _reader_of_names(root, m, label_maps)
        )
        for m in sets
    }
    binary = {name: m.binary and not m.instances and not m.smeared for name, m in meanings.items()}
    united = classes_in_folders(sets, binary)
    drafts = [_unite(group, notes) for group in united]
    in_groups = {mask.name for group in united for mask in group}
    for mask in (mask for mask in sets if mask.name not in in_groups):
        drafts.append(MaskDraft(mask.name, {"": mask.pattern}, meanings[mask.name], len(mask.cases)))
    drafts = _doubt_others(drafts, {mask.name: mask for mask in sets}, root, notes)
    kinds = [draft.name for draft in drafts if not draft.doubt]
    if len(kinds) > 1:
        notes.doubt(
            f"{name_some(kinds)} are treated as separate masks. If they are parts of the same mask, write a single "
            "`path` with a * that fits all of them; if they are several annotations of the same structure, keep one."
        )
    return tuple(drafts)


def _files_of(root: Path, drafted: Sequence[MaskDraft], sets: Sequence[MaskSet]) -> list[Path]:
    """Return the files of the masks that are not drafted as comments."""
    names = {name or mask.name for mask in drafted if not mask.doubt for name in mask.files}
    return [root / entry.path for mask in sets if mask.name in names for entry in mask.entries]


def _leave_objects_out(sets: Sequence[MaskSet], notes: Notes) -> list[MaskSet]:
    """Leave masks out that only tell objects apart, such as SegmentationObject beside SegmentationClass."""
    objects = [mask for mask in sets if mask.folder and has_word(mask.folder[-1], OBJECT_WORDS)]
    if len(objects) in (0, len(sets)):
        return list(sets)
    places = name_some("/".join(mask.folder) for mask in objects)
    notes.doubt(f"The masks in {places} are not used: they tell objects apart, which is not learned.")
    return [mask for mask in sets if mask not in objects]


def _reader_of_names(
    root: Path, masks: MaskSet, label_maps: Sequence[Path]
) -> Callable[[Census, Sequence[Path]], Meaning | None] | None:
    """Return the function that names the classes by a file with the names of colours, if there is one."""
    path = nearest_label_map(label_maps, root, masks.entries[0].folder)
    if path is None:
        return None
    return partial(read_meaning, read_label_map(path), path.relative_to(root).as_posix())


def _unite(group: Sequence[MaskSet], notes: Notes) -> MaskDraft:
    """Return one mask for folders that hold one class each."""
    name = "mask"
    classes = tuple(mask.name for mask in group)
    because = f"the sibling folders {name_some(classes)} have masks of the same cases"
    notes.guess(f"masks.{name}.classes", name_some(classes), because)
    notes.doubt(
        f"Mask {name}: if several classes cover a pixel, the last one wins. If classes overlap, describe them as "
        "separate masks instead of under `files`."
    )
    cases = frozenset[str]().union(*(mask.cases for mask in group))
    meaning = Meaning(("background", *classes), because=because)
    return MaskDraft(name, {mask.name: mask.pattern for mask in group}, meaning, len(cases))


_ORDINAL = re.compile(
    r"1st|first|2nd|second|3rd|third|(?:(?<=observer)|(?<=annotator)|(?<=reader)|(?<=rater)|(?<=expert))_?\d+"
)
"""The part of a name that tells several annotations of one structure apart."""


def _doubt_others(
    drafts: Sequence[MaskDraft], sets: Mapping[str, MaskSet], root: Path, notes: Notes
) -> list[MaskDraft]:
    """Comment out masks beside another one that are rarely learned: object numbers, fields of view, repetitions."""
    others = [draft.name for draft in drafts if not draft.meaning.instances]
    first: dict[str, str] = {}
    kept = []
    for draft in drafts:
        reason = ""
        name = _ORDINAL.sub("", draft.name)
        if draft.meaning.instances and others:
            reason = f"object numbers, beside the mask {others[0]!r} of the same images"
        elif name != draft.name and first.setdefault(name, draft.name) != draft.name:
            reason = f"a further annotation of the same structure as {first[name]!r}"
        elif (
            draft.name in sets
            and len(others) > 1
            and show_same_area([root / e.path for e in sets[draft.name].entries])
        ):
            reason = "nearly the same area in every case, such as the field of view"
        if reason:
            notes.doubt(
                f"Mask {draft.name} is a comment ({reason}). Uncomment it if it should be learned as well."
            )
        kept.append(replace(draft, doubt=reason))
    return kept


def _with_folders(draft: Draft, layout: Layout) -> Draft:
    """Add what the names of folders tell, if there is no table."""
    names = layout.fields.values()
    columns = []
    for name in names:
        if name not in ("case", "split", "patient"):
            values = layout.values(name)
            classes = tuple(order_of(Counter(values)) or values)
            columns.append(Column(name, "classes", "the names of the folders of the images", classes))
    draft = replace(
        draft,
        columns=tuple(columns),
        patient="patient" if "patient" in names else None,
        split="split" if "split" in names else None,
    )
    return _check_parts(draft, list(layout.values("split")) if draft.split else [])


def _with_table(draft: Draft, table: CaseTable, files: Files, layout: Layout | None) -> Draft:
    rows, notes = table.rows, draft.notes
    patient = find_patient(rows, table.used, notes)
    taken = {name for name in (table.case, patient) if name is not None}
    split = find_split(rows, taken, notes)  # the split may be a column of folder names
    fold_column = find_folds(rows, taken, patient, notes)
    hints = " ".join([draft.root.name, *rows.columns, *rows.iloc[0]])
    paths = [draft.root / entry.path for entry in layout.images] if layout else []
    spacing = find_spacing(rows, paths, hints, notes, table.decimal) if layout else None
    apart = {table.case, patient, split, fold_column, spacing.column if spacing else None}
    columns = [_read(name, table, files, layout) for name in rows.columns if name not in apart]
    _note_columns(columns, notes)
    draft = replace(draft, patient=patient, split=split, fold_column=fold_column, spacing=spacing)
    draft = replace(draft, columns=tuple(columns))
    return _check_parts(draft, list(rows[split]) if split else [])


def _note_columns(columns: Sequence[Column], notes: Notes) -> None:
    for column in columns:
        numbers = f"numbers, in {column.unit}" if column.unit else "numbers"
        guess = {"classes": name_some(column.classes, 6), "numbers": numbers, "other": "not used"}[
            column.kind
        ]
        notes.guess(f"columns.{column.name}", guess, column.because)
        for line in column.unsure:
            notes.doubt(line)
    missing = Counter(word for column in columns if column.kind != "other" for word in column.missing)
    for word, n in missing.items():
        notes.guess("missing", word, f"it seems to mean missing, in {count_of(n, 'column')}")
    if missing:
        notes.doubt(
            f"{name_some(map(repr, missing))} is treated as missing. Remove it from `missing` if it is a class."
        )


def _read(name: str, table: CaseTable, files: Files, layout: Layout | None) -> Column:
    cells = table.rows[name]
    if name_files(cells, (*files.images, *files.masks)):
        return Column(name, "other", "it holds names of files")
    if layout and has_word(name, SIZE_WORDS) and _are_sizes(name, table, files.root, layout):
        return Column(name, "other", "it is the size of the image")
    return read_column(name, cells, table.decimal)


def _are_sizes(name: str, table: CaseTable, root: Path, layout: Layout) -> bool:
    cases = layout.cases
    names = [table.names.strip(cell) for cell in table.rows[table.case]]
    rows = [(i, cases[case]) for i, case in enumerate(names) if case is not None and case in cases]
    try:
        sizes = [
            (table.rows[name].iloc[i], image_size(root / entry.path)) for i, entry in pick_evenly(rows, 3)
        ]
    except DataError:
        return False
    return bool(sizes) and all(cell in map(str, size) for cell, size in sizes)


def _check_parts(draft: Draft, words: Sequence[str]) -> Draft:
    """Note a split without validation cases."""
    parts = {read_split_word(word) for word in words}
    if draft.split is None or {"train", "val"} <= parts:
        return draft
    if parts == {"train", "test"}:
        draft.notes.doubt(
            f"{draft.split} has no val cases, so a quarter of the train cases will be used as val. Set the shares with "
            "`split: {train: 0.8, val: 0.2, test: 0}` in config.yaml, or mark val cases."
        )
        return draft
    draft.notes.doubt(
        f"{draft.split} has no val cases, which are needed to choose the best checkpoint. Until you mark some, "
        "config.yaml ignores it and splits all cases anew."
    )
    return replace(draft, no_val=True)


def _with_header_spacing(draft: Draft, headers: Headers) -> Draft:
    if draft.spacing is None and headers.have_spacing:
        draft.notes.guess("spacing_mm", "header", "the files contain it")
        return replace(draft, spaced_files=True)
    if draft.spacing is None:
        draft.notes.doubt(
            "The pixel spacing is unknown, so distances are in pixels until you add `spacing_mm`."
        )
    return draft
