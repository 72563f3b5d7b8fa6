"""The six architectures of the recipes: built without changes, and able to overfit ten cases."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest

from unet_mtl import load_config, read_dataset
from unet_mtl.tasks import TASKS
from unet_mtl.training import session as session_module
from unet_mtl.training.session import make_session

RECIPES = Path(__file__).parents[2] / "benchmarks" / "recipes" / "networks"
PHANTOM = Path(__file__).parents[2] / "data_samples" / "phantom"
DATA = {
    "a": f"data.root={PHANTOM}",
    "b": "data={}/three_inputs",
    "c": "data={}/digits",
    "d": "data={}/diabetes",
    "e": "data={}/breast_cancer",
    "f": f"data={PHANTOM}",
}
SMALLER = {
    "a": ["preprocess.size=[32,32]", "network.width=8", "network.levels=3", "training.learning_rate=0.01"],
    "b": ["network.width=8", "training.learning_rate=0.01"],
    "f": ["preprocess.size=[32,32]", "network.width=8", "network.levels=3", "training.learning_rate=0.01"],
}
"""Overrides for trainings of a few seconds on a CPU; shapes are checked without them."""

INPUTS = {
    "a": {"image": (256, 256, 3)},
    "b": {"image": (32, 32, 3), "lab": (20,), "clinic": (10,)},
    "c": {"pixels": (100,)},
    "d": {"measured": (20,)},
    "e": {"means": (20,), "errors": (20,)},
    "f": {"image": (128, 128, 3), "clinical": (2,)},
}
"""Each numeric column takes two places: the value, and whether it is unknown."""

OUTPUTS = {
    "a": {"mask": (256, 256, 3), "malignant": (1,)},
    "b": {"outcome": (1,), "discs": (32, 32, 3), "days": (1,)},
    "c": {"digit": (10,), "ink": (1,)},
    "d": {"progression": (1,), "third": (3,)},
    "e": {"worst_area": (1,), "diagnosis": (1,)},
    "f": {"mask": (128, 128, 3), "diagnosis": (3,), "diameter": (1,)},
}
TRUNKS = {"c": [64], "d": [128, 64], "e": [32]}


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    spec = importlib.util.spec_from_file_location("recipes_data", RECIPES / "data.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_all(folder)
    return folder


@pytest.fixture(scope="module")
def make(data):
    def make(letter, *overrides):
        (recipe,) = RECIPES.glob(f"{letter}_*.yaml")
        config = load_config(recipe, [DATA[letter].format(data), *overrides])
        dataset = read_dataset(config.data)
        known = [r for r in dataset if all(task.is_labelled(r) for task in config.tasks)]
        ten = dataset.only(known[:: max(1, len(known) // 10)][:10])
        return make_session(config.model_copy(update={"augment": "none"}), {"train": ten, "val": ten})

    return make


@pytest.mark.parametrize("letter", sorted(DATA))
def test_shapes_and_shared_layers(make, letter):
    network = make(letter).trainer.network
    assert {name: tensor.shape[1:] for name, tensor in network.input.items()} == INPUTS[letter]
    assert {name: tensor.shape[1:] for name, tensor in network.output.items()} == OUTPUTS[letter]
    trunk = {layer.name: layer for layer in network.layers if layer.name.startswith("trunk")}
    assert [layer.units for layer in trunk.values()] == TRUNKS.get(letter, [])
    for layer in trunk.values():
        # one kernel and one bias, however many tasks apply them
        assert len(layer.weights) == 2
        assert sum(layer.weights[0] is variable for variable in network.variables) == 1


@pytest.fixture(scope="module", params=sorted(DATA))
def learning(make, request):
    """The letter of a recipe, its session, traced once for all tests, and the initial values of the variables."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in TASKS.values():  # their scores are not tested here, and are most of what is traced
            patch.setattr(kind, "training_metrics", lambda task: [])
        patch.setattr(session_module, "_choose_monitor", lambda *_: ("val_loss", "min"))
        session = make(
            request.param,
            "training.learning_rate=0.003",
            "training.schedule=constant",
            "training.batch_size=10",
            *SMALLER.get(request.param, []),
        )
    variables = [*session.trainer.variables, *session.trainer.optimizer.variables]
    yield request.param, session, [(variable, variable.numpy()) for variable in variables]
    keras.utils.clear_session()


@pytest.mark.slow
def test_each_task_trains_the_shared_layers(learning):
    """The loss of a single task changes the shared layers, which are the encoder or the trunk."""
    letter, session, _ = learning
    trainer = session.trainer
    inputs, targets, weights = session.train.make(0)
    start = [variable.numpy() for variable in trainer.network.variables]
    shared = "trunk" if letter in TRUNKS else "encoder0_conv1"
    for name in OUTPUTS[letter]:
        alone = {task: value * (task == name) for task, value in weights.items()}
        trainer.train_on_batch(inputs, targets, sample_weight=alone)
        layers = [layer for layer in trainer.network.layers if layer.name.startswith(shared)]
        before = {
            variable.path: value for variable, value in zip(trainer.network.variables, start, strict=True)
        }
        kernels = [layer.kernel for layer in layers]
        assert kernels
        for kernel in kernels:
            assert np.abs(kernel.numpy() - before[kernel.path]).max() > 0, (name, kernel.path)
        for variable, value in zip(trainer.network.variables, start, strict=True):
            variable.assign(value)


@pytest.mark.slow
def test_ten_cases_are_overfitted(learning):
    """In 150 steps at most."""
    letter, session, start = learning
    for variable, value in start:
        variable.assign(value)
    inputs, targets, weights = session.train.make(0)
    first = session.trainer.test_on_batch(inputs, targets, sample_weight=weights, return_dict=True)
    for _ in range(10):
        for _ in range(15):
            session.trainer.train_on_batch(inputs, targets, sample_weight=weights)
        for metric in session.trainer.metrics:
            metric.reset_state()
        last = session.trainer.test_on_batch(inputs, targets, sample_weight=weights, return_dict=True)
        learned = {name: last[f"{name}_loss"] < 0.25 * first[f"{name}_loss"] for name in OUTPUTS[letter]}
        if all(learned.values()):
            break
    assert all(learned.values()), (learned, first, last)
