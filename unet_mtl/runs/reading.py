"""Reading of the files of a run, none of which is trusted."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, get_args
from zipfile import ZipFile

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from unet_mtl.config import AnyTask
from unet_mtl.data.splits import SplitName
from unet_mtl.data.tables import unguard_formulas
from unet_mtl.errors import RunError, UnetMtlError
from unet_mtl.settings import describe_problems
from unet_mtl.tasks import Task

CURE = "restore the file from a copy of the run, or train again"
_LONGEST = 500


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the errors of reading a damaged file of a run into a RunError that names the file and what to do.

    Any exception is taken for damage, since the libraries that parse a damaged file raise exceptions of many kinds.
    """
    try:
        yield
    except RunError:
        raise
    except ValidationError as error:
        raise _damaged(describe_problems(error, str(path))) from error
    except UnetMtlError as error:
        problems = str(error).splitlines()
        raise _damaged([p if p.startswith(str(path)) else f"{path}: {p}" for p in problems]) from error
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise _damaged([f"{path} cannot be read ({_shorten(reason)})"]) from error


def _damaged(problems: list[str]) -> RunError:
    # In backticks, names of settings would be taken for arguments of the command that runs.
    lines = [_shorten(problem).replace("`", "'") for problem in problems]
    return RunError("\n".join([*lines[:-1], f"{lines[-1]}; {CURE}"]))


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def require_whole_archive(path: Path) -> None:
    """Check the checksums in a zip archive, such as a network or a checkpoint.

    Raises:
        RunError: The file is cut, damaged, or no archive.
    """
    with reading(path), ZipFile(path) as archive:
        damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"its part {damaged} is damaged")


_TASKS: TypeAdapter[list[Task[Any, Any]]] = TypeAdapter(list[AnyTask])


def parse_tasks(text: str) -> list[Task[Any, Any]]:
    """Return the tasks of a run, of which there is at least one."""
    tasks = _TASKS.validate_python(json.loads(text))
    names = [task.name for task in tasks]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected one task or several of different names, received {names}")
    return tasks


def parse_splits(text: str) -> pd.DataFrame:
    """Return the table of cases and their splits, as text."""
    table = unguard_formulas(pd.read_csv(StringIO(text), dtype=str, keep_default_na=False))
    table = with_columns(table, "case", "patient", "split")
    unknown = set(table["split"]) - set(get_args(SplitName))
    if unknown:
        raise ValueError(f"there is no split {min(unknown)!r}")
    if table["case"].duplicated().any():
        raise ValueError(f"case {table['case'][table['case'].duplicated()].iloc[0]!r} is in two rows")
    return table


def parse_history(text: str) -> pd.DataFrame:
    """Return the table of epochs, all of them and all numbers."""
    table = with_columns(pd.read_csv(StringIO(text)), "epoch", "seconds")
    words = list(table.select_dtypes(exclude="number"))
    if words:
        raise ValueError(f"column {words[0]} has other cells than numbers")
    if not text.endswith("\n") or list(table["epoch"]) != list(range(1, len(table) + 1)):
        raise ValueError("it lacks the end of a line, or an epoch")
    return table


def require_mapping(content: Any) -> dict[str, Any]:
    """Return the content of a file, which must be names and values."""
    if not isinstance(content, dict):
        raise ValueError(f"expected names and values, received {type(content).__name__}")
    return content


def with_columns(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Return a table, which must have the columns of these names."""
    absent = [name for name in names if name not in table]
    if absent:
        raise ValueError(f"the table has no column {', '.join(absent)}")
    return table
