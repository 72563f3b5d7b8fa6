"""A label that is missing has no part in gradients, losses, scores and weights of its task.

Gradients are taken with group normalization, or with batch normalization in inference mode: both treat each case
by itself. In training mode batch normalization takes its mean from all cases of a batch, the unlabelled ones too, so
that through it, and through it alone, their images reach the heads.
"""

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

from unet_mtl import (
    Classification,
    Multilabel,
    NetworkSettings,
    Ordinal,
    OverlappingSegmentation,
    Regression,
    Segmentation,
    TrainingSettings,
    build_network,
)
from unet_mtl.tasks.number import Number
from unet_mtl.training.trainer import make_trainer

TASKS = [
    Segmentation(name="zone", classes=("background", "a", "b")),
    Segmentation(name="rim", classes=("background", "rim")),
    Classification(name="kind", classes=("x", "y", "z"), class_weights=(1.0, 2.0, 4.0)),
    Classification(name="side", classes=("left", "right")),
    Regression(name="age", numbers=(Number(column="age", deviation=10.0),), weight=0.5),
    Regression(name="length", numbers=(Number(column="length"),), loss="mse"),
    OverlappingSegmentation(name="layers", classes=("background", "whole", "core")),
    Ordinal(name="grade", classes=("low", "middle", "high")),
    Multilabel(name="signs", targets=("s1", "s2"), classes=(("no", "yes"), ("no", "yes"))),
]
NAMES = [task.name for task in TASKS]
N = 20


def encode(truths):
    """Targets and weights as `Batches` gets them from the tasks."""
    pairs = {task.name: [task.encode(truth, (8, 8)) for truth in truths[task.name]] for task in TASKS}
    targets = {name: np.stack([target for target, _ in found]) for name, found in pairs.items()}
    return targets, {name: np.array([w for _, w in found], np.float32) for name, found in pairs.items()}


@pytest.fixture(scope="module")
def truths():
    """All labels of all cases; of the first four only a part of the zone is annotated."""
    rng = np.random.default_rng(0)
    zones = rng.integers(0, 3, (N, 8, 8)).astype(np.uint8)
    zones[:4, 3:] = 255
    return {
        "zone": list(zones),
        "rim": list(rng.integers(0, 2, (N, 8, 8)).astype(np.uint8)),
        "kind": rng.integers(0, 3, N).tolist(),
        "side": rng.integers(0, 2, N).tolist(),
        "age": [{"age": value} for value in rng.normal(50, 10, N)],
        "length": [{"length": value} for value in rng.normal(size=N)],
        "layers": list(rng.integers(0, 2, (N, 8, 8, 2)).astype(np.uint8)),
        "grade": rng.integers(0, 3, N).tolist(),
        "signs": list(rng.integers(0, 2, (N, 2)).astype(np.uint8)),
    }


@pytest.fixture(scope="module")
def known():
    """(cases, tasks) at random, half of them; the last case has no label at all."""
    known = {name: np.random.default_rng(i).permutation(N) < N // 2 for i, name in enumerate(NAMES)}
    for row in known.values():
        row[-1] = False
    return known


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).random((N, 8, 8, 3), np.float32)


def without(truths, known):
    return {
        name: [truth if there else None for truth, there in zip(truths[name], known[name], strict=True)]
        for name in NAMES
    }


@cache
def make(normalization):
    """A trainer that no test changes, so that its gradients are traced once for all tests."""
    keras.utils.set_random_seed(0)
    settings = NetworkSettings(width=4, levels=2, normalization=normalization)
    return make_trainer(
        build_network(TASKS, size=(8, 8), settings=settings), TASKS, TrainingSettings(), steps=1
    )


@pytest.fixture(scope="module")
def trainer():
    return make("group")


@cache
def traced_gradients(trainer, training):
    variables = [variable.value for variable in trainer.network.trainable_variables]

    @tf.function(reduce_retracing=True)
    def traced(images, targets, weights):
        with tf.GradientTape() as tape:
            outputs = trainer({"image": images}, training=training)
            loss = trainer.compute_loss(None, targets, outputs, weights)
        return tape.gradient(loss, variables, unconnected_gradients="zero")

    return traced


def gradients(trainer, images, targets, weights, training=True):
    """Return gradients of the loss of a batch by path of the variable."""
    found = traced_gradients(trainer, training)(images, targets, weights)
    paths = [variable.path for variable in trainer.network.trainable_variables]
    return {path: grad.numpy() for path, grad in zip(paths, found, strict=True)}


@cache
def traced_gradients_of_outputs(trainer):
    @tf.function
    def traced(outputs, targets, weights):
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            loss = trainer.compute_loss(None, targets, outputs, weights)
        return tape.gradient(loss, outputs)

    return traced


def gradient_of_output(trainer, outputs, targets, weights, name):
    """Return the gradient of the loss of a batch by the output of a head, from which all other gradients follow."""
    return traced_gradients_of_outputs(trainer)(outputs, targets, weights)[name].numpy()


def of_head(found, name):
    own = {path: grad for path, grad in found.items() if path.startswith(f"{name}_logits/")}
    assert len(own) == 2, name
    return own


def alone(weights, name):
    """The label weights with those of all other tasks at 0."""
    return {other: w * (other == name) for other, w in weights.items()}


def scrambled(images, rows):
    other = images.copy()
    other[rows] = np.random.default_rng(9).random(other[rows].shape)
    return other


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for path, grad in expected.items():
        np.testing.assert_array_equal(found[path], grad, err_msg=path)


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for path, grad in expected.items():
        np.testing.assert_allclose(found[path], grad, rtol=1e-4, atol=2e-6, err_msg=path)


@pytest.mark.parametrize(("normalization", "training"), [("group", True), ("batch", False)])
def test_what_an_unlabelled_case_shows_changes_no_bit_of_a_gradient(
    normalization, training, images, truths, known
):
    """Its pixels may be others: the task's gradient, of its head and of the body, stays what it was."""
    trainer = make(normalization)
    targets, weights = encode(without(truths, known))
    everything = gradients(trainer, images, targets, weights, training)
    other = gradients(trainer, scrambled(images, [-1]), targets, weights, training)
    assert_same(other, everything)
    for name in NAMES:
        rows = np.flatnonzero(weights[name] == 0)
        assert 0 < len(rows) < N
        own = alone(weights, name)
        expected = gradients(trainer, images, targets, own, training)
        assert_same(gradients(trainer, scrambled(images, rows), targets, own, training), expected)
        # The head sees nothing of other tasks' labels.
        assert_close(of_head(expected, name), of_head(everything, name))
        labelled = np.flatnonzero(weights[name])[:1]
        changed = gradients(trainer, scrambled(images, labelled), targets, own, training)
        assert any((changed[path] != grad).any() for path, grad in expected.items())


def test_batch_normalization_in_training_mode_is_what_mixes_cases(images, truths, known):
    trainer = make.__wrapped__("batch")  # its moving means change
    targets, weights = encode(without(truths, known))
    expected = gradients(trainer, images, targets, weights)
    other = gradients(trainer, scrambled(images, [-1]), targets, weights)
    assert any((other[path] != grad).any() for path, grad in expected.items())


@pytest.mark.parametrize(("normalization", "training"), [("group", True), ("batch", False)])
def test_a_gradient_is_that_of_the_batch_without_the_unlabelled_cases(
    normalization, training, images, truths, known
):
    trainer = make(normalization)
    targets, weights = encode(without(truths, known))
    for name in NAMES:
        own = alone(weights, name)
        rows = np.flatnonzero(weights[name])
        parts = [{key: array[rows] for key, array in part.items()} for part in (targets, own)]
        expected = gradients(trainer, images[rows], *parts, training)
        assert np.abs(np.concatenate([grad.ravel() for grad in expected.values()])).max() > 1e-3
        assert_close(gradients(trainer, images, targets, own, training), expected)


@pytest.fixture(scope="module")
def outputs(trainer, images):
    return {name: tf.constant(np.asarray(array)) for name, array in trainer({"image": images}).items()}


def test_outputs_of_unlabelled_cases_have_no_gradient_at_all(trainer, outputs, truths, known):
    targets, weights = encode(without(truths, known))
    for name in NAMES:
        grad = gradient_of_output(trainer, outputs, targets, weights, name)
        reached = np.abs(grad).reshape(N, -1).max(axis=1) > 0
        np.testing.assert_array_equal(reached, weights[name] > 0, err_msg=name)


def test_nothing_flows_from_pixels_that_nobody_annotated(trainer, outputs, truths):
    targets, weights = encode(truths)
    reached = np.abs(gradient_of_output(trainer, outputs, targets, weights, "zone")).max(axis=-1) > 0
    np.testing.assert_array_equal(reached, targets["zone"] != 255)


def test_a_batch_without_labels_of_a_task_gives_it_exactly_nothing(trainer, images, truths, known):
    targets, weights = encode(without(truths, known))
    nothing = {name: np.zeros(N, np.float32) for name in NAMES}
    assert all((grad == 0).all() for grad in gradients(trainer, images, targets, nothing).values())
    everything = gradients(trainer, images, targets, weights)
    for name in NAMES:
        found = gradients(trainer, images, targets, weights | {name: nothing[name]})
        assert all((grad == 0).all() for grad in of_head(found, name).values())
        # The other heads get what they get anyway.
        for other in set(NAMES) - {name}:
            assert_close(of_head(found, other), of_head(everything, other))


@pytest.mark.parametrize("n_labelled", [10, 2, 1])
def test_with_few_labels_the_expected_gradient_keeps_its_size(trainer, outputs, truths, n_labelled):
    """100 % of 20 cases against 50, 10 and 5 %: the mean over batches that label each case equally often.

    Removal at random draws all sets of so many cases with the same chance; a partition of the cases into such sets
    has their mean already, which is thus the expected gradient of a batch that has labels.
    """
    targets, weights = encode(truths)
    chosen = np.split(np.random.default_rng(2).permutation(N), N // n_labelled)
    for name in NAMES:
        full = gradient_of_output(trainer, outputs, targets, alone(weights, name), name)
        found = []
        for rows in chosen:
            kept = np.zeros(N, np.float32)
            kept[rows] = 1
            found.append(
                gradient_of_output(trainer, outputs, targets, alone(weights, name) | {name: kept}, name)
            )
        assert np.linalg.norm(full) > 1e-3
        np.testing.assert_allclose(np.mean(found, axis=0), full, rtol=1e-4, atol=1e-7)


def test_neither_order_nor_earlier_batches_change_a_gradient(trainer, images, truths, known):
    targets, weights = encode(without(truths, known))
    first = gradients(trainer, images, targets, weights)
    rows = np.random.default_rng(3).permutation(N)
    parts = [{key: array[rows] for key, array in part.items()} for part in (targets, weights)]
    assert_close(gradients(trainer, images[rows], *parts), first)
    trainer.reset_metrics()
    nothing = {name: np.zeros(N, np.float32) for name in NAMES}
    gradients(trainer, images[::-1], targets, nothing)
    assert_same(gradients(trainer, images, targets, weights), first)


class Fixed(keras.utils.PyDataset):
    """Given arrays in batches."""

    def __init__(self, batch_size, images, targets, weights):
        super().__init__()
        self.batch_size = batch_size
        self.parts = ({"image": images}, targets, weights)

    def __len__(self):
        return -(-len(self.parts[0]["image"]) // self.batch_size)

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return tuple({name: array[rows] for name, array in part.items()} for part in self.parts)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.05])
def test_an_epoch_is_that_of_the_labelled_cases_alone(trainer, images, truths, share):
    """Loss and scores of each task, the unlabelled cases put aside and batches of another size."""
    n_known = max(1, int(share * N))
    known = {name: np.random.default_rng(i).permutation(N) < n_known for i, name in enumerate(NAMES)}
    targets, weights = encode(without(truths, known))
    found = trainer.evaluate(Fixed(3, images, targets, weights), return_dict=True, verbose=0)
    complete, ones = encode(truths)
    for name in NAMES:
        rows = np.flatnonzero(known[name])
        parts = [{key: array[rows] for key, array in part.items()} for part in (complete, ones)]
        expected = trainer.evaluate(Fixed(7, images[rows], *parts), return_dict=True, verbose=0)
        own = {key for key in expected if key.startswith(f"{name}_")}
        assert {f"{name}_loss"} < own
        for key in own:
            assert found[key] == pytest.approx(expected[key], rel=1e-5, nan_ok=True), key
            # of one class alone, AUROC and kappa are not defined
            assert not np.isnan(found[key]) or key in ("signs_auroc", "grade_quadratic_weighted_kappa")


def test_a_task_without_a_label_is_nan_and_leaves_the_others_alone(trainer, images, truths):
    for name in NAMES:
        targets, weights = encode(truths | {name: [None] * N})
        found = trainer.evaluate(Fixed(6, images, targets, weights), return_dict=True, verbose=0)
        expected = trainer.evaluate(Fixed(6, images, *encode(truths)), return_dict=True, verbose=0)
        for key, value in found.items():
            if key.startswith(f"{name}_"):
                assert np.isnan(value), key
            elif key != "loss":
                assert value == expected[key], key
        assert np.isfinite(found["loss"])


@pytest.mark.parametrize("name", ["zone", "rim"])
def test_a_mask_partly_annotated_is_as_if_cut_out(trainer, name):
    """Loss, Dice and IoU, with 255 in the lower half, against the upper half as the whole picture."""
    task = next(task for task in TASKS if task.name == name)
    rng = np.random.default_rng(5)
    n_classes = len(task.classes)
    truth = rng.integers(0, n_classes, (6, 8, 8)).astype(np.uint8)
    truth[:, 5:] = 255
    output = rng.dirichlet(np.ones(3), (6, 8, 8)).astype(np.float32)
    output = output if n_classes == 3 else output[..., :1]
    whole, cut = (truth, output), (truth[:, :5], output[:, :5])
    losses = [np.asarray(task.loss().call(*pair)) for pair in (whole, cut)]
    np.testing.assert_allclose(*losses, rtol=1e-6)
    assert (losses[0] > 0).all()
    for a, b in zip(task.training_metrics(), task.training_metrics(), strict=True):
        a.update_state(*whole)
        b.update_state(*cut)
        assert float(a.result()) == float(b.result())


def test_a_mask_without_an_annotated_pixel_weighs_nothing():
    """Its loss is 0, which would make the mean of the others smaller."""
    task = TASKS[0]
    empty, partly = np.full((8, 8), 255, np.uint8), np.full((8, 8), 255, np.uint8)
    partly[3, 3] = 0
    assert [task.encode(mask, (8, 8))[1] for mask in (empty, partly, None)] == [0.0, 1.0, 0.0]
