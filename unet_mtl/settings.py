"""The base of everything that a user may set: checked when made, frozen, plain JSON."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


class Settings(BaseModel):
    """Keyword-only, frozen, and strict about names: an unknown one is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_config(self) -> dict[str, Any]:
        """Plain JSON, of which `from_config` makes an equal object."""
        return self.model_dump(mode="json")


def describe_problems(error: ValidationError, where: str) -> list[str]:
    """Turns pydantic's findings into one line each, with the place and the value received."""
    return [
        ": ".join(part for part in (where, ".".join(map(str, finding["loc"])), _message(finding)) if part)
        for finding in error.errors()
    ]


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


def _message(finding: ErrorDetails) -> str:
    plain = _PLAIN.get(finding["type"])
    if plain:
        return plain.format_map(finding.get("ctx", {}))
    message = _EXPECTED.get(finding["type"], finding["msg"].removeprefix("Value error, "))
    # A whole group of settings is no answer to "what was received".
    received = finding["input"]
    parts = received if isinstance(received, list | tuple) else [received]
    whole = any(isinstance(part, dict | Settings) for part in parts)
    return message if whole else f"{message} (received {received!r})"
