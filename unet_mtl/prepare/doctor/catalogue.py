"""Everything that the doctor knows to look for. A new kind of finding is one line in `KINDS`."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
Mends = Literal["", "always", "on request"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding.

    Attributes:
        severity: "error": training would fail or learn what is wrong; "warning": look at it; "note": good to know.
        title: What it is, for many cases.
        cure: What helps.
        mends: Whether a repaired copy is free of it: "always"; "on request", where only a person can be sure.
    """

    severity: Severity
    title: str
    cure: str
    mends: Mends = ""


def _error(title: str, cure: str, mends: Mends = "") -> Kind:
    return Kind("error", title, cure, mends)


def _warning(title: str, cure: str, mends: Mends = "") -> Kind:
    return Kind("warning", title, cure, mends)


def _note(title: str, cure: str, mends: Mends = "") -> Kind:
    return Kind("note", title, cure, mends)


KINDS: dict[str, Kind] = {
    # the table and the names of files
    "row-unnamed": _error("rows without a name", "name each case, or remove the row", "always"),
    "case-repeated": _error(
        "cases that stand in several rows", "leave one row a case; rows that are equal are mended", "always"
    ),
    "image-missing": _error("cases without their image", "put the file there, or remove the row"),
    "image-renamed": _error(
        "images whose names differ from the table in capitals, blanks or suffix",
        "rename the file, or correct the cell",
        "always",
    ),
    "mask-missing": _error("cases without a mask that is required", "add it, or say `required: false`"),
    "mask-absent": _note(
        "cases without a mask", "nothing, if nobody drew one; if there is nothing to draw, save an empty mask"
    ),
    "mask-renamed": _warning(
        "masks whose names differ from what is expected in capitals, blanks or suffix",
        "rename the file: until then its case counts as not labelled",
        "always",
    ),
    "mask-nowhere": _error("masks without one file", "correct the pattern in dataset.yaml"),
    "path-outside": _error("files that lie outside of the data set", "move them, or say `links: true`"),
    "patient-missing": _error("cases whose patient is not known", "say whose they are"),
    "class-unknown": _error("words that are no class", "declare the class, or correct the cell"),
    "class-spelling": _error(
        "classes in another spelling", "correct the cells, or use `values` in dataset.yaml", "always"
    ),
    "number-invalid": _error("cells that are no number", "correct the cell, or list the word under `missing`"),
    "frame-invalid": _error("numbers of frames that are none", "give a whole number from 0 on, or leave it empty"),
    "spacing-invalid": _error("pixel spacings that are none", "give millimetres above 0, or leave the cell empty"),
    "image-without-row": _warning("images that no row names", "add rows for them, or move them away"),
    "mask-without-case": _warning("masks that belong to no case", "correct their names, or move them away"),
    "formula": _warning(
        "cells that a spreadsheet would run as a formula",
        "remove the leading = + - or @: what is written from here has an apostrophe in front of them",
    ),
    "class-unused": _warning("classes without a case", "remove them from dataset.yaml, or correct their spelling"),
    "class-rare": _warning("classes of fewer than five cases", "nothing can be learned or measured of them: join them"),
    "number-outlier": _warning("numbers far from all others", "a slip of the comma or another unit? Correct the cell"),
    "spacing-outlier": _warning("pixel spacings far from all others", "another unit? Correct the cell"),
    "leak": _warning(
        "columns that give a target away",
        "never let such a column be an input; and if it was known before the target, ask why",
    ),
    "no-patient": _warning(
        "NO PATIENT IS KNOWN",
        "name the column in dataset.yaml, `patient: patient_id`: else images of one patient may stand in train and "
        "test, and the scores will be too good",
    ),
    "labels-missing": _note("columns with unknown labels", "nothing: an unknown label is left out of loss and scores"),
    "patient-views": _note("patients with several images", "nothing: they stay on one side of a split"),
    "spacing-missing": _note("cases without pixel spacing", "their distances are measured in pixels"),
    # images
    "image-unreadable": _error("images that cannot be read", "export them again from their source"),
    "image-range": _error(
        "images whose numbers have no known range", "set `preprocess: {intensity: percentile}` in config.yaml"
    ),
    "image-turned": _note(
        "images that are stored lying down, with an EXIF note to turn them",
        "nothing: they are turned here, and in a repaired copy; other programs may not",
        "always",
    ),
    "image-suffix": _note(
        "files that are not of the format that their name says", "rename them; they are read all the same", "always"
    ),
    "image-constant": _warning("images of one brightness", "remove the row, or export the image again"),
    "image-inverted": _warning(
        "images that seem to be negatives of the others", "look at them; export them again", "on request"
    ),
    "image-dark": _warning(
        "images that use a small part of their type's range",
        "12-bit numbers in 16-bit files? Set `preprocess: {intensity: percentile}` in config.yaml",
    ),
    "types-mixed": _note("grey and colour, or 8 and 16 bit, in one set", "nothing: `preprocess.channels` unites them"),
    "plain-colour": _note("grey images stored as colour", "set `preprocess: {channels: 1}` in config.yaml, if all are"),
    "text": _warning("images with lines of text burnt in", "blank or crop them, if a word can tell the answer"),
    "coloured-marks": _warning("grey images with coloured marks in them", "export them without calipers and marks"),
    "fixed-marks": _warning("bright marks at one place in most images", "crop or blank it, if it can tell the answer"),
    # masks
    "mask-unreadable": _error("masks that cannot be read", "export them again from their source"),
    "mask-size": _error("masks of another size than their image", "export both at one size"),
    "mask-unturned": _error(
        "masks of the size that the image has before its EXIF turn", "turn them as the image is", "always"
    ),
    "mask-values": _error("mask values outside of the classes", "say in dataset.yaml what they mean"),
    "mask-stray": _error("masks with a few pixels of no class", "set `repair: nearest` in dataset.yaml", "always"),
    "mask-antialiased": _error(
        "masks with soft edges or JPEG noise", "set `repair: nearest` in dataset.yaml", "always"
    ),
    "mask-colours": _error("masks in colour", "say in dataset.yaml what each colour means: `colours`"),
    "mask-fractions": _error("masks of fractions", "export them without interpolation"),
    "mask-alpha": _error("masks whose shape is in the alpha alone", "export them as black and white"),
    "mask-soft-alpha": _note(
        "masks with half-transparent pixels", "nothing: alpha is ignored here, the colour below it counts", "always"
    ),
    "masks-empty": _error("masks that never show a class", "are the numbers right? See `values` in dataset.yaml"),
    "class-no-pixels": _warning("mask classes without a pixel", "remove them from dataset.yaml, or see `values`"),
    "mask-empty": _note("masks without a pixel of any class", "nothing, if there is nothing to see in these images"),
    "mask-ignored": _warning(
        "masks of nothing but background and what nobody labelled",
        "255 is `ignore` by default: in masks of 0 and 255 it needs a meaning, `values: {0: 0, 255: 1}`",
    ),
    "mask-full": _warning("masks that are one class from edge to edge", "look at them"),
    "mask-inverted": _warning(
        "masks that seem to be inverted", "look at them; swap background and foreground", "on request"
    ),
    "mask-repeated": _warning("one and the same mask for different images", "look at them: a slip while saving?"),
    "mask-contradicts": _warning(
        "masks that contradict the table", "look at them: is the label wrong, or was nothing drawn yet?"
    ),
    # several images, and splits
    "identical": _warning(
        "images that are identical", "keep one of each; those with equal labels and masks are mended", "always"
    ),
    "near": _warning(
        "images that are nearly identical", "nothing: a split by ratio or folds keeps them on one side; look at them"
    ),
    "identical-split": _error("one image on two sides of the split", "move all copies to one side, or remove them"),
    "near-split": _warning("nearly identical images on two sides of the split", "look at them; move them to one side"),
    "patient-split": _error("patients on two sides of the split", "move all their cases to one side"),
    "split": _error("splits that cannot be trained on", "correct the split"),
    "split-class": _warning("parts of the split that lack a class", "add cases, or set `split: {stratify: ...}`"),
    "task": _error("tasks that cannot be trained", "correct the task, or the data"),
}  # fmt: skip
