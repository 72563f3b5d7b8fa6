"""Writes the two files, both or none."""

from dataclasses import dataclass
from pathlib import Path

from unet_mtl.data.description import DESCRIPTION_FILE, make_description
from unet_mtl.data.records import scan_dataset
from unet_mtl.data.yaml_files import parse_yaml
from unet_mtl.errors import DataError
from unet_mtl.files import writing
from unet_mtl.prepare.drafting.assembly import draft_folder
from unet_mtl.prepare.drafting.draft import Draft
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.task_choice import choose_answers, note_answers
from unet_mtl.prepare.drafting.text import config_text, description_text
from unet_mtl.wording import count_of

CONFIG_FILE = "config.yaml"


@dataclass(frozen=True)
class Drafted:
    """What was written.

    Attributes:
        files: dataset.yaml and config.yaml.
        notes: What was guessed and why, and what could not be told.
    """

    files: tuple[Path, Path]
    notes: Notes


def write_draft(folder: Path, out: Path | None, *, overwrite: bool = False) -> Drafted:
    """Looks at a folder and writes what it guesses.

    Args:
        folder: With images.
        out: Where the files go; None: into the folder.
        overwrite: Whether files that are there may be replaced.

    Returns:
        The two files, and what was guessed and why.

    Raises:
        DataError: The folder is not usable, or a file is there already; nothing is written.
        WriteError: The system refused.
    """
    target = folder if out is None else out
    paths = (target / DESCRIPTION_FILE, target / CONFIG_FILE)
    there = [str(path) for path in paths if path.exists() or path.is_symlink()]
    in_the_way = [str(path) for path in paths if path.is_dir()]
    if in_the_way:
        raise DataError(
            f"{in_the_way[0]}: a folder of that name is in the way; give --out DIR to write elsewhere"
        )
    if there and not overwrite and folder.is_dir():
        raise DataError(
            f"{' and '.join(there)}: there already; give --overwrite to replace, or --out DIR to write elsewhere"
        )
    draft = draft_folder(folder)
    texts = _texts(draft, target)
    # both lie on the disk whole before either gets its name
    with writing(paths[0]) as description, writing(paths[1]) as config:
        description.write_text(texts[0], encoding="utf-8")
        config.write_text(texts[1], encoding="utf-8")
    return Drafted(paths, draft.notes)


def _texts(draft: Draft, target: Path) -> tuple[str, str]:
    elsewhere = target.resolve() != draft.root.resolve()
    answers = choose_answers(draft)
    note_answers(answers, draft)
    root = str(draft.root.resolve()) if elsewhere else None
    _read_again(draft, description_text(draft, root))
    return description_text(draft, root), config_text(draft, answers)


def _read_again(draft: Draft, text: str) -> None:
    """Says where the description finds other cases than were seen."""
    try:
        dataset, _ = scan_dataset(make_description(parse_yaml(text), base=draft.root, where=DESCRIPTION_FILE))
    except DataError as error:
        draft.notes.doubt(f"how to make this readable: {error.problems[0]}")
        return
    if draft.table is None and len(dataset) != draft.n_cases:
        draft.notes.doubt(
            f"why {count_of(len(dataset), 'file')} fit `images: {draft.images}`, of which {draft.n_cases:,} seem to be "
            "images; move the others into a folder of their own"
        )
    for mask in (mask for mask in draft.masks if not mask.doubt and draft.table is None):
        found = sum(bool(record.masks.get(mask.name)) for record in dataset)
        if found != mask.cases:
            draft.notes.doubt(
                f"mask {mask.name!r}: {mask.cases:,} cases seem to have one, by its pattern it is {found:,}"
            )
