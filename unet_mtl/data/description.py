"""The description of a data set, dataset.yaml: where images, masks and labels are, and what they mean."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from unet_mtl.data.colours import Colours
from unet_mtl.data.image_channels import ChannelDescription, Images, MissingChannels
from unet_mtl.data.numbers import Decimal
from unet_mtl.data.patterns import fields_of, is_folder
from unet_mtl.data.setting_types import (
    CaseName,
    ClassNames,
    ColumnName,
    FileName,
    Frame,
    Pattern,
    PixelValue,
    Spacing,
    Word,
    Words,
)
from unet_mtl.data.workbooks import WORKBOOKS
from unet_mtl.data.yaml_files import read_yaml
from unet_mtl.errors import DataError
from unet_mtl.settings import Settings, describe_problems

DESCRIPTION_FILE = "dataset.yaml"
SpacingUnit = Literal["mm", "cm", "m", "um"]
MISSING_WORDS = ("", "na", "n/a", "nan", "none", "null", "not available")

UNLABELLED = "ignore"
"""The name of unlabelled pixels among the colours of a mask, unless a class has this name."""


class MaskDescription(Settings):
    """The description of one segmentation target.

    Attributes:
        path: The pattern of the files below the root, in which `{case}` or any other column of the table is filled
            in. With `*` in it, a case may have several files. They are merged; where two of them have a class, the
            later file takes precedence.
        files: A pattern for each class, instead of `path`, if each class has a separate file. Every pixel that is
            not 0 belongs to that class. If several classes claim a pixel, the last one takes precedence unless
            `overlap` is set.
        overlap: Whether a pixel may have several classes, such as a tumour inside an organ. It needs `files`. A
            missing file counts as empty if another class of the case has a file.
        classes: The class names by class index; `classes[0]` is the background.
        values: The class index of each number in the file, for example for masks of 0 and 255. None means that the
            numbers are class indices.
        colours: The colour or colours ("#ff0000" or [255, 0, 0]) of each class, for masks drawn in colour. For
            palette images, the colours of the palette are used, not the indices. The background is black unless
            a colour is given for it or black is the colour of another class. `ignore` names unlabelled pixels,
            unless a class has that name. None means that masks hold numbers.
        instances: Whether the numbers identify objects. Every pixel that is not 0 is then class 1, including 255
            (`ignore` has no effect).
        repair: "nearest" replaces numbers or colours between the known ones, which smoothing and JPEG leave at
            edges, by the nearest known one. If other numbers are rare (under 50 pixels and under 0.1 %), each of
            their pixels gets the value of the nearest other pixel. Between two areas only the values of these two
            are used, so that an edge from 0 to 2 does not become 1. A structure one pixel wide with a value between
            those at its two sides therefore becomes part of one of them. None treats such values as errors.
        ignore: The class index of unlabelled pixels, after `values` is applied. None if there are none.
        required: Whether a case without this mask is an error instead of an unlabelled case.
    """

    path: Pattern | None = None
    files: dict[str, Pattern] = {}
    overlap: bool = False
    classes: ClassNames = Field(min_length=2, max_length=254)
    values: dict[PixelValue, PixelValue] | None = None
    colours: dict[Word, Colours] | None = None
    instances: bool = False
    repair: Literal["nearest"] | None = None
    ignore: PixelValue | None = 255
    required: bool = False

    @property
    def patterns(self) -> dict[str, Pattern]:
        """Patterns by class name; the key of files that hold all classes is empty."""
        return self.files or {"": self.path or ""}

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        if (self.path is None) == (not self.files):
            raise ValueError("expected `path`, or `files` with a pattern for each class")
        unknown = [name for name in self.files if name not in self.classes[1:]]
        if unknown:
            raise ValueError(
                f"files name {unknown[0]!r}; expected the classes without the background "
                f"({', '.join(self.classes[1:])})"
            )
        if self.overlap and not self.files:
            word = self.classes[1]
            raise ValueError(
                "`overlap` needs a file for each class, since one file holds one class per pixel; set "
                f"`files: {{{word}: masks/{word}/{{case}}.png, ...}}` in place of `path`, or leave `overlap` out"
            )
        if self.files and self.values is not None:
            raise ValueError(
                "`values` does not apply to `files`, where every number but 0 means the class; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _check_encoding(self) -> Self:
        encodings = {
            "values": self.values is not None,
            "colours": self.colours is not None,
            "instances": self.instances,
        }
        used = [name for name, is_used in encodings.items() if is_used]
        if len(used) > 1:
            raise ValueError(f"`{used[0]}` and `{used[1]}` contradict each other; keep one of them")
        if used and self.files:
            raise ValueError(f"`{used[0]}` applies to `path`; in `files` every number but 0 means the class")
        if self.instances and len(self.classes) != 2:
            raise ValueError(
                f"`instances` puts all objects into one class, but there are {len(self.classes)} classes; expected "
                "two, the background and the class of the objects"
            )
        if self.instances and self.repair:
            raise ValueError(
                "`repair` cannot be used with `instances`, where every number is an object; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _check_colours(self) -> Self:
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
        colours = [colour for several in self.colours.values() for colour in several]
        repeated = [colour for colour in colours if colours.count(colour) > 1]
        if repeated:
            raise ValueError(f"colour {repeated[0]} is given twice; each colour stands for one class")
        return self

    @model_validator(mode="after")
    def _check_values(self) -> Self:
        outside = [
            i for i in (self.values or {}).values() if not 0 <= i < len(self.classes) and i != self.ignore
        ]
        if outside:
            raise ValueError(f"values map to class {outside[0]}, but there are {len(self.classes)} classes")
        return self


YES_NO = {"n": "no", "no": "no", "false": "no", "f": "no", "0": "no"} | {
    "y": "yes", "yes": "yes", "true": "yes", "t": "yes", "1": "yes"
}  # fmt: skip
"""The spellings that a column of type `yes/no` may have, in lower case."""


class ColumnDescription(Settings):
    """The description of one column of the table, with the class names in `classes` or numbers in `unit`.

    Attributes:
        type: "number", "category" (class names), or "yes/no": the classes no and yes, which may also be spelled
            true, 1, y and so on. None is "category" if there are `classes`, and else "number".
        classes: The class names. None allows any text in a category, which a task can then read but not learn.
        values: The intended class name for each other spelling in the table: `{M: malignant, 4a: 4}`.
        unit: The unit of numbers.
    """

    type: Literal["number", "category", "yes/no"] | None = None
    classes: Annotated[ClassNames, Field(min_length=2)] | None = None
    values: dict[Word, Word] = {}
    unit: str = ""

    @property
    def is_number(self) -> bool:
        """Whether the column holds numbers instead of class names."""
        return self.type == "number" or (self.type is None and self.classes is None)

    def find_meaning(self, cell: str, missing: Collection[str], decimal: Decimal) -> str | None:
        """Return the word that a cell stands for, after `values` and the spellings of yes and no.

        Args:
            cell: The text of the cell.
            missing: The texts that mean "unknown", in lower case.
            decimal: The decimal mark of the table.

        Returns:
            The word; None if it means "unknown", which the name of a class never does.
        """
        word = self.values.get(cell, cell)
        if self.type == "yes/no":
            word = YES_NO.get(word.removesuffix(f"{decimal}0").lower(), word)
        return None if word.lower() in missing and word not in (self.classes or ()) else word

    @model_validator(mode="before")
    @classmethod
    def _add_yes_no_classes(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("type") == "yes/no":
            return {"classes": ("no", "yes")} | content
        return content

    @model_validator(mode="after")
    def _check_type(self) -> Self:
        if self.type == "number" and self.classes is not None:
            raise ValueError("`type` is number, which has no `classes`; keep one of them")
        if self.type == "yes/no" and self.classes != ("no", "yes"):
            raise ValueError("`type: yes/no` always has the classes no and yes; leave `classes` out")
        return self


class Description(Settings):
    """The description of a data set.

    Attributes:
        root: The folder that all patterns are relative to.
        name: The name of the data set, as shown in tables.
        synthetic: Whether the data are artificial, which every picture then shows.
        table: A CSV, TSV, Excel or Parquet file with one row for each case. Without it, the cases are the files that
            fit `images`, and the names in braces there are the columns: `{diagnosis}/{case}.png`.
        sheet: The sheet of an Excel workbook. None is the first one.
        case: The column that names a case and its files.
        names: The text of that column with `{case}` in place of the name: `bus_{case}`, `{case}.png`.
        patient: The column that names the patient; cases of one patient stay in one split. None makes each case a
            separate patient.
        images: The pattern of the paths of the images. If the channels of an image are separate files: a mapping from
            the name of each channel to its pattern, or to `{path: ..., frame: ..., missing: ...}` (see
            `ChannelDescription`). The files are stacked in this order, and each gives one channel. None means that
            there is only the table.
        missing_channels: What happens if a case lacks the file of a channel, unless the channel says otherwise:
            "refuse" is an error. "zeros" fills the channel with zeros, and adds a further channel for each one that may
            be missing, which is 1 where it is missing and else 0. A case has at least one file.
        masks: The descriptions of the masks, by target name.
        columns: The descriptions of targets and other columns, by column name.
        frame: The frame of a DICOM file, page of a TIFF file or slice of a volume that is the image, counted from 0.
            It is a number or the name of a column, which allows many cases in one file; without `patient`, these
            belong to one patient. A mask with several frames uses the same one. None is the default of `read_image`.
        spacing_mm: The distance between pixels: a number or the name of a column; a pair [row, column] of these; or
            `header`, the header of each DICOM, NIfTI or NRRD file (unless a column has that name).
        spacing_unit: The unit of those numbers or columns. Headers are always in millimetres.
        split: The column with train, val or test.
        decimal: The decimal mark of columns, spacings and frames in the table. Thousands separators are not
            accepted.
        missing: Further texts that mean "unknown", in addition to the usual ones.
        links: Whether links may lead to files outside of `root`.
    """

    root: Path
    name: str = ""
    synthetic: bool = False
    table: FileName | None = None
    sheet: FileName | None = None
    case: ColumnName = "case"
    names: CaseName = "{case}"
    patient: ColumnName | None = None
    images: Images | None = None
    missing_channels: MissingChannels = "refuse"
    masks: dict[str, MaskDescription] = {}
    columns: dict[str, ColumnDescription] = {}
    frame: Frame = None
    spacing_mm: Spacing = None
    spacing_unit: SpacingUnit = "mm"
    split: ColumnName | None = None
    decimal: Decimal = "."
    missing: Words = ()
    links: bool = False

    @model_validator(mode="after")
    def _check_sheet(self) -> Self:
        if self.sheet is not None and Path(self.table or "").suffix.lower() not in WORKBOOKS:
            what = f"{self.table} is none" if self.table else "no `table` is set"
            raise ValueError(
                f"`sheet` is {self.sheet!r}, but only a workbook has sheets, and {what}; leave it out"
            )
        return self

    @model_validator(mode="after")
    def _check_sources(self) -> Self:
        if self.images is not None:
            return self
        if self.table is None:
            raise ValueError(
                "neither `images` nor `table` is set; set the pattern of the images, the table, or both"
            )
        need_images = {"masks": self.masks, "frame": self.frame, "spacing_mm": self.spacing_mm}
        used = [name for name, value in need_images.items() if value]
        if used:
            raise ValueError(
                f"`{used[0]}` needs images; add their pattern, such as `images: images/{{case}}.png`"
            )
        return self

    @model_validator(mode="after")
    def _check_channels(self) -> Self:
        if self.missing_channels != "refuse" and not self.channels:
            raise ValueError(
                "`missing_channels` is for images whose channels are separate files; set "
                "`images: {t1: ..., t2: ...}` with a pattern for each channel, or leave `missing_channels` out"
            )
        if self.table is None:
            named = {name: sorted(fields_of(channel.path)) for name, channel in self.channels.items()}
            for name, fields in named.items():
                first = next(iter(named))
                if fields != named[first]:
                    raise ValueError(
                        f"without `table`, the patterns of all channels need the same names in braces: {first!r} has "
                        f"{', '.join(named[first])}, and {name!r} has {', '.join(fields)}"
                    )
        return self

    @property
    def channels(self) -> dict[str, ChannelDescription]:
        """The channels of images whose channels are separate files, by name; empty for other images."""
        return self.images if isinstance(self.images, dict) else {}

    @property
    def image_patterns(self) -> dict[str, str]:
        """The patterns of the images by channel; the key of files that hold all channels is empty."""
        if isinstance(self.images, str):
            return {"": self.images}
        return {name: channel.path for name, channel in self.channels.items()}

    @property
    def optional_channels(self) -> tuple[str, ...]:
        """The names of the channels that a case may lack."""
        found = {name: channel.missing or self.missing_channels for name, channel in self.channels.items()}
        return tuple(name for name, missing in found.items() if missing == "zeros")

    @property
    def title(self) -> str:
        """The name of the data set, or of its folder if it has none."""
        return self.name or self.root.resolve().name

    @property
    def missing_words(self) -> frozenset[str]:
        """The texts that mean "unknown", in lower case."""
        return frozenset(MISSING_WORDS) | {word.lower() for word in self.missing}

    def find_meanings(self, name: str, cells: Iterable[str]) -> list[str | None]:
        """Return the word that each cell of a column stands for, or None where it means "unknown".

        Args:
            name: The column, which need not be described.
            cells: The text of the cells.
        """
        column, missing = self.columns.get(name, ColumnDescription()), self.missing_words
        return [column.find_meaning(cell, missing, self.decimal) for cell in cells]


def make_description(content: dict[str, Any], *, base: Path, where: str) -> Description:
    """Validate the content of a description.

    Args:
        content: The settings of a dataset.yaml; `root` is optional and relative to `base`.
        base: The folder of the file.
        where: The name of the source in error messages.

    Raises:
        DataError: A setting is unknown or invalid; the error lists all problems.
    """
    root = str(content.get("root") or ".")
    try:
        resolved = (base / Path(root).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{where}: root: {root!r} is not a path that can be used ({error})") from error
    try:
        return Description.model_validate(content | {"root": resolved})
    except ValidationError as error:
        raise DataError(describe_problems(error, where)) from error


def read_description(folder: Path) -> Description:
    """Read `folder/dataset.yaml`.

    Raises:
        DataError: The folder or the file is absent, or a setting is unknown or invalid.
    """
    if not is_folder(folder):
        raise DataError(f"{folder}: no such folder; give the folder that holds {DESCRIPTION_FILE}")
    path = folder / DESCRIPTION_FILE
    if not path.is_file():
        raise DataError(
            f"{folder}: no {DESCRIPTION_FILE} in this folder; write one that names images, masks and labels, or let "
            "`unet-mtl init` draft it (README, 'Your own data')"
        )
    return make_description(read_yaml(path), base=folder, where=str(path))
