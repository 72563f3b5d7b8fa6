"""Files that the description gives to several cases, such as img10.png, which fits `{case}*.png` of img1 too."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unet_mtl.data.description import Description
from unet_mtl.data.observations import Observation
from unet_mtl.data.patterns import ANY, fill_pattern, fits_filled
from unet_mtl.data.rows import CASE
from unet_mtl.wording import name_some

_File = tuple[Path, int | None]
"""A path and a frame."""

_ENDS = ("", "_*", "-*", " *", ".*")
"""Texts after {case} that may replace a wildcard directly after it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of a file.

    Attributes:
        row: The cells of the case by column, in the form that `read_rows` returns.
        patient: The patient of the case.
        target: The name of the mask; None if the file is the image of the case.
        class_name: The class of every pixel of the mask, or empty if the file holds several classes.
        channel: The name of the channel of the image, or empty if the file holds all channels.
    """

    row: Mapping[Any, Any]
    patient: str
    target: str | None = None
    class_name: str = ""
    channel: str = ""

    @property
    def case(self) -> str:
        """The name of the case."""
        return str(self.row[CASE])

    @property
    def values(self) -> dict[str, str]:
        """The texts that fill patterns."""
        return {**self.row, "case": self.case}

    def pattern(self, description: Description) -> str:
        """Return the pattern that gives the file to the case."""
        if self.target is None:
            return description.image_patterns[self.channel]
        return description.masks[self.target].patterns[self.class_name]


def find_claims(
    uses: Iterable[tuple[Path, int | None, Claim]], description: Description
) -> list[Observation]:
    """Report each file that belongs to several cases, to several classes of a mask, or is both image and mask.

    Different frames of a file may belong to different cases. A pattern without the case, such as
    `masks/{patient}.png`, may give one mask to all cases of a patient.

    Args:
        uses: Path, frame and claim of every use of a file.
        description: The description of the data set.

    Returns:
        One observation for each file, of the kind "image-claimed" or "mask-claimed".
    """
    alone: dict[_File, Claim] = {}
    shared: dict[_File, list[Claim]] = {}
    for path, frame, claim in uses:
        file = path, frame
        if file in shared:
            shared[file].append(claim)
        elif file in alone:
            shared[file] = [alone.pop(file), claim]
        else:
            alone[file] = claim
    wrong = {file: claims for file, claims in shared.items() if not _is_meant(claims, description)}
    cures: dict[str, str] = {}
    observations = []
    for file, claims in wrong.items():
        patterns = [claim.pattern(description) for claim in claims]
        of_masks = [p for p, claim in zip(patterns, claims, strict=True) if claim.target is not None]
        kind, cure = "image-claimed", "keep one row for each image, or correct its path"
        if of_masks:
            kind, pattern = "mask-claimed", of_masks[-1]
            if pattern not in cures:
                every = {f: [claim] for f, claim in alone.items()} | shared
                cures[pattern] = _find_cure(pattern, every, description)
            cure = cures[pattern]
        named = [f"the {_name(c)} of case {c.case!r} (`{p}`)" for c, p in zip(claims, patterns, strict=True)]
        several = " and ".join(named) if len(named) == 2 else name_some(named, 3)
        cases = tuple(dict.fromkeys(claim.case for claim in claims))
        observations.append(Observation(kind, f"{file[0]}: this file is {several}; {cure}", cases))
    return observations


def _name(claim: Claim) -> str:
    if claim.target is None:
        return f"channel {claim.channel!r}" if claim.channel else "image"
    return f"mask {claim.target!r}" + (f" for {claim.class_name!r}" if claim.class_name else "")


def _is_meant(claims: Sequence[Claim], description: Description) -> bool:
    """Return whether several targets of one case, or several cases of one patient, use a mask on purpose."""
    if any(claim.target is None for claim in claims):
        return False
    if len({(claim.case, claim.target) for claim in claims}) < len(claims):
        return False  # two classes of one mask
    filled = {fill_pattern(claim.pattern(description), claim.values) for claim in claims}
    same_patient = len(filled) == len({claim.patient for claim in claims}) == 1
    return same_patient or len({claim.case for claim in claims}) == 1


def _find_cure(pattern: str, every: Mapping[_File, Sequence[Claim]], description: Description) -> str:
    """Return the advice for a pattern of masks: a narrower one if that gives each mask to exactly one case."""
    cases = {
        path: [claim for claim in claims if claim.pattern(description) == pattern]
        for (path, _), claims in every.items()
    }
    images = {path for (path, _), claims in every.items() if any(claim.target is None for claim in claims)}
    for end in _ENDS if f"{{case}}{ANY}" in pattern else ():
        narrow = pattern.replace(f"{{case}}{ANY}", f"{{case}}{end}")
        if all(
            sum(fits_filled(_below(path, description), narrow, claim.values) for claim in claims)
            == (path not in images)
            for path, claims in cases.items()
            if claims
        ):
            return f"write `{narrow}` in dataset.yaml, which fits one case"
    return "write a pattern in dataset.yaml that fits one case, or rename the files"


def _below(path: Path, description: Description) -> str:
    return path.relative_to(description.root).as_posix()
