"""Networks with tabular inputs and images: shared layers, dependencies of outputs, and errors."""

import keras
import numpy as np
import pytest

from unet_mtl import Classification, Inputs, NetworkSettings, Regression, Segmentation, build_network
from unet_mtl.batches.inputs.columns import FittedInput, NumberColumn
from unet_mtl.errors import ConfigError
from unet_mtl.nn.pooling import POOLINGS

SMALL = {"width": 4, "levels": 2}


def table(name, n, hidden=()):
    columns = tuple(NumberColumn(name=f"{name}{i}", mean=0, deviation=1) for i in range(n))
    return FittedInput(name=name, columns=columns, hidden=hidden)


def build(*tasks, tables=(), image=True, **settings):
    inputs = Inputs(image=image, tables=tables)
    return build_network(tasks, inputs, size=(8, 8), settings=NetworkSettings(**SMALL | settings))


def random_batch(network, n=4, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.random((n, *tensor.shape[1:]), np.float32) for name, tensor in network.input.items()}


def mask(**options):
    return Segmentation(name="mask", classes=("background", "a"), **options)


def number(name="number", **options):
    return Regression(name=name, target=f"{name}_target", **options)


def kind(**options):
    return Classification(name="kind", classes=("x", "y", "z"), **options)


def depends(network, output, batch, name):
    """Return whether an output depends on an input."""
    before = network.predict_on_batch(batch)[output]
    other = batch | {name: batch[name] + np.float32(1)}
    return bool((network.predict_on_batch(other)[output] != before).any())


def randomise(network, seed=0):
    """Set all weights to random values; FiLM starts with zeros, which would hide dependencies."""
    rng = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))


@pytest.mark.parametrize("pooling", ["average", "mask"])
@pytest.mark.parametrize("fusion", ["join", "film"])
def test_each_output_depends_on_exactly_the_inputs_of_its_task(fusion, pooling):
    """A mask that depends on columns carries none of them to a task that does not read them."""
    masked = mask() if fusion == "join" else mask(inputs=("image", "one"))
    tasks = [masked, number(inputs=("image", "two")), kind(), number("last", inputs=("one",))]
    network = build(*tasks, tables=(table("one", 3, (2,)), table("two", 1)), fusion=fusion, pooling=pooling)
    randomise(network)
    batch = random_batch(network)
    found = {
        task.name: {name for name in batch if depends(network, task.name, batch, name)} for task in tasks
    }
    assert found == {
        "mask": {"image"} if fusion == "join" else {"image", "one"},
        "number": {"image", "two"},
        "kind": {"image", "one", "two"},
        "last": {"one"},
    }


def test_inputs_that_no_task_reads_are_left_out():
    network = build(number(inputs=("one",)), tables=(table("one", 3), table("two", 1)))
    assert set(network.input) == {"one"}
    assert not any(layer.name.startswith("encoder") for layer in network.layers)


def test_film_has_no_effect_before_training():
    tasks = [kind()]
    keras.utils.set_random_seed(1)
    network = build(*tasks, tables=(table("one", 2),), fusion="film")
    batch = random_batch(network)
    assert not depends(network, "kind", batch, "one")
    trainable = {variable.path for variable in network.trainable_variables}
    assert any("film" in path for path in trainable)


def test_film_by_hand():
    network = build(kind(), tables=(table("one", 2),), fusion="film")
    randomise(network)
    batch = random_batch(network)
    features = keras.Model(
        network.input, [network.get_layer(n).output for n in ("encoder1_relu2", "film_one")]
    )
    x, found = features.predict_on_batch(batch)
    (scale, scale_bias), (shift, shift_bias) = (
        network.get_layer(f"film_one_{what}").get_weights() for what in ("scale", "shift")
    )
    scales, shifts = batch["one"] @ scale + scale_bias, batch["one"] @ shift + shift_bias
    expected = x * (1 + scales[:, None, None]) + shifts[:, None, None]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def gradients(network, output, batch):
    """Return derivatives of the mean square of an output along a random direction of each variable.

    They are computed by central differences.
    """
    rng = np.random.default_rng(7)
    found = {}
    for variable in network.trainable_variables:
        value = variable.numpy().copy()
        direction = rng.normal(size=value.shape).astype(np.float32)
        moved = []
        for step in (1e-2, -1e-2):
            variable.assign(value + step * direction)
            moved.append(float(np.square(network.predict_on_batch(batch)[output]).mean()))
        variable.assign(value)
        found[variable.path] = (moved[0] - moved[1]) / 2e-2
    return found


def test_the_trunk_is_one_layer_that_both_tasks_train():
    """Recipe (e): two inputs with their own layers, one shared layer, and a layer of each task."""
    tasks = [number(inputs=("one",), hidden=(10,)), kind(inputs=("two",), hidden=(10,))]
    tables = (table("one", 10, (5,)), table("two", 10, (5,)))
    network = build(*tasks, tables=tables, image=False, trunk=(32,))
    trunk = [layer for layer in network.layers if layer.name.startswith("trunk")]
    assert [layer.name for layer in trunk] == ["trunk_1"]
    assert len(trunk[0]._inbound_nodes) == 2
    kernel, bias = trunk[0].weights
    assert (tuple(kernel.shape), tuple(bias.shape)) == ((5, 32), (32,))
    randomise(network, seed=3)
    batch = random_batch(network)
    taught = {task.name: gradients(network, task.name, batch) for task in tasks}
    assert all(abs(taught[name][kernel.path]) > 1e-6 for name in taught)
    of_its_own = [v.path for v in network.get_layer("number_hidden1").weights]
    assert all(taught["kind"][path] == 0 for path in of_its_own)
    assert any(taught["number"][path] != 0 for path in of_its_own)


def test_a_trunk_needs_equal_widths():
    tasks = [number(inputs=("one",)), kind(inputs=("two",))]
    with pytest.raises(
        ConfigError, match=r"number reads one, 6 numbers; kind reads two, 2 numbers.*`hidden` layers"
    ):
        build(*tasks, tables=(table("one", 3), table("two", 1)), image=False, trunk=(8,))


def test_masks_of_unequal_inputs_are_refused():
    tasks = [mask(inputs=("image",)), Segmentation(name="other", classes=("background", "b"))]
    with pytest.raises(
        ConfigError,
        match="one decoder, so their tasks must read the same inputs, received: mask reads image; other",
    ):
        build(*tasks, tables=(table("one", 1),), fusion="film")


@pytest.mark.parametrize(("fusion", "pooling"), [("film", "mask"), *(("join", name) for name in POOLINGS)])
def test_the_network_reloads_without_this_package(fusion, pooling, tmp_path):
    network = build(
        mask(), kind(), tables=(table("one", 2, (3,)),), fusion=fusion, pooling=pooling, trunk=(5,)
    )
    randomise(network)
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras", compile=False)
    modules = {type(operation).__module__.partition(".")[0] for operation in again.operations}
    assert modules == {"keras"}
    batch = random_batch(network)
    for name, expected in network.predict_on_batch(batch).items():
        np.testing.assert_allclose(again.predict_on_batch(batch)[name], expected, rtol=1e-5, atol=1e-6)
