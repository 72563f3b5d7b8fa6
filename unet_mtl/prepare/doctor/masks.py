"""Problems of readable masks: empty, full, inverted or repeated ones, and contradictions to the table."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from unet_mtl.data.duplicates import DuplicateGroup
from unet_mtl.data.images import IGNORE
from unet_mtl.data.inspection import Inspection, MaskFacts
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset
from unet_mtl.wording import count_of, name_some

_FEWEST = 5
_USUAL, _RARE = 0.9, 0.1
_MOSTLY = 0.5
_FEWEST_PIXELS = 16  # smaller masks may be equal by chance


def check_masks(
    dataset: Dataset,
    inspection: Inspection,
    duplicates: Sequence[DuplicateGroup],
    renamed: Collection[str] = (),
) -> Iterator[Observation]:
    """Report the problems of single masks, and of the masks of a target compared with each other.

    Args:
        dataset: The cases that could be read.
        inspection: Facts about their files.
        duplicates: Groups of duplicate images, which may share a mask.
        renamed: Targets with masks under other names, for which the pattern is not at fault.
    """
    for target, description in dataset.description.masks.items():
        masks = inspection.masks[target]
        n_files = sum(target in record.masks for record in dataset)
        if n_files == 0 and not description.required and target not in renamed:
            patterns = " or ".join(f"`path: {pattern}`" for pattern in description.patterns.values())
            yield Observation(
                "mask-nowhere",
                f"{dataset.description.root}: no case has a mask {target!r}: no file matches {patterns}; "
                "correct the pattern, or remove this mask from the description",
            )
        elif n_files < len(dataset):
            yield _absent(target, dataset)
        yield from _pixels(target, masks, description.classes)
        yield from _inverted(target, masks)
        yield from _repeated(target, masks, duplicates)
        yield from _contradictions(target, masks, dataset)
        for case, mask in masks.items():
            if mask.soft:
                text = f"case {case!r}: {mask.soft} pixels of the mask {target!r} are semi-transparent"
                yield Observation("mask-soft-alpha", text, (case,))


def _absent(target: str, dataset: Dataset) -> Observation:
    """Report the cases without a mask, and the classes of the table that only these cases have."""
    cases = [record for record in dataset if target not in record.masks]
    absent_classes = [
        f"all {n} with {name} {class_name!r}"
        for name, column in dataset.description.columns.items()
        for class_name in column.classes or ()
        if (n := sum(record.labels.get(name) == class_name for record in cases))
        and not any(record.labels.get(name) == class_name for record in dataset if target in record.masks)
    ]
    among = f", among them {' and '.join(absent_classes)}" if absent_classes else ""
    text = f"{target}: {len(cases)} of {len(dataset)} cases have no mask{among}; they count as not labelled"
    return Observation("mask-absent", text, tuple(record.case for record in cases))


def _pixels(target: str, masks: Mapping[str, MaskFacts], classes: tuple[str, ...]) -> Iterator[Observation]:
    empty = tuple(case for case, mask in masks.items() if not mask.foreground)
    if masks and len(empty) == len(masks):
        ignored = any(IGNORE in mask.pixels for mask in masks.values())
        rest = (
            f"255, which means not labelled; if 255 is {classes[1]!r}, set "
            f"`masks.{target}.values: {{0: 0, 255: 1}}` in dataset.yaml"
            if ignored
            else "nothing else"
        )
        every = f"all {count_of(len(masks), 'mask')} are" if len(masks) > 1 else "the only mask is"
        text = f"{target}: {every} background and {rest}"
        yield Observation("masks-empty", text, empty)
        return
    if empty:
        yield Observation(
            "mask-empty", f"{target}: {len(empty)} of {len(masks)} masks are background only", empty
        )
    for index, name in enumerate(classes[1:], 1):
        if masks and not any(index in mask.pixels for mask in masks.values()):
            yield Observation("class-no-pixels", f"{target}: no mask has a pixel of {name!r}")
    for case, mask in masks.items():
        if mask.unlabelled:
            text = (
                f"case {case!r}: the mask {target!r} in {name_some(mask.unlabelled)} has only background and "
                f"{count_of(mask.pixels[IGNORE], 'unlabelled pixel')}"
            )
            yield Observation("mask-ignored", text, (case,))
    for case, mask in masks.items():
        present = [index for index in mask.pixels if index != IGNORE]
        if len(present) == 1 and present[0] != 0:
            text = f"case {case!r}: the mask {target!r} is {classes[present[0]]!r} everywhere"
            yield Observation("mask-full", text, (case,))


def find_inverted(masks: Mapping[str, MaskFacts]) -> dict[str, float]:
    """Return the share of foreground of the masks that seem to be inverted, by case.

    These masks have foreground along the border of the image, where nearly all others have background.

    Args:
        masks: Facts about the masks of a target, by case.
    """
    drawn = {case: mask for case, mask in masks.items() if mask.foreground}
    if len(drawn) < _FEWEST or np.median([mask.border for mask in drawn.values()]) > _RARE:
        return {}
    shares = {c: mask.foreground / mask.labelled for c, mask in drawn.items() if mask.border > _USUAL}
    return {case: share for case, share in shares.items() if _MOSTLY < share < 1}


def _inverted(target: str, masks: Mapping[str, MaskFacts]) -> Iterator[Observation]:
    for case, share in find_inverted(masks).items():
        text = (
            f"case {case!r}: {share:.0%} of the mask {target!r} and nearly all of its border are foreground"
        )
        yield Observation("mask-inverted", text, (case,))


def _repeated(
    target: str, masks: Mapping[str, MaskFacts], duplicates: Sequence[DuplicateGroup]
) -> Iterator[Observation]:
    same: dict[bytes, list[str]] = {}
    for case, mask in masks.items():
        if min(mask.foreground, mask.labelled - mask.foreground) >= _FEWEST_PIXELS:
            same.setdefault(mask.digest, []).append(case)
    for cases in same.values():
        if len(cases) > 1 and not any(set(cases) <= set(group.cases) for group in duplicates):
            text = (
                f"cases {', '.join(map(repr, cases))}: different images with exactly the same mask {target!r}"
            )
            yield Observation("mask-repeated", text, tuple(cases))


def _contradictions(target: str, masks: Mapping[str, MaskFacts], dataset: Dataset) -> Iterator[Observation]:
    """Report the exceptions from classes of the table that nearly always, or nearly never, have an empty mask."""
    for name, column in dataset.description.columns.items():
        for class_name in column.classes or ():
            cases = [r.case for r in dataset if r.labels.get(name) == class_name and r.case in masks]
            drawn = [case for case in cases if masks[case].foreground]
            share = len(drawn) / len(cases) if len(cases) >= 2 * _FEWEST else 0.5
            if _USUAL <= share < 1:
                exceptions = [case for case in cases if not masks[case].foreground]
                state, others = "is empty", "are not"
            elif 0 < share <= _RARE:
                exceptions, state, others = drawn, "has foreground", "have none"
            else:
                continue
            usual = f"{len(cases) - len(exceptions)} of {len(cases)} with {name} {class_name!r} {others}"
            for case in exceptions:
                yield Observation(
                    "mask-contradicts", f"case {case!r}: the mask {target!r} {state}; {usual}", (case,)
                )
