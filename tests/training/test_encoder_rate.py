"""The learning rate of the encoder, and trainings that start from the weights of a run."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from unet_mtl import Classification, NetworkSettings, Segmentation, TrainingSettings, build_network, train
from unet_mtl.errors import ConfigError, RunError
from unet_mtl.files import hash_file
from unet_mtl.training.trainer import make_trainer

TASKS = [
    Segmentation(name="zone", classes=("a", "b", "c")),
    Classification(name="kind", classes=("x", "y", "z")),
]


@pytest.fixture(scope="module")
def network():
    return build_network(TASKS, size=(8, 8), settings=NetworkSettings(width=2, levels=2))


def changes(trainer, apply):
    """Return the largest and the smallest change of the kernels of encoder and decoder in one step."""
    parts = {"encoder": [], "decoder": []}
    before = {v.path: v.numpy() for v in trainer.trainable_variables}
    apply()
    for variable in trainer.trainable_variables:
        part = variable.path[:7]
        if part in parts and variable.path.endswith("kernel"):
            parts[part].append(np.abs(variable.numpy() - before[variable.path]))
    return {
        part: (max(a.max() for a in arrays), min(a.min() for a in arrays)) for part, arrays in parts.items()
    }


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_the_encoder_moves_by_a_factor_and_not_while_it_is_frozen(network, decay):
    settings = TrainingSettings(
        encoder_learning_rate=0.1,
        freeze_epochs=2,
        schedule="constant",
        weight_decay=decay,
        learning_rate=0.01,
    )
    trainer = make_trainer(network, TASKS, settings, steps=3)

    @tf.function
    def apply():
        trainer.optimizer.apply([tf.ones(v.shape) for v in trainer.trainable_variables])

    found = []
    for epoch in range(4):
        trainer.encoder_rate.on_epoch_begin(epoch)
        found.append(changes(trainer, apply))
    # AdamW moves each weight by the learning rate where the gradient is constant.
    for epoch, factor in enumerate((0, 0, 0.1, 0.1)):
        assert found[epoch]["encoder"] == pytest.approx((0.01 * factor, 0.01 * factor), rel=1e-2)
        assert found[epoch]["decoder"][0] > (0.0101 if decay else 0.0099)
    trainer.encoder_rate.on_epoch_begin(1)  # a resumed training may begin anywhere
    assert changes(trainer, apply)["encoder"] == (0, 0)


def test_a_factor_of_one_needs_nothing(network):
    assert make_trainer(network, TASKS, TrainingSettings(), steps=3).encoder_rate is None


def test_a_network_without_an_image_has_no_encoder():
    x = keras.Input((2,), name="t")
    columns = keras.Model({"t": x}, {"kind": keras.layers.Dense(3, activation="softmax", name="kind")(x)})
    with pytest.raises(ConfigError, match="the network reads no image, so that it has no encoder"):
        make_trainer(columns, TASKS[1:], TrainingSettings(freeze_epochs=1), steps=1)


class Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch:
            raise KeyboardInterrupt


@pytest.mark.slow
def test_a_training_starts_from_a_run_and_resumes_without_it(
    dataset, tasks, settings, trained, tmp_path, monkeypatch
):
    from unet_mtl.training import session

    source = tmp_path / "source"
    shutil.copytree(trained.path, source)
    options = settings | {
        "network": settings["network"].model_copy(update={"weights": str(source)}),
        "training": TrainingSettings(epochs=2, batch_size=4, freeze_epochs=1),
    }
    with monkeypatch.context() as patch:
        patch.setattr(session, "BalanceLog", Stop)
        patch.setattr(
            session.MultiTaskTrainer, "fit", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            train(dataset, tasks, tmp_path / "run", **options)
    facts = json.loads((tmp_path / "run" / "environment.json").read_text())["weights"]
    assert facts == {
        "name": str(source),
        "parts": "encoder",
        "file": "network.keras",
        "sha256": hash_file(source / "network.keras"),
    }

    # Without a checkpoint, the same weights are needed again.
    (source / "network.keras").rename(tmp_path / "away.keras")
    with pytest.raises(RunError, match="has no trained network yet"):
        train(dataset, tasks, tmp_path / "run", **options, resume=True)
    network = keras.saving.load_model(tmp_path / "away.keras")
    network.save(source / "network.keras")
    with (source / "network.keras").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(RunError, match="cannot be resumed: weights was "):
        train(dataset, tasks, tmp_path / "run", **options, resume=True)
    (tmp_path / "away.keras").replace(source / "network.keras")

    with monkeypatch.context() as patch:
        patch.setattr(session, "StopOnNonFinite", lambda _: Stop())
        with pytest.raises(KeyboardInterrupt):
            train(dataset, tasks, tmp_path / "run", **options, resume=True)
    # After an epoch with a frozen encoder, its kernels are those of the other run.
    kernels = {layer.name: layer.get_weights()[0] for layer in network.layers if "_conv" in layer.name}
    found = keras.saving.load_model(tmp_path / "run" / "network.keras")
    for name, kernel in kernels.items():
        is_same = np.array_equal(found.get_layer(name).get_weights()[0], kernel)
        assert is_same == name.startswith("encoder"), name

    shutil.rmtree(source)
    run = train(dataset, tasks, tmp_path / "run", **options, resume=True)
    assert len(run.read_history()) == 2
