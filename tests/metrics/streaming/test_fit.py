"""Every streaming metric inside a real fit of two heads: weights, evaluate, saving, mixed precision.

Runs on whatever backend KERAS_BACKEND names. As a program it prints the log of one fit, the same on every backend.
"""

import json
import sys

import keras
import numpy as np
import pytest

from metrics import streaming

NO_FIT = "Keras's NumPy backend has no fit"
needs_fit = pytest.mark.skipif(keras.backend.backend() == "numpy", reason=NO_FIT)


def new_metrics():
    pooled = {"per": "pooled"}
    return {
        "mask": [streaming.Dice(3), streaming.MeanIoU(3, **pooled), streaming.AUROC(3)],
        "label": [
            streaming.F1(2, include_background=True, **pooled),
            streaming.MCC(2, **pooled),
            streaming.CohenKappa(2, weights="quadratic"),
            streaming.AveragePrecision(2),
        ],
        "value": [streaming.MeanAbsoluteError(), streaming.RootMeanSquaredError(scale=3.0), streaming.R2()],
        "signs": [streaming.IoU(3, multilabel=True, **pooled), streaming.AUROC(3, multilabel=True)],
    }


ALL = [f"{head}_{score.name}" for head, scores in new_metrics().items() for score in scores]


@keras.saving.register_keras_serializable(package="unet_mtl_tests")
def pixel_cross_entropy(y_true, y_pred):
    """Keras's own sparse one fails on masks with PyTorch 2.13: "grad_input must be contiguous"."""
    return keras.losses.categorical_crossentropy(
        keras.ops.one_hot(keras.ops.cast(y_true, "int32"), 3), y_pred
    )


def new_model():
    """Four heads whose first weights are the same on every backend."""
    image = keras.Input((8, 8, 1), name="image")
    features = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    heads = {
        "mask": keras.layers.Conv2D(3, 1, activation="softmax", dtype="float32", name="mask")(features),
        "label": keras.layers.Dense(2, activation="softmax", dtype="float32", name="label")(pooled),
        "value": keras.layers.Dense(1, dtype="float32", name="value")(pooled),
        "signs": keras.layers.Dense(3, activation="sigmoid", dtype="float32", name="signs")(pooled),
    }
    model = keras.Model(image, heads)
    rng = np.random.default_rng(36)
    model.set_weights([rng.normal(size=weight.shape).astype(np.float32) for weight in model.get_weights()])
    model.compile(
        optimizer=keras.optimizers.SGD(0.005),
        loss={
            "mask": pixel_cross_entropy,
            "label": "sparse_categorical_crossentropy",
            "value": "mean_squared_error",
            "signs": "binary_crossentropy",
        },
        weighted_metrics=new_metrics(),
        jit_compile=keras.backend.backend() == "jax",
    )
    return model


def new_data():
    rng = np.random.default_rng(0)
    x = rng.random((13, 8, 8, 1)).astype(np.float32)
    y = {
        "mask": (3 * x[..., 0]).astype(np.int32),
        "label": (x.mean((1, 2, 3)) + 0.02 * rng.normal(size=13) > 0.5).astype(np.int32),
        "value": (5 * x.mean((1, 2, 3)) + rng.normal(size=13)).astype(np.float32)[:, None],
        "signs": rng.integers(0, 2, size=(13, 3)).astype(np.float32),
    }
    weights = {
        "mask": np.repeat((np.arange(13) % 4 > 0).astype(np.float32), 64).reshape(13, 8, 8),
        "label": (np.arange(13) % 3 > 0).astype(np.float32),
        "value": (np.arange(13) % 5 / 2).astype(np.float32),
        "signs": (np.arange(13) > 1).astype(np.float32),
    }
    return x, y, weights


def fit(model, epochs):
    x, y, weights = new_data()
    options = {"batch_size": 5, "epochs": epochs, "shuffle": False, "verbose": 0}
    history = model.fit(x, y, sample_weight=weights, **options).history
    return {name: [float(value) for value in history[name]] for name in ALL}


def evaluate(model, batch_size):
    x, y, weights = new_data()
    return model.evaluate(x, y, sample_weight=weights, batch_size=batch_size, verbose=0, return_dict=True)


@pytest.fixture(scope="module")
def trained():
    """Give a model after a real fit, and what its metrics say eagerly of its predictions, fed all at once."""
    model = new_model()
    fit(model, epochs=1)
    x, y, weights = new_data()
    raw = {name: keras.ops.convert_to_numpy(part) for name, part in model.predict_on_batch(x).items()}
    expected = {}
    for head, scores in new_metrics().items():
        for score in scores:
            score.update_state(y[head], raw[head], weights[head])
            expected[f"{head}_{score.name}"] = float(score.result())
    assert len({round(value, 5) for value in expected.values()}) > len(ALL) - 4  # a case worth a test
    return model, expected


@needs_fit
@pytest.mark.slow
def test_fit_in_batches_is_the_score_of_the_whole_set_in_every_epoch(trained):
    model, expected = trained
    model.optimizer.learning_rate = 0.0  # what is scored would move on within the epoch
    log = fit(model, epochs=2)
    for name in ALL:
        assert log[name] == pytest.approx([expected[name]] * 2, rel=3e-6, abs=2e-6), name


@needs_fit
@pytest.mark.slow
def test_evaluate_and_saving(trained, tmp_path):
    model, expected = trained
    result = evaluate(model, batch_size=5)
    assert {name: result[name] for name in ALL} == pytest.approx(expected, rel=3e-6, abs=2e-6)
    model.save(tmp_path / "model.keras")
    again = evaluate(keras.saving.load_model(tmp_path / "model.keras"), batch_size=4)
    assert {name: again[name] for name in ALL} == pytest.approx(expected, rel=3e-6, abs=2e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_under_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        scores = [score for head in new_metrics().values() for score in head]
        error = streaming.MeanAbsoluteError()
        error.update_state([0.0], [0.1])
        half = keras.ops.cast(np.array([[0.25, 0.75], [0.5, 0.5], [1, 0]]), policy.removeprefix("mixed_"))
        dice = streaming.Dice(2, per="pooled", include_background=True)
        dice.update_state([1, 1, 0], half)
    finally:
        keras.config.set_dtype_policy("float32")
    for score in [*scores, error, dice]:
        assert keras.backend.standardize_dtype(score.result().dtype) == "float32"
        for variable in score.variables:
            assert variable.dtype in ("int32", "int64", "float32")
    assert float(error.result()) == pytest.approx(0.1)
    assert float(dice.result()) == pytest.approx(2 / 3)


if __name__ == "__main__":
    json.dump(fit(new_model(), epochs=2), sys.stdout)
