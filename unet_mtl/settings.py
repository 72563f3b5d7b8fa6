"""The base of everything that a user may set: checked when made, frozen, plain JSON."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


class Settings(BaseModel):
    """Keyword-only, frozen, and strict about names: an unknown one is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_config(self) -> dict[str, Any]:
        """Plain JSON, of which `from_config` makes an equal object."""
        return self.model_dump(mode="json")


def describe_problems(error: ValidationError, where: str) -> list[str]:
    """Turns pydantic's findings into one line each, with the place and the value received."""
    lines = []
    for finding in error.errors():
        place = ".".join(str(part) for part in finding["loc"])
        known = finding["type"] in ("missing", "extra_forbidden")
        received = "" if known else f" (received {finding['input']!r})"
        lines.append(": ".join(part for part in (where, place, finding["msg"]) if part) + received)
    return lines
