"""Names of files and folders in which the values of fields are marked, on the way to a pattern in braces."""

from collections.abc import Mapping

_OPEN, _CLOSE = "\ue000", "\ue001"
"""Characters for private use, which names of files do not contain in practice."""


def mark(name: str) -> str:
    """Return the mark of a field."""
    return f"{_OPEN}{name}{_CLOSE}"


def mark_values(text: str, values: Mapping[str, str]) -> str:
    """Replace the values of fields by their marks, where they are whole words of the text.

    >>> literal(mark_values("IMD002_lesion", {"case": "IMD002"})), literal(mark_values("IMD0021", {"case": "IMD002"}))
    ('{case}_lesion', 'IMD0021')
    """
    for name, value in sorted(values.items(), key=lambda pair: -len(pair[1])):
        start = text.find(value) if value else -1
        while start >= 0:
            end = start + len(value)
            if not (text[:start][-1:].isalnum() or text[end:][:1].isalnum()):
                text = text[:start] + mark(name) + text[end:]
                break
            start = text.find(value, start + 1)
    return text


def fill_marks(text: str, values: Mapping[str, str]) -> str:
    """Replace the marks of fields by their values."""
    for name, value in values.items():
        text = text.replace(mark(name), value)
    return text


def literal(text: str) -> str:
    """Return a text for a pattern: its own braces are escaped, and marks become fields in braces."""
    return text.replace("{", "{{").replace("}", "}}").replace(_OPEN, "{").replace(_CLOSE, "}")
