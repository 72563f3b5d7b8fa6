"""Masks that are learned at several levels of the decoder."""

import keras
import numpy as np
import pytest

from unet_mtl import NetworkSettings, Regression, Segmentation, TrainingSettings
from unet_mtl.errors import ConfigError
from unet_mtl.losses.masks import MaskLoss
from unet_mtl.network import build_network
from unet_mtl.runs import RunFolder
from unet_mtl.training.callbacks import Progress, load_checkpoint, save_checkpoint
from unet_mtl.training.trainer import make_trainer

TASKS = [Segmentation(name="zone", classes=("background", "a", "b")), Regression(name="age")]


def make(tasks=TASKS, levels=4, **settings):
    keras.utils.set_random_seed(3)
    network = build_network(tasks, size=(16, 16), settings=NetworkSettings(width=2, levels=levels))
    settings |= {"deep_supervision": True, "optimizer": "sgd", "learning_rate": 0.1}
    return make_trainer(network, tasks, TrainingSettings(**settings), steps=1)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    targets = {"zone": rng.integers(0, 3, (3, 16, 16)).astype(np.uint8), "age": np.ones(3, np.float32)}
    targets["zone"][0, :9] = 255
    weights = {"zone": np.array([1, 1, 0], np.float32), "age": np.ones(3, np.float32)}
    return {"image": rng.random((3, 16, 16, 3), np.float32)}, targets, weights


@pytest.fixture(scope="module")
def trainer():
    return make()


def test_the_loss_is_the_weighted_mean_over_levels(trainer, batch):
    """Of masks of every n-th pixel, in which unlabelled ones are still left out."""
    inputs, targets, weights = batch
    outputs = {name: np.asarray(array) for name, array in trainer(inputs, training=True).items()}
    assert {name: array.shape[1:] for name, array in outputs.items() if "zone" in name} == {
        "zone": (16, 16, 3),
        "zone@1": (8, 8, 3),
    }
    truth = targets["zone"]
    coarse = np.array([[[mask[2 * i + 1, 2 * j + 1] for j in range(8)] for i in range(8)] for mask in truth])
    levels = [
        MaskLoss(3).of_logits(mask, outputs[name]).numpy()
        for mask, name in ((truth, "zone"), (coarse, "zone@1"))
    ]
    expected = (levels[0] * 2 / 3 + levels[1] / 3)[:2].mean()
    trainer.reset_metrics()
    found = trainer.mean_losses(targets, outputs, weights)
    assert float(found.values[0]) == pytest.approx(expected, rel=1e-5)
    # The curve of the train cases is that of full size, as in validation.
    assert float(trainer.loss_means["zone"].result()) == pytest.approx(levels[0][:2].mean(), rel=1e-5)


def test_levels_count_half_as_much_as_the_next_finer_one():
    trainer = make(TASKS[:1], levels=5)
    assert trainer.supervision.strides == [2, 4]
    np.testing.assert_allclose(trainer.supervision.shares, np.array([4, 2, 1]) / 7)


def test_validation_and_the_saved_network_do_without(trainer, batch):
    assert set(trainer(batch[0], training=False)) == {"zone", "age"}
    plain = build_network(TASKS, size=(16, 16), settings=NetworkSettings(width=2, levels=4))
    assert [v.path for v in trainer.network.variables] == [v.path for v in plain.variables]
    assert trainer.network.output.keys() == {"zone", "age"}


@pytest.mark.parametrize("balancing", ["fixed", "pcgrad"])
def test_a_step_trains_the_heads_and_a_checkpoint_has_them(batch, balancing, tmp_path):
    trainer = make(balancing=balancing)
    trainer.run_eagerly = True
    before = [variable.numpy() for variable in trainer.supervision.variables]
    trainer.train_on_batch(*batch[:2], sample_weight=batch[2])
    after = [variable.numpy() for variable in trainer.supervision.variables]
    assert len(after) == 2
    assert all((a != b).any() for a, b in zip(before, after, strict=True))
    save_checkpoint(RunFolder(tmp_path), trainer, Progress())
    other = make(balancing=balancing)
    load_checkpoint(RunFolder(tmp_path), other)
    for a, b in zip(after, other.supervision.variables, strict=True):
        np.testing.assert_array_equal(a, b.numpy())


@pytest.mark.parametrize(
    ("tasks", "levels", "message"), [(TASKS[1:], 4, "no mask"), (TASKS, 2, "one level only")]
)
def test_networks_without_coarser_levels_are_refused(tasks, levels, message):
    with pytest.raises(ConfigError, match=message):
        make(tasks, levels)
