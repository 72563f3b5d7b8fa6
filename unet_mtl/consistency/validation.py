"""What rules demand of the tasks that they name."""

from collections.abc import Mapping, Sequence
from typing import Any

from unet_mtl.consistency.rules import Finding, MaskNeeds, Rule
from unet_mtl.consistency.statements import MILLIMETRES
from unet_mtl.data.description import ColumnDescription, Description
from unet_mtl.errors import ConfigError
from unet_mtl.tasks import Task


def require_rules(rules: Sequence[Rule], tasks: Sequence[Task[Any, Any]], description: Description) -> None:
    """Makes sure that the rules are about these tasks.

    Raises:
        ConfigError: With every problem.
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
    problem = _problem_of_mask(rule, tasks, description)
    problems = [problem] if problem else []
    targets = tasks[other].target_names
    column = description.columns.get(targets[0]) if len(targets) == 1 and not tasks[other].spatial else None
    problem = (
        _problem_of_finding(rule.needs, column) if isinstance(rule, MaskNeeds) else _problem_of_length(column)
    )
    return problems + ([f"task {other!r} {problem}"] if problem else [])


def _problem_of_mask(rule: Rule, tasks: Mapping[str, Task[Any, Any]], description: Description) -> str:
    task = tasks[rule.mask]
    if not task.spatial:
        drawing = ", ".join(name for name, one in tasks.items() if one.spatial)
        return f"task {rule.mask!r} draws no mask; {f'name one that does: {drawing}' if drawing else 'no task does'}"
    classes = description.masks[task.target_name].classes[1:]
    if rule.class_ is not None and rule.class_ not in classes:
        return f"task {rule.mask!r} draws no class {rule.class_!r}; it draws {', '.join(classes)}"
    return ""


def _problem_of_finding(finding: Finding, column: ColumnDescription | None) -> str:
    classes = column.classes if column is not None and column.classes else ()
    if not classes:
        return "does not answer with one class; name one that does"
    return (
        ""
        if finding.word in classes
        else f"has no class {finding.word!r}; it has {', '.join(map(str, classes))}"
    )


def _problem_of_length(column: ColumnDescription | None) -> str:
    if column is None or not column.is_number:
        return "does not answer with one number; name one that does"
    if column.unit in MILLIMETRES:
        return ""
    unit = f"in {column.unit!r}, not in a unit of length" if column.unit else "without a unit of length"
    return f"is {unit}; say `unit` of its column in dataset.yaml, one of {', '.join(MILLIMETRES)}"
