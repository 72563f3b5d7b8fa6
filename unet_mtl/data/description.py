"""dataset.yaml: where images, masks and labels are, and what they mean."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from unet_mtl.data.colours import Colours
from unet_mtl.data.numbers import Decimal
from unet_mtl.data.patterns import ANY, fields_of
from unet_mtl.data.yaml_files import read_yaml
from unet_mtl.errors import DataError
from unet_mtl.settings import Settings, describe_problems

DESCRIPTION_FILE = "dataset.yaml"
SpacingUnit = Literal["mm", "cm", "m", "um"]
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


def _a_spacing(spacing: Any) -> Any:
    parts = spacing if isinstance(spacing, list | tuple) else [spacing]
    if isinstance(spacing, list | tuple) and len(parts) != 2:
        raise ValueError("expected two parts, [row, column]: between neighbouring rows, then columns")
    for part in parts:
        number = isinstance(part, int | float) and not isinstance(part, bool)
        if not (isinstance(part, str) or (number and 0 < part < float("inf"))):
            raise ValueError(
                f"expected millimetres above 0, or the name of a column, a pair [row, column] of these, or `{HEADER}`"
            )
    return spacing


def _a_frame(frame: Any) -> Any:
    whole = isinstance(frame, int) and not isinstance(frame, bool)
    if not (isinstance(frame, str) or (whole and frame >= 0)):
        raise ValueError("expected a whole number from 0 on, or the name of a column")
    return frame


HEADER = "header"
"""Instead of a spacing: as the header of each image says."""

UNLABELLED = "ignore"
"""Among the colours of a mask: that of pixels which nobody labelled, unless a class has this name."""

Words = Annotated[tuple[str, ...], BeforeValidator(_as_words)]
ClassNames = Annotated[Words, AfterValidator(_different)]
Pattern = Annotated[str, AfterValidator(_a_pattern)]
ImagePattern = Annotated[Pattern, AfterValidator(_an_image_pattern)]
CaseName = Annotated[str, AfterValidator(_a_name)]
Word = Annotated[str, BeforeValidator(str)]
Spacing = Annotated[
    float | str | tuple[float | str, float | str] | None,
    BeforeValidator(lambda spacing: spacing if spacing is None else _a_spacing(spacing)),
]
Frame = Annotated[
    int | str | None, BeforeValidator(lambda frame: frame if frame is None else _a_frame(frame))
]


class MaskDescription(Settings):
    """One kind of mask.

    Attributes:
        path: Pattern below the root; `{case}` or any other column of the table is filled in. With a `*` in it a
            case may have several files, which are united: where two have a class, the later one's counts.
        files: Instead of `path`, where each class has a file of its own: class -> pattern; whatever is not 0
            there is that class. Of several classes in one pixel the last one counts, unless they overlap.
        overlap: A pixel may have several classes, a tumour inside an organ, say. For `files`, of which one that is
            absent is empty where another class of the case has its file.
        classes: Names by class index; `classes[0]` is the background.
        values: Number in the file -> class index, for masks of 0 and 255, say. None: they are indices.
        colours: Class -> its colour or colours ("#ff0000" or [255, 0, 0]), for masks drawn in colour; those of a
            palette count, not its indices. The background is black unless it is named or another is; `ignore` is
            what nobody labelled, unless a class has that name. None: masks hold numbers.
        instances: The numbers count objects: whatever is not 0 is class 1, 255 as well (`ignore` means nothing).
        repair: "nearest": numbers or colours between the known ones, which smoothing and JPEG leave at edges, become
            the nearest known one; a few pixels (under 50 and under 0.1 %) of other numbers become like the pixel that
            is nearest. Between two areas only these two count, so that the edge from 0 to 2 does not become 1; hence
            a structure one pixel thin, whose number lies between those at its two sides, becomes part of one of
            them. None: they are errors.
        ignore: Class index of pixels that nobody labelled (after `values`). None: there are none.
        required: Whether a case without this mask is an error, and not just an unlabelled case.
    """

    path: Pattern | None = None
    files: dict[str, Pattern] = {}
    overlap: bool = False
    classes: ClassNames = Field(min_length=2, max_length=254)
    values: dict[int, int] | None = None
    colours: dict[Word, Colours] | None = None
    instances: bool = False
    repair: Literal["nearest"] | None = None
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
        if self.overlap and not self.files:
            word = self.classes[1]
            raise ValueError(
                "`overlap` needs a file for each class, since one file holds one class a pixel; say "
                f"`files: {{{word}: masks/{word}/{{case}}.png, ...}}` in place of `path`, or leave `overlap` out"
            )
        if self.files and self.values is not None:
            raise ValueError(
                "`values` says what the numbers of one file mean; in `files` whatever is not 0 counts"
            )
        return self

    @model_validator(mode="after")
    def _one_way_of_meaning(self) -> Self:
        ways = {
            "values": self.values is not None,
            "colours": self.colours is not None,
            "instances": self.instances,
        }
        given = [way for way, is_given in ways.items() if is_given]
        if len(given) > 1:
            raise ValueError(f"`{given[0]}` and `{given[1]}` contradict each other; keep one of them")
        if given and self.files:
            raise ValueError(f"`{given[0]}` is for `path`; in `files` whatever is not 0 counts")
        if self.instances and len(self.classes) != 2:
            raise ValueError(
                f"`instances` makes one class of all objects, but there are {len(self.classes)} classes; expected "
                "two, the background and that of the objects"
            )
        if self.instances and self.repair:
            raise ValueError("`repair` has nothing to go by: with `instances` every number is an object")
        return self

    @model_validator(mode="after")
    def _colours_name_classes(self) -> Self:
        if self.colours is None:
            return self
        unknown = [name for name in self.colours if name not in (*self.classes, UNLABELLED)]
        if unknown:
            raise ValueError(
                f"colours name {unknown[0]!r}; expected the classes {', '.join(self.classes)}, or {UNLABELLED}"
            )
        absent = [name for name in self.classes[1:] if name not in self.colours]
        if absent:
            raise ValueError(f"colours lack class {absent[0]!r}; only the background may be left out")
        every = [colour for colours in self.colours.values() for colour in colours]
        twice = [colour for colour in every if every.count(colour) > 1]
        if twice:
            raise ValueError(f"colour {twice[0]} is given twice; each means one class")
        return self

    @model_validator(mode="after")
    def _values_name_classes(self) -> Self:
        outside = [
            i for i in (self.values or {}).values() if not 0 <= i < len(self.classes) and i != self.ignore
        ]
        if outside:
            raise ValueError(f"values lead to class {outside[0]}, but there are {len(self.classes)} classes")
        return self


YES_NO = {"n": "no", "no": "no", "false": "no", "f": "no", "0": "no"} | {
    "y": "yes", "yes": "yes", "true": "yes", "t": "yes", "1": "yes"
}  # fmt: skip
"""What a column of `yes/no` may say, in lower case."""


class ColumnDescription(Settings):
    """One column of the table: words out of `classes`, or numbers in `unit`.

    Attributes:
        type: "number"; "category": words; "yes/no": the classes no and yes, which may be spelled true, 1, y and so
            on. None: a category where there are `classes`, else a number.
        classes: The words there may be. None: of a category any words, which a task cannot learn, but read.
        values: Word in the table -> the word that is meant, where they differ: `{M: malignant, 4a: 4}`.
        unit: Of numbers.
    """

    type: Literal["number", "category", "yes/no"] | None = None
    classes: Annotated[ClassNames, Field(min_length=2)] | None = None
    values: dict[Word, Word] = {}
    unit: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers, and not words."""
        return self.type == "number" or (self.type is None and self.classes is None)

    @model_validator(mode="before")
    @classmethod
    def _yes_and_no(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("type") == "yes/no":
            return {"classes": ("no", "yes")} | content
        return content

    @model_validator(mode="after")
    def _type_suits_the_rest(self) -> Self:
        if self.type == "number" and self.classes is not None:
            raise ValueError("`classes` are for words, and `type` is number; keep one of them")
        if self.type == "yes/no" and self.classes != ("no", "yes"):
            raise ValueError("`type: yes/no` has the classes no and yes; leave `classes` out")
        return self


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
        images: Pattern of the images' paths. None: there are no images, and the table is all there is.
        masks: By target name.
        columns: Targets and other columns, by column name.
        frame: Which frame of a DICOM, page of a TIFF or slice of a volume is the image, from 0 on: a number, or
            the name of a column, so that many cases may lie in one file; without `patient` these are one
            patient's. Masks of several frames have the same one. None: the usual one, as `read_image` has it.
        spacing_mm: Millimetres from pixel to pixel: a number, or the name of a column; a pair [row, column] of
            these; or `header`, that of each DICOM, NIfTI or NRRD file (unless a column is called so).
        spacing_unit: What those numbers or columns are in, if not millimetres; a header always is in these.
        split: Column with train, val or test.
        decimal: What stands before the decimals of numbers in the table, those of columns, spacings and frames;
            thousands must not be grouped.
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
    images: ImagePattern | None = None
    masks: dict[str, MaskDescription] = {}
    columns: dict[str, ColumnDescription] = {}
    frame: Frame = None
    spacing_mm: Spacing = None
    spacing_unit: SpacingUnit = "mm"
    split: str | None = None
    decimal: Decimal = "."
    missing: Words = ()
    links: bool = False

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if self.images is not None:
            return self
        if self.table is None:
            raise ValueError(
                "neither `images` nor `table`; name the pattern of the images, or the table, or both"
            )
        of_images = {"masks": self.masks, "frame": self.frame, "spacing_mm": self.spacing_mm}
        given = [name for name, value in of_images.items() if value]
        if given:
            raise ValueError(
                f"`{given[0]}` needs images; add `images: images/{{case}}.png` or what they are called"
            )
        return self

    @property
    def title(self) -> str:
        """Its name, else that of its folder."""
        return self.name or self.root.resolve().name

    @property
    def missing_words(self) -> frozenset[str]:
        """Lower-case words that mean "unknown"."""
        return frozenset(MISSING_WORDS) | {word.lower() for word in self.missing}


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
