"""Images whose channels are separate files, such as the sequences of an MRI examination, told by their names."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unet_mtl.data.images import image_size
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.content import pick_evenly
from unet_mtl.prepare.drafting.files import Entry
from unet_mtl.prepare.drafting.marks import literal
from unet_mtl.prepare.drafting.vocabulary import CHANNEL_WORDS

_TAIL = re.compile(
    rf"(?:^|[_\-. ])({'|'.join(sorted(CHANNEL_WORDS, key=len, reverse=True))})$", re.IGNORECASE
)
_FEWEST_COMPLETE = 0.5
"""Share of the cases that must have several channels."""

_Key = tuple[tuple[str, ...], str]
"""The folders and the file name of a case without the word of the channel."""


@dataclass(frozen=True)
class ChannelFiles:
    """The files of the channels.

    Attributes:
        words: The text that stands for each channel in the paths, as written, by the name of the channel.
        suffixes: The suffix of the files of each channel.
        missing: The number of cases without each channel, for those that some cases lack.
        position: The position of the folder that is named after the channel, or None if the file name ends in it.
    """

    words: Mapping[str, str]
    suffixes: Mapping[str, str]
    missing: Mapping[str, int]
    position: int | None = None

    def patterns(self, pattern: str, suffix: str | None) -> dict[str, str]:
        """Return the patterns of the channels.

        Args:
            pattern: The pattern of the representative images.
            suffix: The suffix at its end.

        Returns:
            The patterns by channel; empty if the pattern does not have the form of a path.
        """
        if self.position is not None:
            parts = pattern.split("/")
            if len(parts) <= self.position or parts[self.position] not in map(literal, self.words.values()):
                return {}
            found = {}
            for name, word in self.words.items():
                parts[self.position] = literal(word)
                found[name] = "/".join(parts)
            return found
        if not suffix or not pattern.endswith(literal(suffix)):
            return {}
        start = pattern.removesuffix(literal(suffix))
        return {name: start + literal(word + self.suffixes[name]) for name, word in self.words.items()}


def find_channels(
    root: Path, images: Sequence[Entry], masks: Sequence[Entry]
) -> tuple[tuple[Entry, ...], ChannelFiles | None]:
    """Find images that are channels of one case, if the names of all of them say which.

    Args:
        root: The folder.
        images: The images.
        masks: The masks; those of single images show that each image is a case.

    Returns:
        One representative image for each case, of which the word for the channel is the tail, and the channels. If the
        names do not clearly say so, the images and None.
    """
    for position, divided in _divisions(images):
        cases: dict[_Key, dict[str, Entry]] = {}
        for (key, word), entry in zip(divided, images, strict=True):
            cases.setdefault(key, {})[word] = entry
        names = sorted({word for found in cases.values() for word in found})
        if sum(map(len, cases.values())) < len(images) or not _are_channels(cases, names):
            continue
        if _have_own_masks(images, masks, position) or not _have_one_size(root, list(cases.values())):
            continue
        channels = _describe(cases, names, position)
        if channels is not None:
            return tuple(_representatives(cases, names, channels)), channels
    return tuple(images), None


def _divisions(images: Sequence[Entry]) -> Iterator[tuple[int | None, list[tuple[_Key, str]]]]:
    """Yield the keys and channels of the images, for each place where all of them have the word of a channel."""
    matches = [_TAIL.search(entry.stem) for entry in images]
    found = [
        ((entry.folder, entry.stem[: match.start()]), match[1].lower())
        for entry, match in zip(images, matches, strict=True)
        if match is not None
    ]
    if len(found) == len(images):
        yield None, found
    for position in range(min((len(entry.folder) for entry in images), default=0)):
        words = [entry.folder[position].lower() for entry in images]
        if CHANNEL_WORDS.issuperset(words):
            rest = [entry.folder[:position] + entry.folder[position + 1 :] for entry in images]
            keys = [(folder, entry.stem) for folder, entry in zip(rest, images, strict=True)]
            yield position, list(zip(keys, words, strict=True))


def _are_channels(cases: Mapping[_Key, Mapping[str, Entry]], names: Sequence[str]) -> bool:
    complete = sum(len(found) > 1 for found in cases.values())
    return len(names) > 1 and len(cases) > 1 and complete >= _FEWEST_COMPLETE * len(cases)


def _have_own_masks(images: Sequence[Entry], masks: Sequence[Entry], position: int | None) -> bool:
    """Return whether masks belong to single images rather than to cases."""
    if position is not None:
        return any(not CHANNEL_WORDS.isdisjoint(map(str.lower, mask.folder)) for mask in masks)
    stems = {entry.stem for entry in images}
    return any(mask.stem in stems for mask in masks)


def _have_one_size(root: Path, cases: Sequence[Mapping[str, Entry]]) -> bool:
    """Return whether the channels of a few cases have one size each."""
    try:
        return all(
            len({image_size(root / entry.path) for entry in found.values()}) == 1
            for found in pick_evenly(cases, 3)
        )
    except DataError:
        return True  # reading the file reports the problem


def _describe(
    cases: Mapping[_Key, Mapping[str, Entry]], names: Sequence[str], position: int | None
) -> ChannelFiles | None:
    """Return the channels; None if the words are written in several ways, or a channel has several suffixes."""
    words: dict[str, str] = {}
    suffixes: dict[str, str] = {}
    counts = Counter(name for found in cases.values() for name in found)
    for key, found in cases.items():
        for name, entry in found.items():
            word = entry.folder[position] if position is not None else entry.stem[len(key[1]) :]
            if (
                words.setdefault(name, word) != word
                or suffixes.setdefault(name, entry.suffix) != entry.suffix
            ):
                return None
    missing = {name: len(cases) - counts[name] for name in names if counts[name] < len(cases)}
    if len(set(suffixes.values())) > 1 and (names[0] in missing or position is not None):
        return None
    return ChannelFiles({n: words[n] for n in names}, suffixes, missing, position)


def _representatives(
    cases: Mapping[_Key, Mapping[str, Entry]], names: Sequence[str], channels: ChannelFiles
) -> Iterator[Entry]:
    for (_, stem), found in cases.items():
        entry = next(found[name] for name in names if name in found)
        if channels.position is None:
            yield replace(entry, stem=stem, tail=entry.stem[len(stem) :])
        else:
            # The pattern needs one name for this folder, also if the case lacks the first channel.
            first = channels.words[names[0]]
            folder = (*entry.folder[: channels.position], first, *entry.folder[channels.position + 1 :])
            yield replace(entry, folder=folder)
