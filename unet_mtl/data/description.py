"""dataset.yaml: where images, masks and labels are, and what they mean."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from unet_mtl.data.patterns import ANY, fields_of
from unet_mtl.errors import DataError
from unet_mtl.settings import Settings, describe_problems

DESCRIPTION_FILE = "dataset.yaml"
MISSING_WORDS = ("", "na", "n/a", "nan", "none", "null", "not available")


def _as_words(words: Any) -> Any:
    # YAML reads [0, 1] as numbers and [true, false] as truth values; the table is read as text.
    return [str(word) for word in words] if isinstance(words, list | tuple) else words


def _different(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(words)) < len(words):
        raise ValueError("two classes have one name")
    return words


def _a_pattern(pattern: str) -> str:
    try:
        filled = pattern.format_map(defaultdict(lambda: "0"))
    except (ValueError, AttributeError, LookupError) as error:
        raise ValueError(f"not a pattern such as images/{{case}}.png: {error}") from error
    if filled == pattern:
        raise ValueError("every case would have this one file; put {case} or another column into it")
    if Path(pattern).is_absolute():
        raise ValueError("not below `root`; set `root` to the folder that all patterns start from")
    if ".." in Path(pattern).parts:
        raise ValueError("leads out of `root`; set `root` to the folder that all patterns start from")
    return pattern


def _an_image_pattern(pattern: str) -> str:
    if ANY in pattern:
        raise ValueError(f"a case has one image: {ANY} may stand in patterns of masks alone")
    return pattern


def _a_name(pattern: str) -> str:
    if fields_of(pattern) != ["case"]:
        raise ValueError("expected what stands in the column, with {case} in place of the name: bus_{case}")
    return pattern


def _positive(spacing: float | str | None) -> float | str | None:
    if isinstance(spacing, float) and not 0 < spacing < float("inf"):
        raise ValueError("expected millimetres above 0, or the name of a column")
    return spacing


Words = Annotated[tuple[str, ...], BeforeValidator(_as_words)]
ClassNames = Annotated[Words, AfterValidator(_different)]
Pattern = Annotated[str, AfterValidator(_a_pattern)]
ImagePattern = Annotated[Pattern, AfterValidator(_an_image_pattern)]
CaseName = Annotated[str, AfterValidator(_a_name)]
Word = Annotated[str, BeforeValidator(str)]


class MaskDescription(Settings):
    """One kind of mask.

    Attributes:
        path: Pattern below the root; `{case}` or any other column of the table is filled in. With a `*` in it a
            case may have several files, which are united: where two have a class, the later one's counts.
        files: Instead of `path`, where each class has a file of its own: class -> pattern; whatever is not 0
            there is that class. Of several classes in one pixel the last one counts.
        classes: Names by class index; `classes[0]` is the background.
        values: Number in the file -> class index, for masks of 0 and 255, say. None: they are indices.
        ignore: Class index of pixels that nobody labelled (after `values`). None: there are none.
        required: Whether a case without this mask is an error, and not just an unlabelled case.
    """

    path: Pattern | None = None
    files: dict[str, Pattern] = {}
    classes: ClassNames = Field(min_length=2, max_length=254)
    values: dict[int, int] | None = None
    ignore: int | None = 255
    required: bool = False

    @property
    def patterns(self) -> dict[str, Pattern]:
        """Patterns by class; "" is the one whose files hold all classes."""
        return self.files or {"": self.path or ""}

    @model_validator(mode="after")
    def _one_way_of_files(self) -> Self:
        if (self.path is None) == (not self.files):
            raise ValueError("expected `path`, or `files` with a pattern for each class")
        unknown = [name for name in self.files if name not in self.classes[1:]]
        if unknown:
            raise ValueError(
                f"files name {unknown[0]!r}, which is not among the classes but the background "
                f"({', '.join(self.classes[1:])})"
            )
        if self.files and self.values is not None:
            raise ValueError(
                "`values` says what the numbers of one file mean; in `files` whatever is not 0 counts"
            )
        return self

    @model_validator(mode="after")
    def _values_name_classes(self) -> Self:
        outside = [
            i for i in (self.values or {}).values() if not 0 <= i < len(self.classes) and i != self.ignore
        ]
        if outside:
            raise ValueError(f"values lead to class {outside[0]}, but there are {len(self.classes)} classes")
        return self


class ColumnDescription(Settings):
    """One column of the table: words out of `classes`, or numbers in `unit`.

    Attributes:
        classes: The words there may be; None: it holds numbers.
        values: Word in the table -> the word that is meant, where they differ: `{M: malignant, 4a: 4}`.
        unit: Of numbers.
    """

    classes: Annotated[ClassNames, Field(min_length=2)] | None = None
    values: dict[Word, Word] = {}
    unit: str = ""


class Description(Settings):
    """What a data set consists of.

    Attributes:
        root: Folder that all patterns start from.
        name: Shown in tables.
        synthetic: Whether no patient stands behind it; shown in every picture.
        table: CSV, TSV, Excel or Parquet file with one row a case; without it the cases are the files that fit
            `images`, and what stands in braces there are the columns: `{diagnosis}/{case}.png`.
        case: Column that names a row and its files.
        names: What stands in that column, with `{case}` in place of the name: `bus_{case}`, `{case}.png`.
        patient: Column; cases of one patient stay on one side of a split. None: each case is its own patient.
        images: Pattern of the images' paths.
        masks: By target name.
        columns: Targets and other columns, by column name.
        spacing_mm: Millimetres from pixel to pixel: a number, or the name of a column.
        spacing_unit: What that number or column is in, if not millimetres.
        split: Column with train, val or test.
        missing: Words that mean "unknown", beside the usual ones.
        links: Whether links may lead to files outside of `root`.
    """

    root: Path
    name: str = ""
    synthetic: bool = False
    table: str | None = None
    case: str = "case"
    names: CaseName = "{case}"
    patient: str | None = None
    images: ImagePattern
    masks: dict[str, MaskDescription] = {}
    columns: dict[str, ColumnDescription] = {}
    spacing_mm: Annotated[float | str | None, AfterValidator(_positive)] = None
    spacing_unit: Literal["mm", "cm", "m", "um"] = "mm"
    split: str | None = None
    missing: Words = ()
    links: bool = False

    @property
    def missing_words(self) -> frozenset[str]:
        """Lower-case words that mean "unknown"."""
        return frozenset(MISSING_WORDS) | {word.lower() for word in self.missing}


class _Loader(yaml.SafeLoader):
    """Truth values as in YAML 1.2, true and false alone: yes, no, on and off are words of many a table."""


_BOOL = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, fits) for tag, fits in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def parse_yaml(text: str) -> Any:
    """Reads YAML whose yes, no, on and off are words.

    >>> parse_yaml("[no, yes, true, 1]")
    ['no', 'yes', True, 1]
    """
    return yaml.load(text, _Loader)


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML file that holds a mapping.

    Raises:
        DataError: The file is absent, is not YAML or holds something else.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
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
    root = (base / Path(str(content.get("root", "."))).expanduser()).resolve()
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
            f"{folder}: no {DESCRIPTION_FILE} in it; write one that says where images, masks and labels are, or let "
            "`unet-mtl init` draft it (README, 'Your own data')"
        )
    return make_description(read_yaml(path), base=folder, where=str(path))
