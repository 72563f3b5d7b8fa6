"""Types of the settings in dataset.yaml: patterns of paths, words, spacings and frames."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from unet_mtl.data.patterns import ANY, fields_of


def _as_words(words: Any) -> Any:
    # YAML parses [0, 1] as numbers and [true, false] as booleans, but the table is read as text.
    return [str(word) for word in words] if isinstance(words, list | tuple) else words


def _require_distinct(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(words)) < len(words):
        raise ValueError("two classes have the same name")
    return words


def _check_pattern(pattern: str) -> str:
    try:
        filled = pattern.format_map(defaultdict(lambda: "0"))
    except (ValueError, AttributeError, LookupError) as error:
        raise ValueError(f"expected a pattern such as images/{{case}}.png; {error}") from error
    if filled == pattern:
        raise ValueError("every case would have the same file; put {case} or another column into the pattern")
    if Path(pattern).is_absolute():
        raise ValueError(
            "the pattern is absolute; set `root` to the folder that all patterns are relative to"
        )
    if ".." in Path(pattern).parts:
        raise ValueError(
            "the pattern leads out of `root`; set `root` to the folder that all patterns are relative to"
        )
    return pattern


def _check_image_pattern(pattern: str) -> str:
    if ANY in pattern:
        raise ValueError(f"a case has one image; {ANY} is allowed only in patterns of masks")
    return pattern


def _check_names(pattern: str) -> str:
    if fields_of(pattern) != ["case"]:
        raise ValueError(
            "expected the text of the column with {case} in place of the name, such as bus_{case}"
        )
    return pattern


def _require_filled(name: str) -> str:
    if not name.strip():
        raise ValueError("the name is empty; give a name, or remove the setting")
    return name


def _check_spacing(spacing: Any) -> Any:
    parts = spacing if isinstance(spacing, list | tuple) else [spacing]
    if isinstance(spacing, list | tuple) and len(parts) != 2:
        raise ValueError("expected two parts, [row, column]: the spacing between rows, then between columns")
    for part in parts:
        number = isinstance(part, int | float) and not isinstance(part, bool)
        if not (isinstance(part, str) and part.strip()) and not (number and 0 < part < float("inf")):
            raise ValueError(
                f"expected millimetres above 0, or the name of a column, a pair [row, column] of these, or `{HEADER}`"
            )
    return spacing


def _check_frame(frame: Any) -> Any:
    whole = isinstance(frame, int) and not isinstance(frame, bool)
    if not (isinstance(frame, str) and frame.strip()) and not (whole and 0 <= frame < 10**9):
        raise ValueError("expected a whole number of at least 0, or the name of a column")
    return frame


HEADER = "header"
"""The value of `spacing_mm` that stands for the header of each image."""

Words = Annotated[tuple[str, ...], BeforeValidator(_as_words)]
ClassNames = Annotated[Words, AfterValidator(_require_distinct)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]
ImagePattern = Annotated[Pattern, AfterValidator(_check_image_pattern)]
CaseName = Annotated[str, AfterValidator(_check_names)]
Word = Annotated[str, BeforeValidator(str)]
FileName = Annotated[str, AfterValidator(_require_filled)]
ColumnName = Annotated[str, AfterValidator(_require_filled)]
PixelValue = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Spacing = Annotated[
    float | str | tuple[float | str, float | str] | None,
    BeforeValidator(lambda spacing: spacing if spacing is None else _check_spacing(spacing)),
]
Frame = Annotated[
    int | str | None, BeforeValidator(lambda frame: frame if frame is None else _check_frame(frame))
]
