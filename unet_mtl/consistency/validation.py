"""Checks that consistency rules fit the tasks and the data set that they name."""

from collections.abc import Mapping, Sequence
from typing import Any

from unet_mtl.consistency.rules import ClassCondition, MaskNeeds, Rule
from unet_mtl.data.description import ColumnDescription, Description
from unet_mtl.data.units import MILLIMETRES
from unet_mtl.errors import ConfigError
from unet_mtl.tasks import Task


def require_rules(rules: Sequence[Rule], tasks: Sequence[Task[Any, Any]], description: Description) -> None:
    """Require that the rules fit the tasks.

    Args:
        rules: The rules; may be empty.
        tasks: All tasks of the run.
        description: Description of the data set, which gives the classes and units of the tasks' targets.

    Raises:
        ConfigError: A rule names a task, class or unit that does not exist, or is declared twice. The message has one
            line for each problem.
    """
    by_name = {task.name: task for task in tasks}
    problems = [problem for rule in rules for problem in _problems(rule, by_name, description)]
    names = [rule.name for rule in rules]
    problems += [
        f"{name!r} is declared {names.count(name)} times; keep one of them"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    if problems:
        raise ConfigError("\n".join(f"consistency: {problem}" for problem in problems))


def _problems(rule: Rule, tasks: Mapping[str, Task[Any, Any]], description: Description) -> list[str]:
    other = rule.needs.task if isinstance(rule, MaskNeeds) else rule.diameter
    unknown = [name for name in (rule.mask, other) if name not in tasks]
    if unknown:
        return [f"there is no task {name!r}; there is {', '.join(tasks)}" for name in unknown]
    problem = _mask_problem(rule, tasks, description)
    problems = [problem] if problem else []
    targets = tasks[other].target_names
    column = description.columns.get(targets[0]) if len(targets) == 1 and not tasks[other].spatial else None
    problem = (
        _condition_problem(rule.needs, column) if isinstance(rule, MaskNeeds) else _length_problem(column)
    )
    return problems + ([f"task {other!r} {problem}"] if problem else [])


def _mask_problem(rule: Rule, tasks: Mapping[str, Task[Any, Any]], description: Description) -> str:
    task = tasks[rule.mask]
    if not task.spatial:
        spatial = ", ".join(name for name, other in tasks.items() if other.spatial)
        return f"task {rule.mask!r} draws no mask; {f'name a task that does: {spatial}' if spatial else 'no task does'}"
    classes = description.masks[task.target_name].classes[1:]
    if rule.class_ is not None and rule.class_ not in classes:
        return f"task {rule.mask!r} draws no class {rule.class_!r}; it draws {', '.join(classes)}"
    return ""


def _condition_problem(condition: ClassCondition, column: ColumnDescription | None) -> str:
    classes = column.classes if column is not None and column.classes else ()
    if not classes:
        return "does not answer with one class; name a task that does"
    if condition.class_name not in classes:
        return f"has no class {condition.class_name!r}; it has {', '.join(map(str, classes))}"
    return ""


def _length_problem(column: ColumnDescription | None) -> str:
    if column is None or not column.is_number:
        return "does not answer with one number; name a task that does"
    if column.unit in MILLIMETRES:
        return ""
    unit = f"in {column.unit!r}, not in a unit of length" if column.unit else "without a unit of length"
    return f"is {unit}; give `unit` of its column in dataset.yaml, one of {', '.join(MILLIMETRES)}"
