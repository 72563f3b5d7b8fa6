"""Python arguments in messages -> what the user of a command types.

The layers below name an argument in backticks, `tolerance`, or show its value, `values={0: 0, 255: 1}`. Users of the
command line know it as --tolerance, or type --values 0=0,255=1.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_FLAGS: ContextVar[Mapping[str, str] | None] = ContextVar("flags", default=None)
_ARGUMENT = re.compile(r"`(\w+)(?:=([^`]+))?`")


@contextmanager
def naming_arguments_of(command: Any) -> Iterator[None]:
    """Make `to_flags` name the arguments of a command while it runs.

    Args:
        command: A click command.
    """
    token = _FLAGS.set({param.name: _name_of(param) for param in command.params})
    try:
        yield
    finally:
        _FLAGS.reset(token)


def _name_of(param: Any) -> str:
    """The longest spelling of an option, or the metavar of a positional argument."""
    if param.param_type_name == "argument":
        return str(param.metavar or param.name.upper())
    return str(max(param.opts, key=len))


def to_flags(message: str) -> str:
    """Replace each argument in backticks that the running command has by its flag or metavar.

    Other words in backticks stay as they are, and so does everything while no command runs.

    Args:
        message: The text, with arguments written as `name` or `name=value`.
    """
    flags = _FLAGS.get() or {}

    def replace(match: re.Match[str]) -> str:
        name, value = match.groups()
        if name not in flags:
            return match[0]
        return flags[name] if value is None else f"{flags[name]} {_as_typed(value)}".rstrip()

    return _ARGUMENT.sub(replace, message)


def _as_typed(code: str) -> str:
    """A value in Python's syntax, as the command line takes it; a placeholder stays as it is.

    >>> _as_typed("{0: 0, 255: 1}"), _as_typed("['background', 'lesion']"), _as_typed("FOLDER"), _as_typed("True")
    ('0=0,255=1', 'background,lesion', 'FOLDER', '')
    >>> _as_typed("'{case}_pred'")
    '"{case}_pred"'
    """
    try:
        value = ast.literal_eval(code)
    except (SyntaxError, ValueError):
        return code
    if value is True:
        return ""
    if isinstance(value, Mapping):
        value = [f"{key}={item}" for key, item in value.items()]
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if re.fullmatch(r"[\w=,.-]+", text) else f'"{text}"'
