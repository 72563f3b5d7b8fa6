"""What is guessed about a folder, before it becomes text."""

from dataclasses import dataclass, field
from pathlib import Path

from unet_mtl.prepare.drafting.columns import Column
from unet_mtl.prepare.drafting.masks import Meaning
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.spacing import Spacing
from unet_mtl.prepare.drafting.tables import CaseTable


@dataclass(frozen=True)
class MaskDraft:
    """One kind of mask, as it will be described.

    Attributes:
        name: Of the target.
        files: Pattern by class; "" is the one whose files hold all classes.
        meaning: Of the numbers in them.
        cases: How many cases have one.
        doubt: Why it is commented out; "" where it is not.
    """

    name: str
    files: dict[str, str]
    meaning: Meaning
    cases: int
    doubt: str = ""


@dataclass(frozen=True)
class Draft:
    """What was guessed.

    Attributes:
        root: The folder.
        images: Pattern.
        table: With its case column; None: there is none.
        masks: Those of most cases first.
        columns: All but those that have a part of their own.
        patient: Column.
        split: Column or folder of train, val and test.
        fold_column: Column of folds.
        spacing: Column.
        spaced_files: The files' headers know the spacing.
        no_val: The split has no val side.
        n_cases: How many images there are.
        notes: What was guessed and why, and what could not be told.
    """

    root: Path
    images: str
    table: CaseTable | None = None
    masks: tuple[MaskDraft, ...] = ()
    columns: tuple[Column, ...] = ()
    patient: str | None = None
    split: str | None = None
    fold_column: str | None = None
    spacing: Spacing | None = None
    spaced_files: bool = False
    no_val: bool = False
    n_cases: int = 0
    notes: Notes = field(default_factory=Notes)
