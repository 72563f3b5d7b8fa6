"""The cases to predict in a folder, for a run that reads each channel from a file of its own."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from unet_mtl.data.description import DESCRIPTION_FILE, Description, read_description
from unet_mtl.data.frames import choose_picture
from unet_mtl.data.observations import texts
from unet_mtl.data.patterns import fields_of, glob_files, glob_pattern, is_folder
from unet_mtl.data.records import Record, scan_dataset
from unet_mtl.data.setting_types import HEADER
from unet_mtl.errors import DataError
from unet_mtl.inference.case_result import Case
from unet_mtl.inference.described_folders import note_others, without_labels
from unet_mtl.wording import name_some, printable

_REPORTED_LATER = ("channel-missing", "image-missing", "mask-missing", "mask-claimed")
"""Observations that concern masks, or that the prediction of the case reports."""


def find_channel_cases(
    paths: Sequence[Path | str],
    trained_on: Description,
    frame: int | None = None,
    on_note: Callable[[str], None] = lambda note: None,
) -> list[Case]:
    """Find the cases of folders whose files are named like those of the training, or described by a dataset.yaml.

    Args:
        paths: Folders. One with a dataset.yaml has the cases that this describes. In another one, the patterns of the
            training find them, also if their fixed folders are left out.
        trained_on: Description of the data that the run was trained on.
        frame: Index of the picture in files that hold several; None for that of the description.
        on_note: Function that receives a sentence for each folder with files that are left aside.

    Returns:
        The cases with the files of their channels, without columns of a table.

    Raises:
        DataError: A path is not a folder, has no such files, or two cases have the same name. All problems are listed.
    """
    cases: dict[str, Case] = {}
    problems: list[str] = []
    for path in map(Path, paths):
        try:
            for case in _find(path, trained_on, frame, on_note):
                if case.name in cases:
                    problems.append(
                        f"{path}: case {case.name!r} is in another folder too; predict them separately"
                    )
                cases[case.name] = case
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(problems)
    return list(cases.values())


def _find(
    folder: Path, trained_on: Description, frame: int | None, on_note: Callable[[str], None]
) -> Iterator[Case]:
    names = name_some(trained_on.channels, 8)
    if not is_folder(folder):
        what = "is a single file" if folder.is_file() else "is no folder"
        raise DataError(
            f"{printable(folder)}: {what}, and the run reads the channels {names} from a file each; give the folder "
            "that holds the files of all channels"
        )
    if (folder / DESCRIPTION_FILE).is_file():
        description = read_description(folder)
        if not description.channels:
            raise DataError(
                f"{folder / DESCRIPTION_FILE}: `images` is one pattern, and the run reads the channels {names} from a "
                "file each; give a pattern for each channel"
            )
    else:
        description = _like_training(folder, trained_on)
    if frame is not None:
        description = description.model_copy(update={"frame": frame})
    dataset, observations = scan_dataset(without_labels(description))
    problems = [seen for seen in observations if seen.kind not in _REPORTED_LATER]
    if problems:
        raise DataError(texts(problems))
    note_others(description, (path for record in dataset for path in record.image_files), on_note)
    for record in dataset:
        yield _case_of(record)


def _case_of(record: Record) -> Case:
    frame, frames = choose_picture(record.require_image(), record.frame)
    return Case(
        record.case,
        record.image,
        frame,
        frames,
        channels=record.channels,
        spacing_mm=record.spacing_mm,
    )


def _like_training(folder: Path, trained_on: Description) -> Description:
    """Return a description of the files in a folder that are named like those of the training."""
    patterns = trained_on.image_patterns
    for n in range(min(pattern.count("/") for pattern in patterns.values()) + 1):
        parts = {name: pattern.split("/") for name, pattern in patterns.items()}
        shorter = {name: "/".join(pattern[n:]) for name, pattern in parts.items()}
        fixed = not any(fields_of("/".join(pattern[:n])) for pattern in parts.values())
        # As in the training, except that `table` and its columns are not there.
        same_fields = len({frozenset(fields_of(pattern)) for pattern in shorter.values()}) == 1
        distinct = n == 0 or len(set(shorter.values())) == len(shorter)
        if not (fixed and distinct and same_fields):
            continue
        if any(glob_files(folder, glob_pattern(pattern)) for pattern in shorter.values()):
            return _describe_files(folder, trained_on, shorter)
    expected = name_some((f"`{pattern}`" for pattern in patterns.values()), 8)
    raise DataError(
        f"{printable(folder)}: no file is named like those of the training, {expected}; rename the files, or write a "
        f"{DESCRIPTION_FILE} with `images` into the folder"
    )


def _describe_files(folder: Path, trained_on: Description, patterns: dict[str, str]) -> Description:
    channels = {
        name: channel.model_copy(update={"path": patterns[name], "frame": _number(channel.frame)})
        for name, channel in trained_on.channels.items()
    }
    spacing = trained_on.spacing_mm
    parts = spacing if isinstance(spacing, tuple) else (spacing,)
    in_columns = any(isinstance(part, str) for part in parts) and spacing != HEADER
    update = {
        "root": folder,
        "table": None,
        "case": "case",
        "names": "{case}",
        "images": channels,
        "frame": _number(trained_on.frame),
        "spacing_mm": None if in_columns else spacing,
    }
    return trained_on.model_copy(update=update)


def _number(frame: int | str | None) -> int | None:
    return frame if isinstance(frame, int) else None
