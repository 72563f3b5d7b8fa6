"""Cases at the network's size: read, or out of a cache that knows when they changed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.batches.cache.array_cache import Cache
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.data.description import Description
from unet_mtl.data.file_hashes import FileHashes
from unet_mtl.data.records import Record
from unet_mtl.tasks import Task

_IMAGE = "image"  # no task may have that name
_DECODERS = ("opencv-python-headless", "pillow", "numpy", "tifffile", "pydicom", "nibabel", "pynrrd")


class FittedCases:
    """Image and masks of a case after the fixed steps, the same with and without a cache.

    Args:
        description: Of the data set.
        tasks: Adapted ones; those that are spatial have masks.
        preprocess: The fixed steps.
        cache: None reads each time.
        image: Whether the image is wanted.
        file_hashes: Digests of files, shared with other users of the same files; None: an instance of its own.
    """

    def __init__(
        self,
        description: Description,
        tasks: Sequence[Task[Any, Any]],
        preprocess: Preprocess,
        cache: Cache | None = None,
        *,
        image: bool = True,
        file_hashes: FileHashes | None = None,
    ) -> None:
        self.description = description
        self.tasks = tuple(task for task in tasks if task.spatial)
        self.preprocess = preprocess
        self.cache = cache
        self.image = image
        self._file_hashes = file_hashes or FileHashes()
        steps = [preprocess.to_config(), [(t.name, t.cache_key(description)) for t in self.tasks]]
        self._steps = repr((_code(), json.dumps(steps, sort_keys=True))).encode()

    def read(self, record: Record) -> tuple[NDArray[Any] | None, dict[str, NDArray[np.uint8]]]:
        """Gives a case; what it gives must not be changed.

        Returns:
            (height, width, channels), uint8 or float32 in 0..1, or None where it is not wanted; and masks by task
            name, those that are known.

        Raises:
            DataError: A file cannot be read, or is not what the description says.
        """
        if not self.image:
            return None, {}
        arrays = self._read(record)
        return arrays[_IMAGE], {name: arrays[name] for name in arrays if name != _IMAGE}

    def _read(self, record: Record) -> Mapping[str, NDArray[Any]]:
        if self.cache is None:
            return self._make(record)
        key = self._key(record)
        found = None if key is None else self.cache.get(key)
        if found is None:
            found = self._make(record)
            # Only if the files were the same before and after, it is known what was read.
            if key is not None and key == self._key(record):
                self.cache.put(key, found)
        return found

    def _make(self, record: Record) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {
            _IMAGE: self.preprocess.read(record.require_image(), record.frame)[0]
        }
        for task in self.tasks:
            mask = task.read(record, self.description)
            if mask is not None:
                arrays[task.name] = self.preprocess.fit_mask(mask)
        return arrays

    def _key(self, record: Record) -> bytes | None:
        digest = hashlib.blake2b(self._steps, digest_size=20)
        try:
            digest.update(repr(record.frame).encode() + self._file_hashes.digest(record.require_image()))
            for task in self.tasks:
                for file in record.masks.get(task.target_name, ()):
                    digest.update(
                        repr((task.name, file.index)).encode() + self._file_hashes.digest(file.path)
                    )
        except OSError:
            return None  # reading it has the better words
        return digest.digest()


@cache
def _code() -> str:
    """Changes with whatever turns a file into pixels: our own lines, and the libraries that decode."""
    digest = hashlib.blake2b(digest_size=20)
    package = Path(__file__).parent.parent
    for path in sorted(p for part in ("data", "tasks", "batches") for p in (package / part).rglob("*.py")):
        digest.update(path.read_bytes())
    versions = [f"{name} {_version(name)}" for name in ("unet-mtl", *_DECODERS)]
    return f"{digest.hexdigest()} {versions}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
