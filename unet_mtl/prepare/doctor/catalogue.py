"""Every kind of finding that the doctor can report. A new kind is one line in `KINDS`."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
Repair = Literal["", "always", "on request"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding.

    Attributes:
        severity: "error" if training would fail or learn from wrong data, "warning" if a person should look at it,
            "note" if it is only worth knowing.
        title: What is wrong, as a heading over all cases with this finding.
        cure: What to do about it.
        repair: Whether a repaired copy corrects it: "always"; "on request", where a person has to confirm it first;
            or "", if it does not.
    """

    severity: Severity
    title: str
    cure: str
    repair: Repair = ""


def _error(title: str, cure: str, repair: Repair = "") -> Kind:
    return Kind("error", title, cure, repair)


def _warning(title: str, cure: str, repair: Repair = "") -> Kind:
    return Kind("warning", title, cure, repair)


def _note(title: str, cure: str, repair: Repair = "") -> Kind:
    return Kind("note", title, cure, repair)


KINDS: dict[str, Kind] = {
    # the table and the names of files
    "row-unnamed": _error("rows without a case name", "fill in the case name, or remove the row", "always"),
    "case-repeated": _error(
        "cases in more than one row", "keep one row per case; identical rows are merged by a repair", "always"
    ),
    "image-missing": _error("cases without an image file", "add the file, or remove the row"),
    "image-renamed": _error(
        "image file names that differ from the table in letter case, spaces, leading zeros, slashes or suffix",
        "rename the file, or correct the cell",
        "always",
    ),
    "image-claimed": _error(
        "images that several cases claim", "keep one row for each image, or correct its path in the table"
    ),
    "channel-missing": _error(
        "cases without the file of a channel",
        "add the file, remove the row, or set `missing_channels: zeros` in dataset.yaml",
    ),
    "channel-absent": _note(
        "cases without some channels", "nothing; they are filled with zeros, and the network reads which ones"
    ),
    "mask-missing": _error(
        "cases without a required mask", "add the mask, or set `required: false` in dataset.yaml"
    ),
    "mask-absent": _note(
        "cases without a mask",
        "nothing, if these cases were not annotated; if they show nothing to annotate, save an empty mask",
    ),
    "mask-renamed": _warning(
        "mask file names that differ from the expected ones in letter case, spaces, leading zeros, slashes or suffix",
        "rename the file; until then, its case counts as not labelled",
        "always",
    ),
    "mask-nowhere": _error("mask patterns that match no file", "correct the pattern in dataset.yaml"),
    "mask-claimed": _error(
        "masks that several cases claim", "make the pattern in dataset.yaml more specific, or rename the files"
    ),
    "path-outside": _error(
        "files outside the data set", "move them into the data set, or set `links: true` in dataset.yaml"
    ),
    "patient-missing": _error("cases without a patient", "fill in the patient column"),
    "patient-spelling": _warning(
        "patients whose names differ in spelling only",
        "give each patient the same name in all rows; until then, a split may separate the cases of one patient",
        "on request",
    ),
    "patient-in-headers": _warning(
        "cases of one patient, by their DICOM headers, that count as different patients",
        "give these cases the same name in the `patient` column; until then, a split may separate them",
    ),
    "class-unknown": _error(
        "labels that are not among the classes", "add the class to dataset.yaml, or correct the cell"
    ),
    "class-spelling": _error(
        "classes in another spelling", "correct the cells, or map them with `values` in dataset.yaml", "always"
    ),
    "number-invalid": _error(
        "cells that are not numbers", "correct the cell, or list its content under `missing` in dataset.yaml"
    ),
    "frame-invalid": _error("invalid frame numbers", "enter a whole number of 0 or above, or leave the cell empty"),
    "spacing-invalid": _error("invalid pixel spacings", "enter a number above 0, or leave the cell empty"),
    "image-without-row": _warning("images without a row in the table", "add rows for them, or move the files away"),
    "mask-without-case": _warning("masks without a case", "correct their file names, or move the files away"),
    "files-unused": _note(
        "images or masks that dataset.yaml does not name", "describe them, if they belong to the data set"
    ),
    "files-unread": _note(
        "files in a format that is not read", "convert those that hold images or masks, and describe them"
    ),
    "tables-unused": _note(
        "tables that dataset.yaml does not name",
        "nothing, if they are not about the cases; otherwise name the table with `table` in dataset.yaml",
    ),
    "sheets-unused": _note(
        "sheets of a workbook that are not read",
        "nothing, if the right one is read; otherwise name it with `sheet` in dataset.yaml",
    ),
    "lfs-pointer": _error(
        "Git LFS pointers in place of files", "run `git lfs pull` in the repository of the data set"
    ),
    "formula": _warning(
        "cells that a spreadsheet would run as a formula",
        "remove the leading =, +, - or @; files written by unet-mtl put an apostrophe in front of such cells",
    ),
    "class-unused": _warning("classes without cases", "remove the class from dataset.yaml, or correct its spelling"),
    "class-rare": _warning(
        "classes with fewer than five cases", "merge them with other classes; so few cases cannot be learned or scored"
    ),
    "number-zoomed": _warning(
        "numbers that do not follow the zoom of the augmentation",
        "set `measure: length` or `measure: area` of the task, so that labels follow the zoom; or set `augment` to a "
        "list of steps that keep the size of objects, such as Affine without `scale`",
    ),
    "number-stretched": _warning(
        "lengths in images that are stretched in one direction",
        "set `preprocess.fit: pad`, which keeps the aspect ratio, and `keep_ratio: true` in Affine steps with `scale`",
    ),
    "number-unspaced": _warning(
        "lengths and areas of cases without pixel spacing",
        "add the pixel spacing of these cases; without it, they are unlabelled for the task",
    ),
    "number-outlier": _warning("numbers far from all others", "check the decimal point and the unit of the cell"),
    "spacing-outlier": _warning("pixel spacings far from all others", "check the unit of the cell"),
    "leak": _warning(
        "columns that reveal a target",
        "do not use the column as an input, and ask whether it was known before the target",
    ),
    "no-patient": _warning(
        "THE PATIENT OF EACH CASE IS UNKNOWN",
        "name the patient column in dataset.yaml, such as `patient: patient_id`; without it, images of one patient may "
        "be in both train and test, and the scores are too optimistic",
    ),
    "labels-missing": _note("columns with missing labels", "nothing; missing labels are left out of loss and scores"),
    "patient-views": _note("patients with several images", "nothing; they stay in the same part of a split"),
    "spacing-missing": _note("cases without pixel spacing", "nothing, if distances in pixels are enough for them"),
    # images
    "image-unreadable": _error("unreadable images", "export the files again from their source"),
    "library-missing": _error("files that need a further library", "install the library that the message names"),
    "image-large": _error("images too large to read", "cut them into tiles, or keep only the channels you need"),
    "frame-absent": _error(
        "frames that a file does not have", "correct the frame in the table, or `frame` in dataset.yaml"
    ),
    "image-not-finite": _error(
        "images with pixels that are not finite", "replace these pixels by numbers, or export the images again"
    ),
    "image-range": _error(
        "images with an unknown intensity range", "set `preprocess: {intensity: percentile}` in config.yaml"
    ),
    "image-channels": _error(
        "images with another number of channels",
        "set `preprocess: {channels: N}` in config.yaml to the number that all images have, or export the others again",
    ),
    "channel-size": _error("channels that differ in size", "export all channels of a case at the same size"),
    "channel-spacing": _warning(
        "channels that differ in pixel spacing", "register them to the same grid; the spacing of the first one is used"
    ),
    "several-pictures": _note(
        "files that hold several pictures",
        "nothing, if the right one is read; otherwise set `frame` in dataset.yaml to a number or a column",
    ),
    "image-turned": _note(
        "images rotated by their EXIF orientation",
        "nothing here, since images are read upright; other programs may ignore the orientation",
        "always",
    ),
    "image-suffix": _note(
        "files with a suffix that does not match their format", "rename them; unet-mtl reads them anyway", "always"
    ),
    "image-constant": _warning("images of a single brightness", "export the image again, or remove the row"),
    "image-inverted": _warning(
        "images that seem to be inverted", "look at them, and export them again if they are negatives", "on request"
    ),
    "image-dark": _warning(
        "images that use a small part of their intensity range",
        "set `preprocess: {intensity: percentile}` in config.yaml if 16-bit files hold 12-bit values",
    ),
    "types-mixed": _note(
        "a mixture of grey and colour images, or of 8 and 16 bits",
        "nothing; `preprocess.channels` converts them to the same number of channels",
    ),
    "plain-colour": _note(
        "grey images stored as colour", "set `preprocess: {channels: 1}` in config.yaml if all images are grey"
    ),
    "text": _warning("images with burned-in text", "blank or crop the text if it could reveal a label"),
    "coloured-marks": _warning(
        "grey images with coloured marks", "export the images without calipers and other marks"
    ),
    "fixed-marks": _warning(
        "bright marks at the same place in most images", "blank or crop them if they could reveal a label"
    ),
    # masks
    "mask-antialiased": _error(
        "masks with smoothed edges or JPEG noise", "set `repair: nearest` in dataset.yaml", "always"
    ),
    "mask-stray": _error(
        "masks with a few pixels of unknown values", "set `repair: nearest` in dataset.yaml", "always"
    ),
    "mask-unreadable": _error("unreadable masks", "export the files again from their source"),
    "mask-size": _error(
        "masks that differ in size from their image", "export both at the same size and with the same number of frames"
    ),
    "mask-unturned": _error(
        "masks that do not follow the EXIF orientation of their image", "rotate the mask like its image", "always"
    ),
    "mask-values": _error(
        "mask values that are not classes", "describe them in dataset.yaml with `values` or more `classes`"
    ),
    "mask-coding": _error(
        "masks of one class in numbers of their own", "describe these numbers with `values` in dataset.yaml"
    ),
    "mask-colours": _error("masks with undescribed colours", "describe each colour in dataset.yaml with `colours`"),
    "mask-fractions": _error("masks with fractional values", "export them without interpolation"),
    "mask-not-finite": _error(
        "masks with pixels that are not finite", "replace these pixels, by 0 if they are background"
    ),
    "mask-alpha": _error("masks drawn in the alpha channel only", "export them as black and white"),
    "mask-soft-alpha": _note(
        "masks with semi-transparent pixels", "nothing; the alpha channel is ignored and the colours count", "always"
    ),
    "masks-empty": _error(
        "targets with empty masks only", "check the mask values, and `values` in dataset.yaml"
    ),
    "class-no-pixels": _warning(
        "mask classes without a pixel", "remove the class from dataset.yaml, or check `values` there"
    ),
    "mask-empty": _note("empty masks", "nothing, if the images show nothing to annotate"),
    "mask-ignored": _warning(
        "masks of background and unlabelled pixels only",
        "describe the value 255 in dataset.yaml, such as `values: {0: 0, 1: 1, 255: 1}`, if it is a class; otherwise "
        "it means unlabelled",
    ),
    "mask-full": _warning("masks filled with a single class", "look at them"),
    "mask-inverted": _warning(
        "masks that seem to be inverted", "look at them, and swap background and foreground", "on request"
    ),
    "mask-repeated": _warning("identical masks of different images", "look at them; a file may have been saved twice"),
    "mask-contradicts": _warning(
        "masks that contradict the table", "check whether the label is wrong or the annotation is missing"
    ),
    # several images, and splits
    "identical": _warning(
        "identical images", "keep one of them; copies with equal labels and masks are merged by a repair", "always"
    ),
    "near": _warning(
        "nearly identical images", "look at them; a split by ratio or folds keeps them in the same part"
    ),
    "identical-split": _error(
        "identical images in different parts of the split", "move all copies to the same part, or remove them"
    ),
    "near-split": _warning(
        "nearly identical images in different parts of the split", "look at them, and move them to the same part"
    ),
    "patient-split": _error(
        "patients in different parts of the split", "move all cases of a patient to the same part"
    ),
    "split-val": _note(
        "a split column or table without val", "nothing; mark val cases in it to choose them yourself"
    ),
    "split": _error("splits that cannot be used for training", "correct the split"),
    "split-class": _warning(
        "parts of the split that lack a class", "add cases, or set `split: {stratify: ...}` in config.yaml"
    ),
    "split-shares": _warning(
        "a split far from the requested shares",
        "look at the largest group; if its images only look alike, set `split: {near_duplicates: anywhere}` in "
        "config.yaml",
    ),
    "task": _error("tasks that cannot be trained", "correct the task, or add labels for it"),
}  # fmt: skip
