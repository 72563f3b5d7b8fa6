"""The draft as the text of dataset.yaml and config.yaml, with reasons as comments."""

from collections import Counter
from collections.abc import Sequence

from unet_mtl.nn.weights.cache import find_encoder
from unet_mtl.prepare.drafting.columns import Column
from unet_mtl.prepare.drafting.draft import Draft, MaskDraft
from unet_mtl.prepare.drafting.task_choice import SIZE_UNITS, TaskChoice
from unet_mtl.prepare.drafting.yaml_text import (
    comment,
    commented_out,
    flow,
    flow_map,
    line,
    paragraph,
    path,
    scalar,
)
from unet_mtl.wording import count_of, name_some

_HEAD = (
    "# Drafted by `unet-mtl init`. Every line is a guess: check and correct it, then run `unet-mtl check`."
)


def description_text(draft: Draft, root: str | None) -> str:
    """Return the text of dataset.yaml.

    Args:
        draft: The draft.
        root: Folder of the data if dataset.yaml is written elsewhere, or None.
    """
    lines = [_HEAD]
    if draft.notes.unsure:
        lines += ["# To be decided:", *paragraph(draft.notes.unsure)]
    lines += ["", *([f"root: {path(root)}"] if root else [])]
    lines += [*_cases(draft), *_images(draft)]
    lines += _masks(draft.masks) + _columns(draft) + (_spacing(draft) if draft.images else [])
    missing = dict.fromkeys(word for column in _described(draft) for word in column.missing)
    if draft.split:
        lines += line(f"split: {scalar(draft.split)}", "train, val, test")
    if missing:
        lines += line(f"missing: {flow(missing)}", "words that mean missing, in addition to the usual ones")
    return "\n".join(lines) + "\n"


def _cases(draft: Draft) -> list[str]:
    lines = []
    if draft.table:
        lines += line(f"table: {path(draft.table.path)}", "one row per case")
        if draft.table.sheet is not None:
            lines += line(f"sheet: {scalar(draft.table.sheet)}", "the sheet of the workbook")
        lines += line(
            f"case: {scalar(draft.table.case)}", f"such as {draft.table.rows[draft.table.case].iloc[0]}"
        )
        names = draft.table.names.wrap("{case}")
        if draft.table.decimal != ".":
            lines += line(f'decimal: "{draft.table.decimal}"', "the decimal separator of its numbers")
        if names != "{case}":
            lines += line(f"names: {path(names)}", "the form of the cells of that column")
    if draft.patient:
        lines += line(
            f"patient: {scalar(draft.patient)}", "cases of a patient stay in the same part of a split"
        )
    else:
        lines += commented_out(
            "patient: COLUMN", "name the patient column, to keep a patient's cases together"
        )
    return lines


def _images(draft: Draft) -> list[str]:
    if not draft.channels:
        return [f"images: {path(draft.images)}"] if draft.images else []
    lines = line("images:", "one channel from each file, in this order")
    lines += [f"  {scalar(name)}: {path(pattern)}" for name, pattern in draft.channels.items()]
    if draft.missing_channels:
        counts = name_some(
            (f"{name} in {count_of(n, 'case')}" for name, n in draft.missing_channels.items()), 8
        )
        lines += line("missing_channels: zeros", f"missing: {counts}")
    return lines


def _masks(masks: Sequence[MaskDraft]) -> list[str]:
    if not masks:
        return []
    lines = [] if any(not mask.doubt for mask in masks) else [comment("masks: every mask is commented out")]
    lines += ["masks:"] if not lines else []
    for mask in masks:
        described = _mask(mask)
        lines += ["  " + comment(mask.doubt)] * bool(mask.doubt)
        lines += (
            [f"  # {row.strip(' ') if row == described[0] else row[2:]}" for row in described]
            if mask.doubt
            else described
        )
    return lines


def _mask(mask: MaskDraft) -> list[str]:
    meaning = mask.meaning
    lines = [f"  {scalar(mask.name)}:"]
    if "" in mask.files:
        lines += line(f"    path: {path(mask.files[''])}", f"{count_of(mask.cases, 'case')} with a mask")
    else:
        lines += [
            "    files:",
            *(f"      {scalar(name)}: {path(file)}" for name, file in mask.files.items()),
        ]
    lines += line(f"    classes: {flow(meaning.classes)}", meaning.because)
    if meaning.values:
        values = ", ".join(f"{value}: {index}" for value, index in meaning.values.items())
        lines += line(f"    values: {{{values}}}", "value in the file: index of its class")
    if meaning.colours:
        colours = flow_map({name: f'"{colour}"' for name, colour in meaning.colours.items()})
        lines += line(f"    colours: {colours}", "colours in the file")
    if meaning.instances:
        lines += line("    instances: true", "values are object numbers; all but 0 are one class")
    if meaning.smeared:
        lines += commented_out("    repair: nearest", "replaces unknown values by the nearest known one")
    return lines


def _described(draft: Draft) -> list[Column]:
    return [column for column in draft.columns if column.kind != "other"]


def _columns(draft: Draft) -> list[str]:
    lines = []
    for column in _described(draft):
        if column.classes:
            content = {"classes": flow(column.classes, word=True)}
            if column.values:
                content["values"] = flow_map({key: scalar(value) for key, value in column.values.items()})
            because = _counts(column, draft)
        else:
            content = {"unit": scalar(column.unit)} if column.unit else {}
            because = column.because
        lines += line(f"  {scalar(column.name)}: {flow_map(content)}", because)
    if draft.fold_column:
        lines += line(f"  {scalar(draft.fold_column)}: {{}}", "the fold")
    left_out = [
        commented_out(f"  {scalar(column.name)}: {{}}", f"not used: {column.because}")
        for column in draft.columns
        if column.kind == "other"
    ]
    head = ["columns:"] if lines else []
    return [*head, *lines, *(row for rows in left_out for row in rows)]


def _counts(column: Column, draft: Draft) -> str:
    if not draft.table:
        return column.because
    counts = Counter(column.values.get(cell, cell) for cell in draft.table.rows[column.name])
    return name_some((f"{word}: {counts[word]:,}" for word in column.classes), 8)


def _spacing(draft: Draft) -> list[str]:
    spacing = draft.spacing
    if draft.spaced_files:
        return line("spacing_mm: header", "the files contain it")
    if spacing is None:
        return commented_out("spacing_mm: 0.1", "a number or a column; without it, distances are in pixels")
    text = f"spacing_mm: {scalar(spacing.column)}"
    if spacing.unit is None:
        return commented_out(text, "add its unit, such as `spacing_unit: cm` (mm, cm, m or um)")
    unit = [f"spacing_unit: {spacing.unit}"] if spacing.unit != "mm" else []
    return [text, *unit]


def config_text(draft: Draft, choices: Sequence[TaskChoice], channels: int | None = None) -> str:
    """Return the text of config.yaml.

    Args:
        draft: The draft.
        choices: The tasks; doubtful ones become comments.
        channels: The number of channels of the images if they are neither grey nor colour, else None.
    """
    lines = [_HEAD, "", *line("data: .", "folder of dataset.yaml, relative to this file")]
    chosen = [choice for choice in choices if not choice.doubt]
    lines += line(
        "tasks:" if chosen else "tasks: []", "the primary score of the first task selects the best checkpoint"
    )
    for choice in chosen:
        lines += line(f"  - {_task(choice)}")
    for doubt in dict.fromkeys(choice.doubt for choice in choices if choice.doubt):
        lines.append(f"  {comment(f'{doubt}:')}")
        lines += [f"  {comment(f'- {_task(choice)}')}" for choice in choices if choice.doubt == doubt]
    if draft.inputs:
        lines += ["inputs:", *line(f"  record: {{columns: {flow(draft.inputs)}, hidden: [16]}}")]
    lines += _split(draft)
    lines += _augment(draft, chosen)
    encoder = find_encoder() if draft.images else None
    if encoder:
        lines += line(
            f"network: {{encoder: {encoder}, weights: imagenet}}",
            "starts from weights that are on this machine; without this line, a plain U-Net from random ones",
        )
    lines += line("training: {epochs: 80, batch_size: 8}")
    if channels:
        lines += line(f"preprocess: {{channels: {channels}}}", "the number of channels of the images")
    elif draft.images:
        number = "" if draft.channels else ", channels: 3"
        lines += commented_out(
            f"preprocess: {{size: [256, 256]{number}}}", "the size to which images are resized"
        )
    return "\n".join(lines) + "\n"


def _augment(draft: Draft, chosen: Sequence[TaskChoice]) -> list[str]:
    if not draft.images:
        return []
    units = {column.name: column.unit for column in draft.columns}
    sizes = [
        choice.target
        for choice in chosen
        if units.get(choice.target) in SIZE_UNITS and "measure" not in choice.settings
    ]
    if sizes:
        numbers = name_some(f"{name} in {units[name]}" for name in sizes)
        return line("augment: light_without_zoom", f"{numbers} would not follow the zoom of `light`")
    return line("augment: light", "none, light, any_direction, or a list of albumentations")


def _task(choice: TaskChoice) -> str:
    content = {"kind": choice.kind, "name": scalar(choice.name)}
    if choice.name != choice.target:
        content["target"] = scalar(choice.target)
    return flow_map(content | dict(choice.settings))


def _split(draft: Draft) -> list[str]:
    if draft.fold_column:
        text = f"split: {{fold_column: {scalar(draft.fold_column)}}}"
        return line(text, "the lowest fold is test, the next one val; `fold: N` makes N test")
    if draft.split and draft.no_val:
        return line("split: {column: ratio}", f"ignores {draft.split}, which has no val cases")
    if draft.split:
        return commented_out(
            "split: {column: ratio}", f"splits all cases anew; without it, {draft.split} is used"
        )
    return commented_out(
        "split: {train: 0.6, val: 0.2, test: 0.2}", "the default; a patient's cases stay together"
    )
