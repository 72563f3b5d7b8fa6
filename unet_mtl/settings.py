"""The base class of everything that a user may set: validated when made, frozen, convertible to plain JSON."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType

from unet_mtl.near_names import find_typo

Place = tuple[int | str, ...]
"""Where a setting stands: names of settings and positions in lists, outermost first."""

Units = Annotated[int, Field(ge=1, le=2**16)]
"""The number of units of a dense layer."""

_SUGGESTION = "suggestion"
_LENGTH = "length"
_LONGEST = 200
_LARGE = 10**200
"""Python refuses to write numbers of more than 4,300 digits."""
_PYDANTIC_TYPES = frozenset(get_args(ErrorType))


class Settings(BaseModel):
    """Keyword-only, frozen settings that refuse unknown names and suggest near ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON from which `model_validate` makes an equal object."""
        return self.model_dump(mode="json")

    @model_validator(mode="wrap")
    @classmethod
    def _suggest_names(cls, content: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(content)
        except ValidationError as error:
            errors = [cls._suggest(finding) for finding in error.errors()]
            raise ValidationError.from_exception_data(error.title, errors) from None

    @classmethod
    def _suggest(cls, finding: ErrorDetails) -> InitErrorDetails:
        suggestion = ""
        if finding["type"] == "extra_forbidden" and len(finding["loc"]) == 1:
            suggestion = cls._nearest_name(str(finding["loc"][0]))
        if not suggestion:
            return _as_raised(finding)
        message = f"there is no such setting; did you mean {suggestion}?"
        return _as_raised(finding | {"type": _SUGGESTION, "msg": message})

    @classmethod
    def _nearest_name(cls, name: str) -> str:
        fields = {field.alias or own_name: field for own_name, field in cls.model_fields.items()}
        for group, field in fields.items():
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, Settings) and name in kind.model_fields:
                return f"{group}.{name}"
        return find_typo(name, fields) or ""


def _as_raised(finding: ErrorDetails) -> InitErrorDetails:
    """Return an error that pydantic has reported in the form in which it can be raised again."""
    if finding["type"] in _PYDANTIC_TYPES:
        return InitErrorDetails(
            type=finding["type"], loc=finding["loc"], input=finding["input"], ctx=finding.get("ctx", {})
        )
    custom = PydanticCustomError(finding["type"], finding["msg"])
    return InitErrorDetails(type=custom, loc=finding["loc"], input=finding["input"])


def raise_problems(problems: Sequence[str], received: Any) -> NoReturn:
    """Raise several problems from inside a validator, each as an error of its own.

    Args:
        problems: One message each.
        received: The value that the validator looks at.

    Raises:
        ValidationError: Always; pydantic adds its errors to those that it has found.
    """
    errors = [
        InitErrorDetails(type="value_error", loc=(), input=received, ctx={"error": ValueError(problem)})
        for problem in problems
    ]
    raise ValidationError.from_exception_data("settings", errors)


def describe_problems(
    error: ValidationError, where: str, rename: Callable[[Place], Place] = lambda place: place
) -> list[str]:
    """Return one line per error of pydantic, with its place and the value received.

    Args:
        error: The errors.
        where: The file or the like that every line begins with; may be empty.
        rename: Turns the place of an error into the one that users know.
    """
    return [
        ": ".join(
            part for part in (where, ".".join(map(str, rename(finding["loc"]))), _message(finding)) if part
        )
        for finding in _unite_positions(error.errors())
    ]


def _unite_positions(findings: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Replace the errors of the missing positions of a list by one error of the list, with the expected length."""
    united: dict[Place, ErrorDetails] = {}
    for finding in findings:
        place = finding["loc"]
        last = place[-1] if place else ""
        if finding["type"] == "missing" and isinstance(last, int):  # the last one ends the list
            place, message = place[:-1], f"expected a list of {last + 1} entries"
            finding = finding | {"loc": place, "type": _LENGTH, "msg": message}
            united[(*place, _LENGTH)] = finding
        else:
            united[(*place, len(united))] = finding
    return list(united.values())


_PLAIN = {
    "missing": "this setting is missing",
    "extra_forbidden": "there is no such setting; correct its name or remove it",
    "union_tag_not_found": "the setting {discriminator} is missing",
    "union_tag_invalid": "{discriminator} is '{tag}'; there is {expected_tags}",
}
_EXPECTED = {
    "tuple_type": "expected a list, with - before each entry or in [ ]",
    "list_type": "expected a list, with - before each entry or in [ ]",
    "model_type": "expected settings by name, in { } or a line each",
    "dict_type": "expected settings by name, in { } or a line each",
}
_LENGTHS = {
    "too_long": "expected at most {max_length} entries",
    "too_short": "expected at least {min_length} entries",
}


def _message(finding: ErrorDetails) -> str:
    plain = _PLAIN.get(finding["type"])
    if plain:
        return plain.format_map(finding.get("ctx", {}))
    message = _EXPECTED.get(finding["type"], finding["msg"].removeprefix("Value error, "))
    if finding["type"] in _LENGTHS:
        message = _LENGTHS[finding["type"]].format_map(finding["ctx"])
    # A whole group of settings is too long to be repeated.
    received = finding["input"]
    parts = received if isinstance(received, list | tuple) else [received]
    is_group = any(isinstance(part, dict | Settings) for part in parts)
    return (
        message
        if is_group or finding["type"] == _SUGGESTION
        else f"{message} (received {_shorten(received)})"
    )


def _shorten(received: Any) -> str:
    """Return a value as it would be written in Python, cut after its first characters if it is long."""
    if isinstance(received, int) and abs(received) >= _LARGE:
        return "a number of many digits"
    text = repr(received)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
