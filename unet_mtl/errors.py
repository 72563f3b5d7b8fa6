"""Errors that a user can act on: each message states what was received and what to do."""

from collections.abc import Sequence


class UnetMtlError(Exception):
    """The base class of all errors that this package raises on purpose."""


class DataError(UnetMtlError):
    """A file, folder, table or label differs from its description.

    Args:
        problems: One message or several, all of which are shown.
        kind: The class of the problem, a key of `unet_mtl.prepare.doctor.catalogue.KINDS`; "" for none.
    """

    def __init__(self, problems: str | Sequence[str], *, kind: str = "") -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        self.kind = kind
        super().__init__("\n".join(self.problems))

    def of_kind(self, kind: str) -> "DataError":
        """Set the kind of the error unless it has one, and return the error."""
        self.kind = self.kind or kind
        return self


class NotFiniteError(DataError):
    """The network gives NaN or infinity for a case, which has no answer then."""

    advice = (
        "If this is so for every case, the weights of the run are damaged: restore network.keras from a copy, or train "
        "again. Otherwise look for extreme values in this case"
    )

    def explain(self) -> DataError:
        """Return the error with advice, for a case that is reported alone."""
        return DataError(f"{self}. {self.advice}")


class ConfigError(UnetMtlError):
    """A setting is unknown, has a wrong type or value, or contradicts another."""


class RunError(UnetMtlError):
    """A run folder exists already, is not one, or lacks or has damaged what was requested from it."""


class TrainingError(UnetMtlError):
    """Training cannot continue, for example because the loss is not finite."""


class WriteError(UnetMtlError):
    """The operating system refused a write: the disk is full, a permission is missing, a file is in the way."""
