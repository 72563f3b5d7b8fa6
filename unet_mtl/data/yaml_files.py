"""Read YAML files, and describe what is wrong with one in one line."""

import re
from pathlib import Path
from typing import Any

import yaml

from unet_mtl.errors import DataError


class _Loader(yaml.SafeLoader):
    """A loader with the booleans of YAML 1.2, since yes, no, on and off are common values in tables."""


_BOOL = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, fits) for tag, fits in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def parse_yaml(text: str) -> Any:
    """Parse YAML in which yes, no, on and off are strings.

    >>> parse_yaml("[no, yes, true, 1]")
    ['no', 'yes', True, 1]
    """
    return yaml.load(text, _Loader)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        DataError: The file is absent, is not YAML, or holds something else.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except IsADirectoryError as error:
        raise DataError(
            f"{path}: this is a folder; expected a YAML file: give the name of a file in it"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text; save it with that encoding") from error
    except yaml.YAMLError as error:
        raise DataError(f"{path}: not valid YAML: {explain_yaml(error)}") from error
    if content is None:
        raise DataError(f"{path}: the file is empty; expected `key: value` lines")
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected `key: value` lines, received {_describe(content)}")
    return content


_ADVICE = {
    "mapping values are not allowed here": "a second `:` in the line, or a line indented too far; put text in quotes",
    "could not find expected ':'": "a line without `:`, or without a blank after it",
    r"found character '\t' that cannot start any token": "a tab; indent with spaces",
    "found unknown escape character": "a backslash in double quotes starts an escape; use single quotes",
}


def explain_yaml(error: yaml.YAMLError) -> str:
    """Describe an error in one line, with its place, its reason and what to do.

    >>> try:
    ...     parse_yaml("a: b: c")
    ... except yaml.YAMLError as error:
    ...     print(explain_yaml(error).partition(" (")[0])
    line 1, column 5: mapping values are not allowed here
    """
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).replace(' in "<unicode string>",', "").split())
    mark, start = error.problem_mark or error.context_mark, error.context_mark
    problem = error.problem or "it cannot be read"
    other_line = start is not None and mark is not None and start.line != mark.line
    begins = f", which begins in line {start.line + 1}" if start and other_line else ""
    details = [_ADVICE.get(problem, ""), f"{error.context}{begins}" if error.context else ""]
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{place}{problem}" + (f" ({'; '.join(filter(None, details))})" if any(details) else "")


def _describe(content: object) -> str:
    if isinstance(content, str):
        return "text"
    return "a list" if isinstance(content, list) else f"one value, {content}"
