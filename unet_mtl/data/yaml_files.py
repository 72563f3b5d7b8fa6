"""Reading YAML files, and saying in one line what is wrong with one."""

import re
from pathlib import Path
from typing import Any

import yaml

from unet_mtl.errors import DataError


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
    except IsADirectoryError as error:
        raise DataError(f"{path}: a folder, where a YAML file is expected; name the file in it") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text; save it so") from error
    except yaml.YAMLError as error:
        raise DataError(f"{path}: not valid YAML: {explain_yaml(error)}") from error
    if content is None:
        raise DataError(f"{path}: the file is empty; it needs `key: value` lines")
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected `key: value` lines, received {_in_words(content)}")
    return content


_CURES = {
    "mapping values are not allowed here": "a second `:` in the line, or a line indented too far; quotes make it text",
    "could not find expected ':'": "a line without `:`, or without a blank behind it",
    r"found character '\t' that cannot start any token": "a tab; indent with blanks",
    "found unknown escape character": "in double quotes \\ is no letter; use single quotes",
}


def explain_yaml(error: yaml.YAMLError) -> str:
    """One line for a person: where, and why.

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
    elsewhere = start is not None and mark is not None and start.line != mark.line
    begins = f", which begins in line {start.line + 1}" if start and elsewhere else ""
    told = [_CURES.get(problem, ""), f"{error.context}{begins}" if error.context else ""]
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{place}{problem}" + (f" ({'; '.join(filter(None, told))})" if any(told) else "")


def _in_words(content: object) -> str:
    if isinstance(content, str):
        return "text"
    return "a list" if isinstance(content, list) else f"one value, {content}"
