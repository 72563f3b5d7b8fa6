"""Read YAML files, and describe what is wrong with one in one line."""

import re
from pathlib import Path
from typing import Any

import yaml

from unet_mtl.errors import DataError


class _Loader(yaml.SafeLoader):
    """A loader for settings: words that only look like other values of YAML 1.1 stay text, and no key may be repeated.

    yes, no, on and off are common values in tables; 007, 1_0, 12:30 and 2023-02-30 are names of cases and classes.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make a dictionary, unless a key is repeated."""
        seen: dict[Any, yaml.Node] = {}
        for key_node, _ in node.value:
            key = (key_node.tag, key_node.value) if isinstance(key_node, yaml.ScalarNode) else key_node
            if seen.setdefault(key, key_node) is not key_node and key_node.value != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key_node.value!r} is set twice; keep one of them", key_node.start_mark
                )
        return super().construct_mapping(node, deep)

    def construct_whole(self, node: yaml.ScalarNode) -> int:
        """Make a whole number, unless it is so long that it must be a mistake."""
        if len(node.value) > _MOST_DIGITS:
            problem = f"a number of {len(node.value):,} digits; put text in quotes"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return int(self.construct_yaml_int(node))


_MOST_DIGITS = 100
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_whole)

_RESOLVERS = {
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": ("[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    "float": (
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
"""The text that each type of value may have, as in YAML 1.2, and its first characters."""

_OTHER_TYPES = {f"tag:yaml.org,2002:{name}" for name in (*_RESOLVERS, "timestamp")}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, fits) for tag, fits in resolvers if tag not in _OTHER_TYPES]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, (_pattern, _first) in _RESOLVERS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), list(_first))

_MOST_VALUES = 100_000
"""Maximum number of values in a file; a few lines of aliases can stand for billions of them."""


def parse_yaml(text: str) -> Any:
    """Parse YAML in which yes, no, on, off, dates and numbers with leading zeros are strings.

    Raises:
        yaml.YAMLError: The text is not YAML, or holds a value that cannot be used.

    >>> parse_yaml("[no, yes, true, 1, 01, 2023-02-30]")
    ['no', 'yes', True, 1, '01', '2023-02-30']
    """
    try:
        content = yaml.load(text, _Loader)
        _count_values(content, {})
    except RecursionError:
        raise yaml.YAMLError("the values are nested too deeply, or contain themselves") from None
    except ValueError as error:
        raise yaml.YAMLError(str(error)) from None
    return content


def _count_values(content: Any, known: dict[int, int]) -> int:
    """Count the values in lists and mappings, with each alias in full.

    Args:
        content: A value that was read.
        known: The counts of lists and mappings by their identity.
    """
    if not isinstance(content, dict | list):
        return 1
    if id(content) not in known:
        parts = content.values() if isinstance(content, dict) else content
        known[id(content)] = 1 + sum(_count_values(part, known) for part in parts)
        if known[id(content)] > _MOST_VALUES:
            raise ValueError(f"more than {_MOST_VALUES:,} values, as when aliases (*name) repeat one another")
    return known[id(content)]


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
