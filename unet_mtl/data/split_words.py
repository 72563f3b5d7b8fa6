"""The usual words for train, val and test, in cells of a table and in names of folders."""

import re
from typing import Literal

_WORDS: dict[str, Literal["train", "val", "test"]] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "validate": "val",
    "test": "test",
    "testing": "test",
}
_FORM = re.compile(r"([a-z]+?)[ _-]*(?:set|split|data|part)?")


def read_split_word(word: str) -> Literal["train", "val", "test"] | None:
    """Return the split that a word stands for, or None if it is not one of the usual words.

    >>> [read_split_word(word) for word in ("Training", "test_set", "valid", "holdout", "")]
    ['train', 'test', 'val', None, None]
    """
    match = _FORM.fullmatch(word.strip().lower())
    return _WORDS.get(match[1]) if match else None
