"""Everything that was guessed about a folder, before it is written as YAML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from unet_mtl.prepare.drafting.columns import Column
from unet_mtl.prepare.drafting.masks import Meaning
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.spacing import Spacing
from unet_mtl.prepare.drafting.tables import CaseTable


@dataclass(frozen=True)
class MaskDraft:
    """One kind of mask.

    Attributes:
        name: Name of the target.
        files: Pattern of the paths by class; the key "" stands for files that hold all classes.
        meaning: The meaning of the pixel values.
        cases: Number of cases with such a mask.
        doubt: The reason why it is written as a comment, or empty.
    """

    name: str
    files: dict[str, str]
    meaning: Meaning
    cases: int
    doubt: str = ""


@dataclass(frozen=True)
class Draft:
    """The draft of a description.

    Attributes:
        root: The folder.
        images: Pattern of the paths of the images, or empty for a table without images.
        channels: Patterns by channel, if the channels of the images are separate files.
        missing_channels: The number of cases without each channel, for those that some cases lack.
        table: The table and its case column, or None.
        masks: The kinds of mask, those of most cases first.
        columns: The columns of the table apart from case, patient, split, fold and spacing.
        patient: The column or folder of the patient, or None.
        split: The column or folder of train, val and test, or None.
        fold_column: The column of cross-validation folds, or None.
        spacing: The column of the pixel spacing, or None.
        spaced_files: Whether the headers of the files contain the pixel spacing.
        no_val: Whether the split lacks validation cases.
        n_cases: Number of images, or of rows of a table without images.
        inputs: The columns that the network reads, for a table without images.
        notes: Guesses with their reasons, and open questions.
    """

    root: Path
    images: str
    table: CaseTable | None = None
    channels: Mapping[str, str] = field(default_factory=dict)
    missing_channels: Mapping[str, int] = field(default_factory=dict)
    masks: tuple[MaskDraft, ...] = ()
    columns: tuple[Column, ...] = ()
    patient: str | None = None
    split: str | None = None
    fold_column: str | None = None
    spacing: Spacing | None = None
    spaced_files: bool = False
    no_val: bool = False
    n_cases: int = 0
    inputs: tuple[str, ...] = ()
    notes: Notes = field(default_factory=Notes)
