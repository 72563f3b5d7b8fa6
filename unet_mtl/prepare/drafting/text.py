"""The draft as dataset.yaml and config.yaml, with the reasons as comments."""

from collections import Counter
from collections.abc import Sequence

from unet_mtl.prepare.drafting.columns import Column
from unet_mtl.prepare.drafting.draft import Draft, MaskDraft
from unet_mtl.prepare.drafting.task_choice import Answer
from unet_mtl.prepare.drafting.yaml_text import flow, flow_map, line, off, paragraph, path, remark, scalar
from unet_mtl.wording import name_some

_HEAD = "# Drafted by `unet-mtl init`. Every line is a guess: read it, correct it, then run `unet-mtl check`."


def description_text(draft: Draft, root: str | None) -> str:
    """dataset.yaml.

    Args:
        draft: What was guessed.
        root: Of the data, where the file is written elsewhere.
    """
    lines = [_HEAD]
    if draft.notes.unsure:
        lines += ["# What could not be told, or is for you to decide:", *paragraph(draft.notes.unsure)]
    lines += ["", *([f"root: {path(root)}"] if root else [])]
    lines += [*_cases(draft), f"images: {path(draft.images)}"]
    lines += _masks(draft.masks) + _columns(draft) + _spacing(draft)
    missing = dict.fromkeys(word for column in _described(draft) for word in column.missing)
    if draft.split:
        lines += line(f"split: {scalar(draft.split)}", "train, val, test")
    if missing:
        lines += line(f"missing: {flow(missing)}", "words that seem to mean unknown, beside the usual ones")
    return "\n".join(lines) + "\n"


def _cases(draft: Draft) -> list[str]:
    lines = []
    if draft.table:
        lines += line(f"table: {path(draft.table.path)}", "one row a case")
        lines += line(
            f"case: {scalar(draft.table.case)}", f"such as {draft.table.rows[draft.table.case].iloc[0]}"
        )
        names = draft.table.names.wrap("{case}")
        if draft.table.decimal != ".":
            lines += line(
                f'decimal: "{draft.table.decimal}"', "what stands before the decimals of its numbers"
            )
        if names != "{case}":
            lines += line(f"names: {path(names)}", "what stands in that column; {case} is the rest of it")
    if draft.patient:
        lines += line(f"patient: {scalar(draft.patient)}", "cases of one patient stay on one side of a split")
    else:
        lines += off("patient: COLUMN", "name the column, if there is one: patients must not be torn apart")
    return lines


def _masks(masks: Sequence[MaskDraft]) -> list[str]:
    if not masks:
        return []
    lines = [] if any(not mask.doubt for mask in masks) else [remark("masks: all are commented out")]
    lines += ["masks:"] if not lines else []
    for mask in masks:
        described = _mask(mask)
        lines += ["  " + remark(mask.doubt)] * bool(mask.doubt)
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
        lines += line(f"    path: {path(mask.files[''])}", f"{mask.cases:,} cases have one")
    else:
        lines += [
            "    files:",
            *(f"      {scalar(name)}: {path(file)}" for name, file in mask.files.items()),
        ]
    lines += line(f"    classes: {flow(meaning.classes)}", meaning.because)
    if meaning.values:
        values = ", ".join(f"{value}: {index}" for value, index in meaning.values.items())
        lines += line(f"    values: {{{values}}}", "number in the file: index of its class")
    if meaning.colours:
        colours = flow_map({name: f'"{colour}"' for name, colour in meaning.colours.items()})
        lines += line(f"    colours: {colours}", "colour in the file")
    if meaning.instances:
        lines += line("    instances: true", "numbers are those of objects; all that is not 0 is one class")
    if meaning.smeared:
        lines += off("    repair: nearest", "takes the nearest known value; only if you agree")
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
        off(f"  {scalar(c.name)}: {{}}", f"left out: {c.because}") for c in draft.columns if c.kind == "other"
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
        return line("spacing_mm: header", "the files know it")
    if spacing is None:
        return off("spacing_mm: 0.1", "a number or a column; without it distances are in pixels")
    text = f"spacing_mm: {scalar(spacing.column)}"
    if spacing.unit is None:
        return off(text, "in which unit? then add `spacing_unit: cm`, mm, um or m")
    unit = [f"spacing_unit: {spacing.unit}"] if spacing.unit != "mm" else []
    return [text, *unit]


def config_text(draft: Draft, answers: Sequence[Answer]) -> str:
    """config.yaml, beside dataset.yaml."""
    lines = [_HEAD, "", *line("data: .", "the folder of dataset.yaml, seen from here")]
    asked = [answer for answer in answers if not answer.doubt]
    lines += line(
        "tasks:" if asked else "tasks: []", "the first one's primary score picks the best checkpoint"
    )
    for answer in asked:
        lines += line(f"  - {_task(answer)}")
    for doubt in dict.fromkeys(answer.doubt for answer in answers if answer.doubt):
        lines.append(f"  {remark(f'{doubt}:')}")
        lines += [f"  {remark(f'- {_task(answer)}')}" for answer in answers if answer.doubt == doubt]
    lines += _split(draft)
    lines += line("augment: light", "none, light, any_direction, or a list of albumentations")
    lines += line("training: {epochs: 80, batch_size: 8}")
    lines += off("preprocess: {size: [256, 256], channels: 3}", "what images are resized to")
    return "\n".join(lines) + "\n"


def _task(answer: Answer) -> str:
    content = {"kind": answer.kind, "name": scalar(answer.name)}
    if answer.name != answer.target:
        content["target"] = scalar(answer.target)
    return flow_map(content | dict(answer.settings))


def _split(draft: Draft) -> list[str]:
    if draft.fold_column:
        text = f"split: {{fold_column: {scalar(draft.fold_column)}}}"
        return line(text, "the lowest is test, the next val; `fold: N` makes N test")
    if draft.split and draft.no_val:
        return line("split: {column: ratio}", f"{draft.split} has no val; without this line it is used")
    if draft.split:
        return off("split: {column: ratio}", f"deals cases out anew; without it {draft.split} is used")
    return off("split: {train: 0.6, val: 0.2, test: 0.2}", "the default; patients stay together")
