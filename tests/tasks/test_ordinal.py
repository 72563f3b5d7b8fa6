"""Ordinal tasks: heads, decoding and scores, by hand and against scikit-learn."""

import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
import tensorflow as tf

from unet_mtl import NetworkSettings, Ordinal, build_network
from unet_mtl.errors import ConfigError
from unet_mtl.training.outline import _part_of

GRADES = ("2", "3", "4", "5")
CORN = Ordinal(name="birads", classes=GRADES, counts=(4, 1, 3, 2))
CUMULATIVE = Ordinal(name="birads", classes=GRADES, counts=(4, 1, 3, 2), method="cumulative")
TASKS = pytest.mark.parametrize("task", [CORN, CUMULATIVE], ids=["corn", "cumulative"])
SMALL = {"size": (16, 16), "channels": 1, "settings": NetworkSettings(width=4, levels=2)}


def small_network(task, **options):
    return build_network([task], **(SMALL | options))


def test_corn_by_hand():
    answer = CORN.decode(np.array([0.9, 0.8, 0.5], np.float32))
    # P(> 2) = 0.9, P(> 3) = 0.72, P(> 4) = 0.36
    np.testing.assert_allclose(answer.probabilities, [0.1, 0.18, 0.36, 0.36], rtol=1e-5)
    assert answer.label == "4"
    assert answer.expected_rank == pytest.approx(0.1 + 2 * 0.18 + 3 * 0.36 + 4 * 0.36)
    assert answer.cells() == {
        "": "4",
        "probability_2": 0.1,
        "probability_3": 0.18,
        "probability_4": 0.36,
        "probability_5": 0.36,
        "expected_rank": 2.98,
    }
    assert answer.title() == "birads: 4 (0.36)"


def test_cumulative_by_hand():
    answer = CUMULATIVE.decode(np.array([0.9, 0.4, 0.6], np.float32))
    # the third cannot be above the second
    np.testing.assert_allclose(answer.probabilities, [0.1, 0.5, 0, 0.4], atol=1e-6)
    assert answer.label == "3"
    assert CUMULATIVE.decode(np.array([0.5, 0.5, 0.5], np.float32)).label == "5"


@TASKS
def test_probabilities_are_a_distribution_whose_median_is_the_label(task):
    rng = np.random.default_rng(0)
    raws = [*rng.random((300, 3)) ** 0.5, *np.eye(3), np.zeros(3), np.ones(3), [1e-30, 1, 1], [1, 1e-8, 1]]
    labels = set()
    for raw in np.array(raws, np.float32):
        answer = task.decode(raw)
        assert answer.probabilities.dtype == np.float32
        assert (answer.probabilities >= 0).all()
        assert not np.signbit(answer.probabilities).any()
        assert answer.probabilities.sum() == pytest.approx(1, abs=1e-6)
        place = GRADES.index(answer.label)
        assert answer.probabilities[place:].sum() >= 0.5 - 1e-6
        assert answer.probabilities[place + 1 :].sum() < 0.5 + 1e-6
        labels.add(answer.label)
    assert labels == set(GRADES)


@TASKS
def test_the_streaming_kappa_reads_outputs_as_decode_does(task):
    rng = np.random.default_rng(1)
    raws = (rng.random((80, 3)) ** 0.4).astype(np.float32)
    truth = rng.integers(0, 4, 80).astype(np.int32)
    answers = [task.decode(raw) for raw in raws]
    found = [GRADES.index(answer.label) for answer in answers]
    truth[:40] = found[:40]
    kappa, mae = task.training_metrics()
    for metric in (kappa, mae):
        metric.update_state(truth, raws)
    facts = pd.DataFrame(
        [task.score_case(int(t), a, None).facts for t, a in zip(truth, answers, strict=True)]
    )
    scores = task.score_set(facts)
    expected = sk.cohen_kappa_score(truth, found, weights="quadratic", labels=range(4))
    assert scores["quadratic_weighted_kappa"] == pytest.approx(expected)
    assert float(kappa.result()) == pytest.approx(expected, abs=1e-6)
    assert scores["mae"] == pytest.approx(sk.mean_absolute_error(truth, found))
    assert float(mae.result()) == pytest.approx(scores["mae"], abs=1e-6)
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(truth, found))
    stated = facts[[f"probability_{grade}" for grade in GRADES]].to_numpy()[np.arange(80), truth]
    assert scores["log_loss"] == pytest.approx(
        -np.mean(np.log(np.maximum(stated, np.finfo(float).eps))), rel=1e-6
    )


def test_set_scores_by_hand():
    pairs = [(0, 0), (0, 1), (1, 3), (2, 2), (3, 0), (3, 3)]
    raws = {grade: (np.arange(3) < grade).astype(np.float32) for grade in range(4)}
    facts = [CORN.score_case(truth, CORN.decode(raws[found]), None).facts for truth, found in pairs]
    scores = CORN.score_set(pd.DataFrame(facts))
    assert scores["accuracy"] == pytest.approx(3 / 6)
    assert scores["adjacent_accuracy"] == pytest.approx(4 / 6)
    assert scores["mae"] == pytest.approx((1 + 2 + 3) / 6)
    assert scores["macro_mae"] == pytest.approx((1 / 2 + 2 + 0 + 3 / 2) / 4)
    # With 4, 1, 3, 2 train cases the first grade is the most frequent, and the second the median.
    assert scores["accuracy_of_train_majority"] == pytest.approx(2 / 6)
    assert scores["mae_of_train_median"] == pytest.approx((1 + 1 + 0 + 1 + 2 + 2) / 6)
    assert scores["adjacent_accuracy_of_train_median"] == pytest.approx(4 / 6)
    assert CORN.is_headline("mae_of_train_median")
    assert not CORN.is_headline("log_loss")


def test_the_order_and_the_weights_come_from_the_data_set(parts):
    task = Ordinal(name="diagnosis", class_weights="balanced").adapt(parts["train"])
    assert task.classes == ("normal", "benign", "malignant")
    assert sum(task.counts) == 3
    present = sum(count > 0 for count in task.counts)
    assert task.loss().class_weights == pytest.approx([3 / (present * n) if n else 0 for n in task.counts])
    assert task.loss().conditional
    assert not Ordinal(name="diagnosis", method="cumulative").adapt(parts["train"]).loss().conditional


def test_a_column_of_numbers_has_no_grades(dataset):
    with pytest.raises(ConfigError, match="'size_mm' has no `classes`"):
        Ordinal(name="size_mm").adapt(dataset)
    with pytest.raises(ConfigError, match="expected 3 `class_weights`, one per class, received 2"):
        Ordinal(name="diagnosis", class_weights=(1.0, 2.0)).adapt(dataset)
    with pytest.raises(ValueError, match="'corn' or 'cumulative'"):
        Ordinal(name="diagnosis", method="coral")


@TASKS
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_outputs_are_sigmoids_in_float32(task, n_classes, precision):
    task = task.model_copy(update={"classes": GRADES[:n_classes]})
    network = small_network(task, precision=precision)
    image = np.random.default_rng(0).random((3, 16, 16, 1), np.float32)
    output = keras.ops.convert_to_numpy(network({"image": image})["birads"])
    assert network.layers[-1].name == "birads"
    assert output.shape == (3, n_classes - 1)
    assert output.dtype == np.float32
    assert ((output > 0) & (output < 1)).all()


def cumulative_parts(network):
    return network.get_layer("birads_score"), network.get_layer("birads_thresholds")


def test_thresholds_share_their_weights_and_have_a_bias_each():
    network = small_network(CUMULATIVE)
    score, thresholds = cumulative_parts(network)
    assert len(score.weights) == 1
    thresholds.bias.assign([1.5, 0.25, -2.0])
    image = np.random.default_rng(0).random((5, 16, 16, 1), np.float32)
    output = keras.ops.convert_to_numpy(network({"image": image})["birads"]).astype(float)
    logits = np.log(output / (1 - output))
    np.testing.assert_allclose(logits - logits[:, :1], np.tile([0, -1.25, -3.5], (5, 1)), atol=1e-4)
    pooled = keras.Model(network.inputs, score.output)({"image": image})
    np.testing.assert_allclose(logits[:, 0], keras.ops.convert_to_numpy(pooled)[:, 0] + 1.5, atol=1e-4)
    assert len(set(logits[:, 0].round(4))) > 1


def test_the_kernel_without_input_has_neither_effect_nor_gradient():
    network = small_network(CUMULATIVE)
    _, thresholds = cumulative_parts(network)
    image = tf.constant(np.random.default_rng(0).random((5, 16, 16, 1), np.float32))
    before = network({"image": image})["birads"].numpy()
    thresholds.kernel.assign(np.full((1, 3), 1e6, np.float32))
    np.testing.assert_array_equal(network({"image": image})["birads"].numpy(), before)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(
            CUMULATIVE.loss().call(np.array([0, 1, 2, 3, 1]), network({"image": image})["birads"])
        )
    gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    of = {v.path: g.numpy() for v, g in zip(network.trainable_variables, gradients, strict=True)}
    assert (of[thresholds.kernel.path] == 0).all()
    assert (of[thresholds.bias.path] != 0).all()


@TASKS
def test_a_step_lowers_the_loss(task):
    network = small_network(task)
    image = np.random.default_rng(0).random((8, 16, 16, 1), np.float32)
    truth = {"birads": np.array([0, 1, 2, 3, 0, 1, 2, 3], np.int32)}
    network.compile(optimizer=keras.optimizers.SGD(0.05), loss={"birads": task.loss()})
    losses = [float(network.train_on_batch({"image": image}, truth)) for _ in range(5)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


LOAD = """
import sys
import keras, numpy as np
network = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[3], network.predict_on_batch({"image": np.load(sys.argv[2])})["birads"])
assert not any(name.split(".")[0] in ("unet_mtl", "metrics") for name in sys.modules)
"""


@pytest.mark.slow
def test_the_network_loads_without_this_package(tmp_path):
    network = small_network(CUMULATIVE)
    cumulative_parts(network)[1].bias.assign([0.5, 0.1, -0.7])
    image = np.random.default_rng(0).random((2, 16, 16, 1), np.float32)
    network.save(tmp_path / "network.keras")
    np.save(tmp_path / "image.npy", image)
    files = [tmp_path / name for name in ("network.keras", "image.npy", "output.npy")]
    done = subprocess.run([sys.executable, "-c", LOAD, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(
        np.load(files[2]), network.predict_on_batch({"image": image})["birads"], rtol=1e-5
    )


def test_show_puts_all_layers_of_a_head_together():
    heads = {"birads", "birads_left", "mask"}
    names = [
        "birads_score",
        "birads_zero",
        "birads_thresholds",
        "birads_logits",
        "birads",
        "birads_left_logits",
    ]
    parts = [_part_of(name, heads) for name in (*names, "mask_logits", "encoder0_conv", "image")]
    assert parts == [*["head birads"] * 5, "head birads_left", "head mask", "encoder0", "image"]
