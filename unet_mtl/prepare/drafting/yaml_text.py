"""Lines of YAML with comments, safe for any name that a file or a column may have."""

import json
import textwrap
from collections.abc import Iterable, Mapping

import yaml

from unet_mtl.data.yaml_files import parse_yaml

_COLUMN = 48
_WIDTH = 118


def scalar(text: str, *, word: bool = False) -> str:
    """A text as YAML reads it back, in quotes where it needs them.

    Args:
        text: Any.
        word: Whether numbers will be made words again, so that 2 needs no quotes.

    >>> scalar("benign"), scalar("no"), scalar("{case}.png"), scalar("2", word=True), scalar("2"), scalar("a: #b")
    ('benign', 'no', '"{case}.png"', '2', '"2"', '"a: #b"')
    """
    if text.isprintable():
        try:
            (read,) = parse_yaml(f"[{text}]")
            again = parse_yaml(f"k: {text}")["k"]
        except (yaml.YAMLError, ValueError, TypeError):
            return json.dumps(text, ensure_ascii=False)
        if read == again == text or (
            word and isinstance(read, int) and not isinstance(read, bool) and str(read) == text
        ):
            return text
    return json.dumps(text)


def path(pattern: str) -> str:
    """A pattern, without quotes where braces are not its first letters.

    >>> path("images/{case}.png"), path("{case}.png")
    ('images/{case}.png', '"{case}.png"')
    """
    try:
        bare = pattern.isprintable() and parse_yaml(f"k: {pattern}") == {"k": pattern}
    except yaml.YAMLError:
        bare = False
    return pattern if bare else json.dumps(pattern)


def flow(words: Iterable[str], *, word: bool = False) -> str:
    """A list in brackets."""
    return f"[{', '.join(scalar(text, word=word) for text in words)}]"


def flow_map(content: Mapping[str, str]) -> str:
    """A mapping in braces; values are YAML already, keys are not."""
    return f"{{{', '.join(f'{scalar(key)}: {value}' for key, value in content.items())}}}"


def remark(text: str) -> str:
    """A comment: one line, whatever stands in the text."""
    return "# " + "".join(letter if letter.isprintable() else "?" for letter in text)


def line(text: str, because: str = "") -> list[str]:
    """A line with its comment, which stands above it where both are too wide."""
    if not because:
        return [text]
    beside = f"{text:<{_COLUMN}}  {remark(because)}"
    if len(text) <= _COLUMN and len(beside) <= _WIDTH:
        return [beside]
    indent = len(text) - len(text.lstrip(" "))
    return [*(" " * indent + remark(row) for row in _break(because, _WIDTH - indent - 2)), text]


def off(text: str, because: str) -> list[str]:
    """A line that is commented out, with the reason."""
    indent = len(text) - len(text.lstrip(" "))
    return line(f"{' ' * indent}{remark(text.lstrip(' '))}", because)


def paragraph(lines: Iterable[str]) -> list[str]:
    """Comments of several lines, broken between words."""
    broken = []
    for text in lines:
        first, *others = _break(text, _WIDTH - 4)
        broken += [remark(f"- {first}"), *(remark(f"  {row}") for row in others)]
    return broken


def _break(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [text]
