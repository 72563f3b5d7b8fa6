"""Images and masks of cases at the size of the network, decoded from files or taken from a cache."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.batches.cache.array_cache import Cache
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.data.description import Description
from unet_mtl.data.file_hashes import FileHashes
from unet_mtl.data.records import Record
from unet_mtl.tasks import Task

ARRAYS_VERSION = 1
"""Part of the cache keys. Raise it with every change of our code after which the same files and settings give other
arrays in `CaseLoader._decode`: the readers in `data/`, `Task.read` or `Preprocess`. Otherwise users of a cache on disk
keep training on the old arrays."""

_DECODERS = ("opencv-python-headless", "pillow", "numpy", "tifffile", "pydicom", "nibabel", "pynrrd")
_IMAGE = "image"  # no task may have that name


class CaseLoader:
    """Loads image and masks of a case after the fixed steps; the same with and without a cache.

    Args:
        description: The description of the data set.
        tasks: Adapted tasks; the spatial ones have masks.
        preprocess: The fixed steps.
        cache: A cache of the results; None decodes the files each time.
        image: Whether images are needed.
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
        settings = json.dumps(steps, sort_keys=True)
        self._settings_key = repr((ARRAYS_VERSION, _library_versions(), settings)).encode()

    def load(self, record: Record) -> tuple[NDArray[Any] | None, dict[str, NDArray[np.uint8]]]:
        """Load a case. The arrays must not be changed, because the cache may share them.

        Args:
            record: The case.

        Returns:
            The image, (height, width, channels), uint8 or float32 in 0..1, or None if images are not needed; and the
            masks that exist, by task name.

        Raises:
            DataError: A file cannot be read, or does not match the description.
        """
        if not self.image:
            return None, {}
        arrays = self._load(record)
        return arrays[_IMAGE], {name: arrays[name] for name in arrays if name != _IMAGE}

    def _load(self, record: Record) -> Mapping[str, NDArray[Any]]:
        if self.cache is None:
            return self._decode(record)
        key = self._key(record)
        arrays = None if key is None else self.cache.get(key)
        if arrays is None:
            arrays = self._decode(record)
            # If the files changed while they were decoded, it is unknown which version the arrays show.
            if key is not None and key == self._key(record):
                self.cache.put(key, arrays)
        return arrays

    def _decode(self, record: Record) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {
            _IMAGE: self.preprocess.read(record.require_image(), record.frame, record.channels)[0]
        }
        for task in self.tasks:
            mask = task.read(record, self.description)
            if mask is not None:
                arrays[task.name] = self.preprocess.fit_mask(mask)
        return arrays

    def _key(self, record: Record) -> bytes | None:
        """A digest of everything that the arrays depend on; None if a file cannot be read."""
        digest = hashlib.blake2b(self._settings_key, digest_size=20)
        try:
            digest.update(repr(record.frame).encode())
            for channel in record.channels:
                digest.update(repr((channel.name, channel.frame, channel.missing)).encode())
            for path in record.image_files:
                digest.update(self._file_hashes.digest(path))
            for task in self.tasks:
                for file in record.masks.get(task.target_name, ()):
                    digest.update(
                        repr((task.name, file.index)).encode() + self._file_hashes.digest(file.path)
                    )
        except OSError:
            return None  # decoding raises the better message
        return digest.digest()


@cache
def _library_versions() -> list[str]:
    return [f"{name} {_version(name)}" for name in ("unet-mtl", *_DECODERS)]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
