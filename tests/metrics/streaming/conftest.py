"""What the tests of several streaming metrics share. They run on whatever backend KERAS_BACKEND names."""

import keras
import numpy as np
import pytest


def pytest_configure(config):
    if keras.backend.backend() != "tensorflow":
        # NumPy 2.4 on every conversion of a tensor by Keras 3.15, in `fit`, too; TensorFlow's is in pyproject.toml
        config.addinivalue_line("filterwarnings", "ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="session")
def cuts():
    """Ways to cut eight cases into batches."""
    return ([8], [5, 3], [1, 2, 4, 1])


@pytest.fixture(scope="session")
def random_masks():
    """Gives truth with some empty cases, softmax probabilities and their argmax."""

    def make(seed, n_classes, cases=8, size=(7, 6)):
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, n_classes, size=(cases, *size))
        truth[0] = 0
        scores = rng.random((cases, *size, n_classes)) + 0.7 * np.eye(n_classes)[truth]
        scores[0, ..., 0] += 9
        scores[1, ..., 0] += 9
        probabilities = (scores / scores.sum(axis=-1, keepdims=True)).astype(np.float32)
        return truth, probabilities, probabilities.argmax(axis=-1)

    return make


@pytest.fixture(scope="session")
def stream():
    """Feeds a metric batch by batch and gives its result as a float."""

    def run(metric, truth, prediction, sizes, weights=None):
        for part in np.split(np.arange(len(truth)), np.cumsum(sizes)[:-1]):
            metric.update_state(truth[part], prediction[part], None if weights is None else weights[part])
        return float(metric.result())

    return run


@pytest.fixture(scope="session")
def with_int32_state():
    """Gives a metric the state JAX and PyTorch have: TensorFlow's own is int64 and would hide an overflow."""

    def change(metric):
        if keras.backend.backend() == "tensorflow":
            for name in ("low", "high", "cases", "unknown"):
                if hasattr(metric, name):
                    value = keras.ops.convert_to_numpy(getattr(metric, name).value)
                    setattr(metric, name, keras.Variable(value, dtype="int32", trainable=False))
        return metric

    return change


@pytest.fixture(scope="session")
def whole():
    """Gives a metric's state as Python's whole numbers."""

    def read(metric):
        parts = (metric.low.value, metric.high.value)
        low, high = (np.asarray(keras.ops.convert_to_numpy(part)).astype(object) for part in parts)
        return high * 2**30 + low

    return read
