"""Writes dataset.yaml and config.yaml, both or neither."""

from dataclasses import dataclass
from pathlib import Path

from unet_mtl.data.description import DESCRIPTION_FILE, make_description
from unet_mtl.data.readers import reader_of
from unet_mtl.data.records import Dataset, scan_dataset
from unet_mtl.data.yaml_files import parse_yaml
from unet_mtl.errors import DataError
from unet_mtl.files import writing
from unet_mtl.prepare.drafting.assembly import draft_folder
from unet_mtl.prepare.drafting.content import pick_evenly
from unet_mtl.prepare.drafting.draft import Draft
from unet_mtl.prepare.drafting.files import DRAFTED_FILES
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.task_choice import choose_tasks, note_tasks
from unet_mtl.prepare.drafting.text import config_text, description_text
from unet_mtl.wording import count_of


@dataclass(frozen=True)
class Drafted:
    """The files that were written.

    Attributes:
        files: The paths of dataset.yaml and config.yaml.
        notes: Guesses with their reasons, and open questions.
    """

    files: tuple[Path, Path]
    notes: Notes


def write_draft(folder: Path, out: Path | None, *, overwrite: bool = False) -> Drafted:
    """Draft dataset.yaml and config.yaml for a folder, and write them.

    Args:
        folder: The folder with the images.
        out: The folder for the two files, or None for `folder`.
        overwrite: Whether existing files may be replaced.

    Returns:
        The paths of the two files, and the notes.

    Raises:
        DataError: The folder cannot be used, or a file exists already; nothing is written.
        WriteError: The operating system refused to write.
    """
    target = folder if out is None else out
    paths = (target / DRAFTED_FILES[0], target / DRAFTED_FILES[1])
    existing = [str(path) for path in paths if path.exists() or path.is_symlink()]
    folders = [str(path) for path in paths if path.is_dir()]
    if folders:
        raise DataError(
            f"{folders[0]}: a folder of this name exists; rename it, or give another folder as `out`"
        )
    if existing and not overwrite and folder.is_dir():
        raise DataError(
            f"{' and '.join(existing)}: already there; set `overwrite` to replace, or give another folder as `out`"
        )
    draft = draft_folder(folder)
    texts = _texts(draft, target)
    # both are written completely before either gets its name
    with writing(paths[0]) as description, writing(paths[1]) as config:
        description.write_text(texts[0], encoding="utf-8")
        config.write_text(texts[1], encoding="utf-8")
    return Drafted(paths, draft.notes)


def _texts(draft: Draft, target: Path) -> tuple[str, str]:
    elsewhere = target.resolve() != draft.root.resolve()
    choices = choose_tasks(draft)
    note_tasks(choices, draft)
    root = str(draft.root.resolve()) if elsewhere else None
    dataset = _read_again(draft, description_text(draft, root))
    channels = None if dataset is None or draft.channels else _unusual_channels(dataset)
    return description_text(draft, root), config_text(draft, choices, channels)


def _unusual_channels(dataset: Dataset) -> int | None:
    """Return the number of channels of the images if it is neither 1 nor 3, judged by a few of them."""
    found = set()
    for record in pick_evenly([record for record in dataset if record.image is not None], 3):
        try:
            picture = reader_of(record.require_image()).read(record.require_image(), record.frame)
        except DataError:
            continue
        found.add(picture.pixels.shape[-1])
    return found.pop() if len(found) == 1 and not found & {1, 3} else None


def _read_again(draft: Draft, text: str) -> Dataset | None:
    """Read the description back, and note where it finds other cases than the draft."""
    try:
        dataset, observations = scan_dataset(
            make_description(parse_yaml(text), base=draft.root, where=DESCRIPTION_FILE)
        )
    except DataError as error:
        draft.notes.doubt(f"The drafted dataset.yaml cannot be read: {error.problems[0]}")
        return None
    claimed = [seen for seen in observations if seen.kind in ("image-claimed", "mask-claimed")]
    if claimed:
        others = f" ({count_of(len(claimed), 'such file')})" if len(claimed) > 1 else ""
        draft.notes.doubt(f"A file belongs to several cases{others}: {claimed[0].text}.")
    if draft.table is None and len(dataset) != draft.n_cases:
        found = count_of(len(dataset), "case" if draft.channels else "file")
        draft.notes.doubt(
            f"{found} fit `images: {draft.images}`, but {draft.n_cases:,} of them seem to be images. Move the others "
            "to another folder."
        )
    for mask in (mask for mask in draft.masks if not mask.doubt and draft.table is None):
        n_found = sum(bool(record.masks.get(mask.name)) for record in dataset)
        if n_found != mask.cases:
            draft.notes.doubt(
                f"Mask {mask.name!r} seems to exist for {count_of(mask.cases, 'case')}, but its pattern finds "
                f"{n_found:,}."
            )
    return dataset
