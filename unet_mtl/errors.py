"""Errors a user can act on: each message says what was received and what would work."""

from collections.abc import Sequence


class UnetMtlError(Exception):
    """Base of every error that this package raises on purpose."""


class DataError(UnetMtlError):
    """A file, folder, table or label is not what its description says.

    Args:
        problems: One message or several; all are shown at once.
        kind: What went wrong in one word, of those in `unet_mtl.prepare.doctor.catalogue`; "" where nobody sorts by it.
    """

    def __init__(self, problems: str | Sequence[str], *, kind: str = "") -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        self.kind = kind
        super().__init__("\n".join(self.problems))

    def of_kind(self, kind: str) -> "DataError":
        """The same error; of this kind, where it had none."""
        self.kind = self.kind or kind
        return self


class ConfigError(UnetMtlError):
    """A setting is unknown, of the wrong type, or contradicts another."""


class RunError(UnetMtlError):
    """A run folder exists already, is not one, or lacks what was asked of it."""


class TrainingError(UnetMtlError):
    """Training cannot go on: the loss is not finite, say."""


class WriteError(UnetMtlError):
    """The operating system refused a write: disk full, no permission, a file in the way."""
