"""Streaming metrics: pinned to the NumPy face, exact whatever the batches, and inside a real fit."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from metrics import confusion_matrix, confusion_per_case, counts_from_confusion, mean_over_classes, overlap
from metrics.streaming import F1, MCC, Dice, MeanAbsoluteError, MeanIoU, Precision, Recall

NUMPY_FACE = {
    Dice: overlap.dice,
    F1: overlap.f1,
    MeanIoU: overlap.iou,
    Precision: overlap.precision,
    Recall: overlap.recall,
    MCC: overlap.mcc,
}
BATCHES = {"5+3": [5, 3], "ones": [1] * 8, "all": [8], "uneven": [2, 1, 4, 1]}


def random_masks(seed, n_classes, cases=8, size=(7, 6)):
    """Give truth with some empty cases, softmax probabilities and their argmax."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, size=(cases, *size))
    truth[0] = 0
    scores = rng.random((cases, *size, n_classes)) + 0.7 * np.eye(n_classes)[truth]
    scores[0, ..., 0] += 9
    scores[1, ..., 0] += 9
    probabilities = (scores / scores.sum(axis=-1, keepdims=True)).astype(np.float32)
    return truth, probabilities, probabilities.argmax(axis=-1)


def expected_value(
    kind, truth, labels, n_classes, per="case", class_index=None, include_background=False, ignore=None
):
    confusion = confusion_per_case(truth, labels, n_classes, ignore=ignore)
    confusion = confusion if per == "case" else confusion.sum(axis=0)[None]
    if kind is MCC and class_index is None:
        values = overlap.multiclass_mcc(confusion)
    else:
        scores = NUMPY_FACE[kind](counts_from_confusion(confusion))
        values = (
            mean_over_classes(scores, include_background) if class_index is None else scores[:, class_index]
        )
    return np.nanmean(values)


def stream(metric, truth, prediction, sizes, weights=None):
    for part in np.split(np.arange(len(truth)), np.cumsum(sizes)[:-1]):
        metric.update_state(truth[part], prediction[part], None if weights is None else weights[part])
    return float(metric.result())


@pytest.mark.parametrize("kind", NUMPY_FACE)
@pytest.mark.parametrize("per", ["case", "pooled"])
@pytest.mark.parametrize(
    "options", [{}, {"class_index": 1}, {"class_index": 0}, {"include_background": True}, {"ignore": 255}]
)
def test_masks_equal_the_numpy_face(kind, per, options):
    truth, probabilities, labels = random_masks(0, 3)
    if "ignore" in options:
        truth[:, :2] = 255
    expected = expected_value(kind, truth, labels, 3, per=per, **options)
    results = {
        name: stream(kind(3, per=per, **options), truth, probabilities, sizes)
        for name, sizes in BATCHES.items()
    }
    assert results["all"] == pytest.approx(expected, abs=2e-7)
    assert len(set(results.values())) == 1


@pytest.mark.parametrize("kind", NUMPY_FACE)
def test_zero_weights_leave_cases_out(kind):
    truth, probabilities, labels = random_masks(1, 3)
    weights = np.array([1, 0, 0.25, 1, 0, 3, 1, 0], np.float32)
    truth[weights == 0] = 77  # a filler must not matter
    kept = weights > 0
    for per in ("case", "pooled"):
        expected = expected_value(kind, truth[kept], labels[kept], 3, per=per)
        results = {stream(kind(3, per=per), truth, probabilities, s, weights) for s in BATCHES.values()}
        assert len(results) == 1
        assert results.pop() == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("shape", [(8,), (8, 1), (8, 1, 1), (8, 7, 6), (8, 7, 6, 1)])
def test_weight_shapes(shape):
    truth, probabilities, labels = random_masks(2, 2)
    weights = np.array([1, 0, 1, 1, 0, 1, 1, 0], np.float32)
    spread = np.broadcast_to(weights.reshape(8, *[1] * (len(shape) - 1)), shape)
    expected = expected_value(Dice, truth[weights > 0], labels[weights > 0], 2)
    assert stream(Dice(2), truth, probabilities, [5, 3], spread) == pytest.approx(expected, abs=2e-7)
    with pytest.raises(ValueError, match="one weight a case"):
        Dice(2).update_state(truth, probabilities, 1.0)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("foreground", [1, 2, 3])
def test_sigmoid_channels(foreground, threshold):
    rng = np.random.default_rng(foreground)
    truth = rng.integers(0, foreground + 1, size=(8, 7, 6, 1)).astype(np.uint8)
    prediction = rng.random((8, 7, 6, foreground)).astype(np.float32)
    labels = np.where(prediction.max(-1) >= threshold, prediction.argmax(-1) + 1, 0)
    expected = expected_value(Dice, truth[..., 0], labels, foreground + 1)
    metric = Dice(foreground + 1, threshold=threshold)
    assert stream(metric, truth, prediction, [5, 3]) == pytest.approx(expected, abs=2e-7)


def test_threshold_is_reached_by_equal_and_first_of_equals_wins():
    metric = Recall(2, per="pooled")
    metric.update_state([1, 1], [0.5, np.nextafter(np.float32(0.5), np.float32(0))])
    assert float(metric.result()) == 0.5
    metric = Recall(3, per="pooled", class_index=1)
    metric.update_state([1], [[0.2, 0.4, 0.4]])
    assert float(metric.result()) == 1


@pytest.mark.parametrize("kind", NUMPY_FACE)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_label_vectors(kind, n_classes):
    rng = np.random.default_rng(n_classes)
    truth = rng.integers(0, n_classes, size=8)
    probabilities = rng.dirichlet(np.ones(n_classes), size=8).astype(np.float32)
    labels = probabilities.argmax(-1)
    options = {"per": "pooled", "include_background": True}
    expected = expected_value(kind, truth, labels, n_classes, **options)
    for shaped in (truth, truth[:, None], truth.astype(np.float32)):
        result = stream(kind(n_classes, **options), shaped, probabilities, [5, 3])
        assert result == pytest.approx(expected, abs=2e-7)
    if n_classes == 2:
        for shaped in (probabilities[:, 1], probabilities[:, 1:]):
            assert stream(kind(2, **options), truth, shaped, [5, 3]) == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("kind", NUMPY_FACE)
@pytest.mark.parametrize("per", ["case", "pooled"])
def test_undefined_is_nan(kind, per):
    metric = kind(2, per=per)
    assert np.isnan(metric.result())
    empty = np.zeros((2, 3, 3), int)
    metric.update_state(empty, np.zeros((2, 3, 3, 1)))
    # a correct empty answer has no overlap score; MCC is 0 where a margin is zero
    np.testing.assert_equal(float(metric.result()), 0.0 if kind is MCC else np.nan)
    metric.reset_state()
    metric.update_state(empty, np.ones((2, 3, 3, 1)), np.zeros(2))
    assert np.isnan(metric.result())


@pytest.mark.parametrize("kind", [Dice, F1, MeanIoU, Precision, Recall])
def test_one_side_empty_is_zero(kind):
    for truth in (0, 1):
        metric = kind(2)
        metric.update_state(np.full((1, 3, 3), truth), np.full((1, 3, 3, 1), 1 - truth))
        assert float(metric.result()) == 0


def test_truth_that_is_no_class_shows_as_nan():
    truth, probabilities, _ = random_masks(3, 2)
    truth[4, 0, 0] = 255
    assert np.isnan(stream(Dice(2), truth, probabilities, [5, 3]))
    assert np.isnan(stream(Dice(2, per="pooled"), truth, probabilities, [5, 3]))
    assert not np.isnan(stream(Dice(2, ignore=255), truth, probabilities, [5, 3]))
    weights = np.arange(8) != 4
    assert not np.isnan(stream(Dice(2), truth, probabilities, [5, 3], weights.astype(np.float32)))


def test_predictions_in_the_ignored_area_change_nothing():
    truth, probabilities, _ = random_masks(4, 3)
    truth[:, 3:] = 255
    changed = probabilities.copy()
    changed[:, 3:] = changed[:, 3:, :, ::-1]
    for per in ("case", "pooled"):
        plain = stream(Dice(3, per=per, ignore=255), truth, probabilities, [5, 3])
        assert stream(Dice(3, per=per, ignore=255), truth, changed, [5, 3]) == plain


def pooled_counts(metric):
    low, high = (part.numpy().astype(object) for part in (metric.low, metric.high))
    return high * 2**30 + low


def with_int32_state(metric):
    """What JAX and PyTorch have; TensorFlow's own state is int64 and would hide an overflow."""
    for name in ("low", "high", "cases", "unknown"):
        setattr(metric, name, keras.Variable(getattr(metric, name).numpy(), dtype="int32", trainable=False))
    return metric


def test_more_than_2_to_the_24_pixels_are_counted_exactly():
    truth = np.zeros((1, 256, 256), np.uint8)
    truth[0, :2, :3] = 1
    prediction = np.zeros((1, 256, 256, 1), np.float32)
    prediction[0, :1, :5] = 1
    metric = with_int32_state(Dice(2, per="pooled"))
    update = tf.function(metric.update_state)
    for _ in range(600):
        update(truth, prediction)
    expected = counts_from_confusion(600 * confusion_matrix(truth[0], prediction[0, ..., 0] > 0, 2))
    assert 600 * 256**2 > 2**25
    assert pooled_counts(metric).tolist() == [
        getattr(expected, name).tolist() for name in ("tp", "fp", "fn", "tn")
    ]
    assert float(metric.result()) == pytest.approx(float(overlap.dice(expected)[1]), abs=1e-7)


def test_limbs_carry_in_int32():
    metric = with_int32_state(Dice(2, per="pooled"))
    for start in (2**30 - 1, 5 * 2**30 + 12345, 10**11):
        metric.low.assign(np.full((4, 2), start % 2**30))
        metric.high.assign(np.full((4, 2), start // 2**30))
        metric._add_limbs(np.full((4, 2), 2**30 - 1), 0)
        assert set(pooled_counts(metric).ravel()) == {start + 2**30 - 1}
        assert 0 <= np.max(metric.low) < 2**30
    tp, fp, fn, _ = pooled_counts(metric)[:, 1]
    assert float(metric.result()) == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-7)


def test_pooled_mcc_of_huge_counts():
    confusion = np.array([[10**11, 7 * 10**9, 3], [2 * 10**10, 10**8, 10**10], [5, 10**10, 10**11]])
    counts = counts_from_confusion(confusion)
    whole = np.stack([counts.tp, counts.fp, counts.fn, counts.tn])
    for options, expected in [
        ({}, overlap.multiclass_mcc(confusion)),
        ({"class_index": 2}, overlap.mcc(counts)[2]),
    ]:
        metric = MCC(3, per="pooled", **options)
        metric.low.assign(whole % 2**30)
        metric.high.assign(whole // 2**30)
        assert float(metric.result()) == pytest.approx(float(expected), abs=2e-7)


@pytest.mark.parametrize("kind", [Dice, MCC])
@pytest.mark.parametrize("cases", [1, 127, 5000])
def test_per_case_sums_hold_large_batches(kind, cases):
    """5,000 scores of 2^24 each pass 2^31 forty times over; MCC's are negative here."""
    metric = with_int32_state(kind(2))
    truth = np.tile([[1, 0, 1, 1]], (cases, 1))
    prediction = truth if kind is Dice else 1 - truth
    for _ in range(3):
        metric.update_state(truth, prediction[..., None].astype(np.float32))
    assert float(metric.result()) == (1 if kind is Dice else -1)
    assert int(metric.cases) == 3 * cases
    assert int(metric.high) * 2**30 + int(metric.low) == 3 * cases * 2**24 * (1 if kind is Dice else -1)


def test_batching_is_bitwise_irrelevant_over_many_cases():
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 3, size=(1000, 5, 5))
    probabilities = rng.dirichlet(np.ones(3), size=(1000, 5, 5)).astype(np.float32)
    for kind in (Dice, MCC):
        results = {stream(kind(3), truth, probabilities, s) for s in ([1000], [999, 1], [77] * 12 + [76])}
        assert len(results) == 1


def test_half_precision_is_lifted_first():
    truth, probabilities, _ = random_masks(7, 2, size=(64, 64))
    half = probabilities.astype(np.float16)
    expected = expected_value(Dice, truth, half.argmax(-1), 2, per="pooled")
    assert stream(Dice(2, per="pooled"), truth, half, [8]) == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_graphs_with_unknown_sizes(jit_compile):
    truth, probabilities, labels = random_masks(8, 3)
    for per in ("case", "pooled"):
        metric = Dice(3, per=per)

        @tf.function(
            input_signature=[
                tf.TensorSpec((None, None, None), tf.uint8),
                tf.TensorSpec((None, None, None, 3), tf.float32),
                tf.TensorSpec((None,), tf.float32),
            ],
            jit_compile=jit_compile,
        )
        def update(y_true, y_pred, weight, metric=metric):
            metric.update_state(y_true, y_pred, weight)

        for part in (slice(0, 5), slice(5, 8), slice(8, 8)):
            update(truth[part].astype(np.uint8), probabilities[part], np.ones(len(truth[part]), np.float32))
        assert float(metric.result()) == pytest.approx(
            expected_value(Dice, truth, labels, 3, per=per), abs=2e-7
        )


@pytest.mark.parametrize("kind", [*NUMPY_FACE])
def test_config_round_trip(kind):
    options = {"per": "pooled", "class_index": 2, "threshold": 0.4, "ignore": 255, "include_background": True}
    metric = kind(4, name="score", **options)
    config = json.loads(json.dumps(metric.get_config()))
    assert config == {"n_classes": 4, "name": "score", **options}
    assert kind.from_config(config).get_config() == config
    copy = keras.metrics.deserialize(json.loads(json.dumps(keras.metrics.serialize(metric))))
    assert type(copy) is kind
    assert copy.get_config() == config


def test_default_names():
    assert [kind(3).name for kind in NUMPY_FACE] == ["dice", "f1", "mean_iou", "precision", "recall", "mcc"]
    assert Dice(3, per="pooled").name == "dice_pooled"
    assert Dice(3, per="pooled", class_index=2).name == "dice_pooled_class2"
    assert MeanAbsoluteError().name == "mae"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Dice(1), "n_classes must be 2 or more"),
        (lambda: Dice(2, per="image"), "'case' or 'pooled'"),
        (lambda: Dice(2, class_index=2), r"class_index must be in 0\.\.1"),
        (
            lambda: Dice(4).update_state(np.zeros((1, 2, 2)), np.zeros((1, 2, 2, 2))),
            "4 .softmax. or 3 .sigmoid.",
        ),
        (
            lambda: Dice(2).update_state(np.zeros((1, 2, 2, 2)), np.zeros((1, 2, 2, 2))),
            "class indices of shape",
        ),
        (lambda: MeanAbsoluteError().update_state(np.zeros((3, 2)), np.zeros((3, 2))), "y_pred must be"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_mean_absolute_error_against_numpy():
    rng = np.random.default_rng(9)
    truth, prediction, weights = rng.normal(size=(3, 8)).astype(np.float32)
    weights = np.abs(weights)
    weights[3], truth[3] = 0, np.nan
    expected = 7 * np.average(np.abs(prediction - truth)[weights > 0], weights=weights[weights > 0])
    for sizes in BATCHES.values():
        metric = MeanAbsoluteError(scale=7.0)
        result = stream(metric, truth[:, None], prediction, sizes, weights[:, None])
        assert result == pytest.approx(expected, rel=1e-6)
    assert np.isnan(MeanAbsoluteError().result())
    assert stream(MeanAbsoluteError(), truth[:3], prediction[:3], [3]) == pytest.approx(
        np.abs(prediction - truth)[:3].mean(), rel=1e-6
    )


def test_mean_absolute_error_loses_nothing_over_a_long_epoch():
    metric = MeanAbsoluteError()
    metric.update_state([0.0], [2.0**24])

    @tf.function
    def epoch():
        for _ in tf.range(20000):
            metric.update_state(tf.constant([0.0]), tf.constant([0.25]))

    epoch()
    # plain float32 would still hold 2^24 after adding a quarter 20,000 times
    assert float(metric.result()) == pytest.approx((2.0**24 + 5000) / 20001, rel=1e-7)
    assert metric.get_config() == {"scale": 1.0, "name": "mae"}


def two_heads():
    image = keras.Input((8, 8, 1), name="image")
    features = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    mask = keras.layers.Conv2D(3, 1, activation="softmax", dtype="float32", name="mask")(features)
    label = keras.layers.Dense(2, activation="softmax", dtype="float32", name="label")(pooled)
    return keras.Model(image, {"mask": mask, "label": label})


def compiled():
    model = two_heads()
    model.compile(
        loss={"mask": "sparse_categorical_crossentropy", "label": "sparse_categorical_crossentropy"},
        weighted_metrics={
            "mask": [Dice(3), MeanIoU(3, per="pooled")],
            "label": [F1(2, per="pooled", include_background=True), MCC(2, per="pooled")],
        },
    )
    return model


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Give a model after a real fit, its data, what evaluate said, and where it was saved."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.random((13, 8, 8, 1)).astype(np.float32)
    y = {"mask": (3 * x[..., 0]).astype(np.int32), "label": rng.integers(0, 2, size=13)}
    label_weight = (np.arange(13) % 3 > 0).astype(np.float32)
    mask_weight = (np.arange(13) % 4 > 0).astype(np.float32)
    weights = {"mask": np.repeat(mask_weight, 64).reshape(13, 8, 8), "label": label_weight}
    model = compiled()
    model.fit(x, y, sample_weight=weights, batch_size=5, epochs=2, verbose=0)
    result = model.evaluate(x, y, sample_weight=weights, batch_size=5, verbose=0, return_dict=True)
    path = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(path)
    return model, (x, y, weights), result, path


def test_inside_fit_and_evaluate(trained):
    model, (x, y, weights), result, _ = trained
    raw = model.predict_on_batch(x)
    mask, label = raw["mask"].argmax(-1), raw["label"].argmax(-1)
    kept, named = weights["mask"][:, 0, 0] > 0, weights["label"] > 0
    expected = {
        "mask_dice": expected_value(Dice, y["mask"][kept], mask[kept], 3),
        "mask_mean_iou_pooled": expected_value(MeanIoU, y["mask"][kept], mask[kept], 3, per="pooled"),
        "label_f1_pooled": expected_value(
            F1, y["label"][named], label[named], 2, per="pooled", include_background=True
        ),
        "label_mcc_pooled": expected_value(MCC, y["label"][named], label[named], 2, per="pooled"),
    }
    assert {name: result[name] for name in expected} == pytest.approx(expected, abs=2e-7)


def test_compiled_model_survives_saving(trained):
    _, (x, y, weights), result, path = trained
    loaded = keras.saving.load_model(path)
    again = loaded.evaluate(x, y, sample_weight=weights, batch_size=4, verbose=0, return_dict=True)
    for name in ("mask_dice", "mask_mean_iou_pooled", "label_f1_pooled", "label_mcc_pooled"):
        assert again[name] == result[name]


def test_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        metric = Dice(2)
        truth, probabilities, labels = random_masks(10, 2)
        value = stream(metric, truth, probabilities, [5, 3])
        error = MeanAbsoluteError()
        error.update_state([0.0], [0.1])
    finally:
        keras.config.set_dtype_policy("float32")
    assert value == pytest.approx(expected_value(Dice, truth, labels, 2), abs=2e-7)
    assert metric.result().dtype == error.result().dtype == tf.float32
    assert float(error.result()) == pytest.approx(0.1)
