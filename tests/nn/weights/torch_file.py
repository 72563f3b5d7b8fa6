"""Writes .pth files as PyTorch did before 1.6, without PyTorch."""

import pickle
import struct
import sys
from collections import OrderedDict
from types import ModuleType

import numpy as np

TYPES = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<f2": "HalfStorage", "<i8": "LongStorage"}


def _module(name, **members):
    """Return a module of this name, so that pickles refer to it."""
    module = ModuleType(name)
    for key, member in members.items():
        member.__module__, member.__qualname__ = name, key
        setattr(module, key, member)
    return module


def write_pth(path, tensors, monkeypatch, header=(0x1950A86A20F9469CFC6C, 1001)):
    """Write arrays by name, each with a storage of its own; one in the order of Fortran keeps its strides."""
    storages = {name: type(name, (), {}) for name in TYPES.values()}

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError("a file is only written")

    for module in (
        _module("torch", **storages),
        _module("torch._utils", _rebuild_tensor_v2=_rebuild_tensor_v2),
    ):
        monkeypatch.setitem(sys.modules, module.__name__, module)

    class Storage:
        def __init__(self, key, array):
            self.pid = ("storage", storages[TYPES[array.dtype.str]], key, "cpu", array.size, None)

    class Tensor:
        def __init__(self, key, array):
            self.key, self.array = key, array

        def __reduce__(self):
            steps = tuple(step // self.array.itemsize for step in self.array.strides)
            arguments = (Storage(self.key, self.array), 0, self.array.shape, steps, False, OrderedDict())
            return _rebuild_tensor_v2, arguments

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            return thing.pid if isinstance(thing, Storage) else None

    arrays = {
        str(index): array if array.flags.f_contiguous else np.ascontiguousarray(array)
        for index, array in enumerate(map(np.asarray, tensors.values()))
    }
    content = OrderedDict(
        (name, Tensor(key, array)) for name, (key, array) in zip(tensors, arrays.items(), strict=True)
    )
    with path.open("wb") as stream:
        for part in (*header, {"little_endian": True}, content, list(arrays)):
            Pickler(stream, 2).dump(part)
        for array in arrays.values():
            stream.write(struct.pack("<q", array.size))
            stream.write(array.tobytes(order="A"))
    return path
