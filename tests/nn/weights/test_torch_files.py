"""Reading .pth files without PyTorch: values, and the refusal of everything but tensors."""

import os
import pickle
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from unet_mtl.nn.weights.torch_files import read_tensors, take_convolution, take_normalization

from .torch_file import TYPES, write_pth

NAMES = st.text("abc._0123", min_size=1, max_size=8)
ARRAYS = st.sampled_from(list(TYPES)).flatmap(
    lambda kind: arrays(np.dtype(kind), array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tensors=st.dictionaries(NAMES, ARRAYS, max_size=4), turned=st.booleans())
def test_tensors_are_read_as_they_were_written(tensors, turned, tmp_path, monkeypatch):
    tensors = {name: array.T if turned else array for name, array in tensors.items()}
    with monkeypatch.context() as patch:
        found = read_tensors(write_pth(tmp_path / "a.pth", tensors, patch))
    assert list(found) == list(tensors)
    for name, array in tensors.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [os.system, eval, getattr, pickle.loads, np.ndarray])
def test_pickles_call_nothing(function, tmp_path):
    path = tmp_path / "a.pth"
    with path.open("wb") as stream:
        for part in (0x1950A86A20F9469CFC6C, 1001, {}, {"a": Call(function, "exit 0")}, []):
            pickle.dump(part, stream)
    with pytest.raises(ValueError, match=rf"it refers to [\w.]*\.{function.__name__}, which no tensor needs"):
        read_tensors(path)


def test_other_and_damaged_files(tmp_path, monkeypatch):
    whole = write_pth(tmp_path / "a.pth", {"w": np.ones((3, 4), np.float32)}, monkeypatch)
    content = whole.read_bytes()
    for cut in range(0, len(content), 7):
        whole.write_bytes(content[:cut])
        with pytest.raises(ValueError, match=r"."):
            read_tensors(whole)
    zipped = tmp_path / "zipped.pth"
    zipped.write_bytes(b"PK\3\4" + content)
    with pytest.raises(ValueError, match=r"."):
        read_tensors(zipped)
    later = write_pth(tmp_path / "b.pth", {}, monkeypatch, header=(0x1950A86A20F9469CFC6C, 1002))
    with pytest.raises(ValueError, match=r"as PyTorch wrote it before version 1\.6"):
        read_tensors(later)


def test_a_tensor_beyond_its_storage_is_refused(tmp_path, monkeypatch):
    path = write_pth(tmp_path / "a.pth", {"w": np.ones((3, 4), np.float32)}, monkeypatch)
    path.write_bytes(path.read_bytes()[: -8 - 4 * 12] + struct.pack("<q", 11) + bytes(4 * 11))
    with pytest.raises(ValueError, match="it has a tensor outside of its storage"):
        read_tensors(path)


def test_layers_in_the_order_of_keras():
    kernel = np.arange(2 * 3 * 5 * 7).reshape(2, 3, 5, 7)  # outputs, inputs, rows, columns
    tensors = {"c.weight": kernel, "d.weight": kernel[:, :1]}
    assert take_convolution(tensors, "c", depthwise=False)[4, 6, 2, 1] == kernel[1, 2, 4, 6]
    assert take_convolution(tensors, "d", depthwise=True)[4, 6, 1, 0] == kernel[1, 0, 4, 6]
    norm = {"weight": 1, "bias": 2, "running_mean": 3, "running_var": 4, "num_batches_tracked": 5}
    tensors |= {f"n.{part}": np.array(value) for part, value in norm.items()}
    assert take_normalization(tensors, "n") == [1, 2, 3, 4]
    assert not tensors
    with pytest.raises(ValueError, match=r"it has no tensor c\.weight"):
        take_convolution(tensors, "c", depthwise=False)
