"""Reads tensors from .pth files that PyTorch wrote before version 1.6, by NumPy alone.

Such a file is a sequence of pickles. A pickle can call any function, so that only the few globals that tensors need are
resolved, none of them to code of PyTorch.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_HEADER = (0x1950A86A20F9469CFC6C, 1001)  # magic number and version of the protocol
_TYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}


class _Tensor(NamedTuple):
    """The place of a tensor in its storage; strides count numbers, not bytes."""

    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def take(self, storage: np.ndarray) -> np.ndarray:
        """Return the tensor, which must lie within the storage."""
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.strides, *self.shape)) < 0 or (
            0 not in self.shape and last >= len(storage)
        ):
            raise ValueError("it has a tensor outside of its storage")
        steps = [step * storage.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(storage[self.offset :], self.shape, steps)


def _place_tensor(
    key: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(key, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    """Resolves the globals of tensors and no others; `types` gets the type of each storage by its key."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.types: dict[str, str] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _place_tensor
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise pickle.UnpicklingError(f"it refers to {module}.{name}, which no tensor needs")

    def persistent_load(self, pid: Any) -> str:
        _, number_type, key, *_ = pid
        self.types[key] = number_type
        return str(key)


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a state dict by name.

    Args:
        path: A .pth file in the format of PyTorch before 1.6.

    Raises:
        ValueError: The file has another format, is damaged, or refers to anything but tensors.
    """
    try:
        with path.open("rb") as stream:
            if tuple(_Unpickler(stream).load() for _ in _HEADER) != _HEADER:
                raise ValueError("it is not a .pth file as PyTorch wrote it before version 1.6")
            _Unpickler(stream).load()  # sizes of the types of the machine that wrote it
            unpickler = _Unpickler(stream)
            places, keys = unpickler.load(), _Unpickler(stream).load()
            storages = {}
            for key in keys:
                number_type = np.dtype(unpickler.types[key])
                count = int.from_bytes(stream.read(8), "little", signed=True)
                storages[key] = np.frombuffer(stream.read(max(count, 0) * number_type.itemsize), number_type)
            return {str(name): tensor.take(storages[tensor.key]) for name, tensor in places.items()}
    except OSError:
        raise
    except Exception as error:  # a damaged pickle raises errors of many kinds
        raise ValueError(str(error) or type(error).__name__) from error


def take(tensors: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Remove a tensor, which must be there.

    Raises:
        ValueError: There is no tensor of this name.
    """
    if name not in tensors:
        raise ValueError(f"it has no tensor {name}")
    return tensors.pop(name)


def take_convolution(tensors: dict[str, np.ndarray], name: str, *, depthwise: bool) -> np.ndarray:
    """Remove the kernel of a convolution and return it in the order of Keras.

    Args:
        tensors: Tensors by name.
        name: The name of the layer.
        depthwise: Whether each channel has a kernel of its own.

    Returns:
        (rows, columns, inputs, outputs), or (rows, columns, channels, 1) if `depthwise`.
    """
    return take(tensors, f"{name}.weight").transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))


def take_normalization(tensors: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    """Remove the arrays of a batch normalization: gamma, beta, mean and variance."""
    tensors.pop(f"{name}.num_batches_tracked", None)
    return [take(tensors, f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
