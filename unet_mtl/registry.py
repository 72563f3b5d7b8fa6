"""Settings that name an entry of a registry, checked against its entries at the time of validation."""

from collections.abc import Mapping
from typing import Any

from pydantic import BeforeValidator
from pydantic_core import PydanticKnownError


def name_in(registry: Mapping[str, Any]) -> BeforeValidator:
    """Return the validator of a setting that names an entry of a registry.

    Unlike a `Literal`, the setting also accepts entries that were added to the registry after import.

    Args:
        registry: The accepted names and what they stand for.

    Returns:
        A validator for `Annotated[str, name_in(registry)]`. Its error lists the names that the registry has.

    >>> from typing import Annotated
    >>> from pydantic import TypeAdapter
    >>> sizes = {"small": 1}
    >>> size = TypeAdapter(Annotated[str, name_in(sizes)])
    >>> sizes["large"] = 2
    >>> size.validate_python("large")
    'large'
    """

    def check(name: Any) -> Any:
        if not (isinstance(name, str) and name in registry):
            raise PydanticKnownError("literal_error", {"expected": _list_names(list(registry))})
        return name

    return BeforeValidator(check)


def _list_names(names: list[str]) -> str:
    *others, last = map(repr, names)
    return f"{', '.join(others)} or {last}" if others else last
