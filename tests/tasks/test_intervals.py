"""Coverage of intervals, on synthetic data with known noise."""

import keras
import numpy as np
import pytest

from metrics import interval_coverage, mean_interval_width
from unet_mtl import Regression
from unet_mtl.tasks import Features
from unet_mtl.tasks.number import Number

MEAN, DEVIATION = 40.0, 5.0
NOISE = {"quiet": 0.5, "loud": 3.0}  # in the unit; for x below 0 and above


def make_cases(n, seed):
    """Return x in -1..1, and 40 + 5 sin(2 x) with noise of a standard deviation that changes at 0."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    noise = np.where(x < 0, NOISE["quiet"], NOISE["loud"])
    return x[:, None].astype(np.float32), MEAN + 5 * np.sin(2 * x) + rng.normal(0, noise)


@pytest.fixture(scope="module")
def answers():
    """x, truth, and predictions of a small dense network for test cases."""
    number = Number(column="y", unit="mm", mean=MEAN, deviation=DEVIATION)
    task = Regression(name="y", loss="gaussian", numbers=(number,))
    keras.utils.set_random_seed(0)
    inputs = keras.Input((1,))
    hidden = inputs
    for _ in range(2):
        hidden = keras.layers.Dense(32, activation="tanh")(hidden)
    model = keras.Model(inputs, task.build_head(Features(None, hidden)))
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=task.loss())
    x, y = make_cases(2000, 1)
    target = np.stack([task.encode({"y": value}, (8, 8))[0] for value in y])
    for _ in range(400):
        model.train_on_batch(x, target)
    x, y = make_cases(4000, 2)
    return x[:, 0], y, [task.decode(raw) for raw in model.predict_on_batch(x)]


@pytest.mark.parametrize("region", NOISE)
def test_the_noise_is_estimated_and_covered(answers, region):
    x, y, predictions = answers
    # away from the discontinuity, where a smooth function is wrong
    chosen = (x < -0.1) if region == "quiet" else (x > 0.1)
    low, high = (np.array([getattr(p, end) for p in predictions])[chosen] for end in ("low", "high"))
    deviation = mean_interval_width(low, high) / (2 * 1.959964)
    assert deviation == pytest.approx(NOISE[region], rel=0.15)
    assert interval_coverage(y[chosen], low, high) == pytest.approx(0.95, abs=0.02)


def test_the_mean_is_estimated_as_well(answers):
    x, _, predictions = answers
    errors = np.array([p.value for p in predictions]) - (MEAN + 5 * np.sin(2 * x))
    assert np.abs(errors[x < 0]).mean() < 0.2
    assert np.abs(errors[x > 0]).mean() < 0.6
