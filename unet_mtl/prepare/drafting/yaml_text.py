"""Lines of YAML with comments, safe for any name of a file or column."""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping

import yaml

from unet_mtl.data.yaml_files import parse_yaml

_COLUMN = 48
_WIDTH = 118


_PLAIN = re.compile(r"(?!(?:true|false|null)$)[a-z]\w*", re.ASCII | re.IGNORECASE)


def scalar(text: str, *, word: bool = False) -> str:
    """Return a text as a YAML scalar, in quotes if it needs them.

    Args:
        text: Any text.
        word: Whether a number may stay without quotes, because the setting converts it to text again.

    >>> scalar("benign"), scalar("no"), scalar("{case}.png"), scalar("2", word=True), scalar("2"), scalar("a: #b")
    ('benign', 'no', '"{case}.png"', '2', '"2"', '"a: #b"')
    """
    if _PLAIN.fullmatch(text):
        return text
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
    """Return a pattern as a YAML scalar, without quotes unless it needs them.

    >>> path("images/{case}.png"), path("{case}.png")
    ('images/{case}.png', '"{case}.png"')
    """
    try:
        bare = pattern.isprintable() and parse_yaml(f"k: {pattern}") == {"k": pattern}
    except yaml.YAMLError:
        bare = False
    return pattern if bare else json.dumps(pattern)


def flow(words: Iterable[str], *, word: bool = False) -> str:
    """Return a list in brackets."""
    return f"[{', '.join(scalar(text, word=word) for text in words)}]"


def flow_map(content: Mapping[str, str]) -> str:
    """Return a mapping in braces; the values must be YAML already, the keys must not."""
    return f"{{{', '.join(f'{scalar(key)}: {value}' for key, value in content.items())}}}"


def comment(text: str) -> str:
    """Return a comment of one line; characters that are not printable become question marks."""
    return "# " + "".join(letter if letter.isprintable() else "?" for letter in text)


def line(text: str, because: str = "") -> list[str]:
    """Return a line with its comment, which is above the line if both together are too wide."""
    if not because:
        return [text]
    beside = f"{text:<{_COLUMN}}  {comment(because)}"
    if len(text) <= _COLUMN and len(beside) <= _WIDTH:
        return [beside]
    indent = len(text) - len(text.lstrip(" "))
    return [*(" " * indent + comment(row) for row in _break(because, _WIDTH - indent - 2)), text]


def commented_out(text: str, because: str) -> list[str]:
    """Return a line that is commented out, with the reason."""
    indent = len(text) - len(text.lstrip(" "))
    return line(f"{' ' * indent}{comment(text.lstrip(' '))}", because)


def paragraph(lines: Iterable[str]) -> list[str]:
    """Return a list of texts as comments, wrapped between words."""
    broken = []
    for text in lines:
        first, *others = _break(text, _WIDTH - 4)
        broken += [comment(f"- {first}"), *(comment(f"  {row}") for row in others)]
    return broken


def _break(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [text]
