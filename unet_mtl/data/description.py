"""dataset.yaml: where images, masks and labels are, and what they mean."""

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from unet_mtl.errors import DataError
from unet_mtl.settings import Settings, describe_problems

DESCRIPTION_FILE = "dataset.yaml"
MISSING_WORDS = ("", "na", "n/a", "nan", "none", "null", "not available")


class MaskDescription(Settings):
    """One kind of mask.

    Attributes:
        path: Pattern below the root; `{case}` or any other column of the table is filled in.
        classes: Names by class index; `classes[0]` is the background.
        values: Number in the file -> class index, for masks of 0 and 255, say. None: they are indices.
        ignore: Class index of pixels that nobody labelled (after `values`). None: there are none.
        required: Whether a case without this mask is an error, and not just an unlabelled case.
    """

    path: str
    classes: tuple[str, ...] = Field(min_length=2, max_length=254)
    values: dict[int, int] | None = None
    ignore: int | None = 255
    required: bool = False

    @model_validator(mode="after")
    def _values_name_classes(self) -> Self:
        outside = [
            i for i in (self.values or {}).values() if not 0 <= i < len(self.classes) and i != self.ignore
        ]
        if outside:
            raise ValueError(f"values lead to class {outside[0]}, but there are {len(self.classes)} classes")
        return self


class ColumnDescription(Settings):
    """One column of the table: words out of `classes`, or numbers in `unit`."""

    classes: tuple[str, ...] | None = Field(default=None, min_length=2)
    unit: str = ""

    @field_validator("classes", mode="before")
    @classmethod
    def _words(cls, classes: Any) -> Any:
        # YAML reads [0, 1] as numbers and [no, yes] as truth values; the table is read as text.
        return [str(word) for word in classes] if isinstance(classes, list | tuple) else classes


class Description(Settings):
    """What a data set consists of.

    Attributes:
        root: Folder that all patterns start from.
        name: Shown in tables.
        synthetic: Whether no patient stands behind it; shown in every picture.
        table: CSV file with one row a case; without it the cases are the files that fit `images`.
        case: Column that names a row and its files.
        patient: Column; cases of one patient stay on one side of a split. None: each case is its own patient.
        images: Pattern of the images' paths.
        masks: By target name.
        columns: Targets and other columns, by column name.
        spacing_mm: Millimetres from pixel to pixel: a number, or the name of a column.
        split: Column with train, val or test.
        missing: Words that mean "unknown", beside the usual ones.
    """

    root: Path
    name: str = ""
    synthetic: bool = False
    table: str | None = None
    case: str = "case"
    patient: str | None = None
    images: str
    masks: dict[str, MaskDescription] = {}
    columns: dict[str, ColumnDescription] = {}
    spacing_mm: float | str | None = None
    split: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def missing_words(self) -> frozenset[str]:
        """Lower-case words that mean "unknown"."""
        return frozenset(MISSING_WORDS) | {word.lower() for word in self.missing}


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML file that holds a mapping.

    Raises:
        DataError: The file is absent, is not YAML or holds something else.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected `key: value` lines, received {type(content).__name__}")
    return content


def make_description(content: dict[str, Any], *, base: Path, where: str) -> Description:
    """Checks a description.

    Args:
        content: As in dataset.yaml; `root` is optional and relative to `base`.
        base: Folder of the file it came from.
        where: Named in error messages.

    Raises:
        DataError: With every problem, a line each.
    """
    root = (base / str(content.get("root", "."))).resolve()
    try:
        return Description.model_validate(content | {"root": root})
    except ValidationError as error:
        raise DataError(describe_problems(error, where)) from error


def read_description(folder: Path) -> Description:
    """Reads `folder/dataset.yaml`.

    Raises:
        DataError: The folder or the file is absent, or says something unknown.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the folder that holds {DESCRIPTION_FILE}")
    path = folder / DESCRIPTION_FILE
    if not path.is_file():
        raise DataError(
            f"{folder}: no {DESCRIPTION_FILE} in it; write one that says where images, masks and labels are "
            "(README, 'Your own data')"
        )
    return make_description(read_yaml(path), base=folder, where=str(path))
