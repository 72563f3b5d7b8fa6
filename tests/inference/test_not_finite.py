"""A network that gives NaN or infinity has no answer: an error of its case, never a class or a mask."""

import shutil

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import unet_mtl as um
from unet_mtl.errors import DataError
from unet_mtl.inference.case_result import Case
from unet_mtl.inference.predictor import Predictor
from unet_mtl.tasks.number import Number

N = 5


class Constant:
    """An engine whose outputs are given."""

    name, precision = "constant", "float32"

    def __init__(self, outputs, sizes):
        self.outputs, self.sizes = outputs, sizes

    def __call__(self, inputs):
        return self.outputs


@pytest.fixture(scope="module")
def predictor(trained):
    return Predictor.load(trained)


@pytest.fixture(scope="module")
def cases(dataset):
    return [Case(record.case, record.image) for record in list(dataset)[:N]]


@pytest.fixture(scope="module")
def outputs(predictor):
    image = np.zeros((N, *predictor.preprocess.size, predictor.preprocess.channels), np.float32)
    return predictor.engine({"image": image})


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), bad=st.sampled_from([np.nan, np.inf, -np.inf]), index=st.integers(0, N - 1))
def test_only_the_case_with_the_output_has_no_answer(predictor, cases, outputs, data, bad, index):
    task = data.draw(st.sampled_from(predictor.tasks))
    changed = {name: array.copy() for name, array in outputs.items()}
    place = data.draw(st.integers(0, changed[task.name][index].size - 1))
    changed[task.name][index].flat[place] = bad
    other = Predictor(Constant(changed, predictor.engine.sizes), predictor.tasks, predictor.preprocess)
    results = list(other.predict(cases))
    assert [result.error is not None for result in results] == [i == index for i in range(N)]
    message = str(results[index].error)
    assert message.startswith(f"{cases[index].image}: no answer, since 1 of ")
    assert f"that the network gives for task '{task.name}' is NaN or infinite" in message
    assert "network.keras" not in message  # which is said once, or by a predictor of a single case
    assert not results[index].answers
    other.engine.outputs = {name: array[index : index + 1] for name, array in changed.items()}
    with pytest.raises(
        DataError, match=r"is NaN or infinite\. If this is so for every case, .* restore network.keras"
    ):
        other(cases[index].image)


def test_a_number_that_overflows_in_its_unit_is_no_answer(predictor, cases, outputs):
    """exp(800) millimetres: the output of the network is finite, the answer is not."""
    tasks = [
        task.model_copy(update={"numbers": (Number(column="size_mm", scale="log", deviation=800.0),)})
        if task.name == "size"
        else task
        for task in predictor.tasks
    ]
    large = outputs | {"size": np.ones_like(outputs["size"])}
    other = Predictor(Constant(large, predictor.engine.sizes), tasks, predictor.preprocess)
    with np.errstate(over="ignore"):
        errors = [str(result.error) for result in other.predict(cases)]
    assert all("1 of 1 number that the network gives for task 'size' is NaN" in error for error in errors)


@pytest.fixture(scope="module")
def broken(trained, tmp_path_factory):
    """A copy of the run with a single weight of NaN, which reaches every output."""
    run = type(trained)(tmp_path_factory.mktemp("nan") / "run")
    shutil.copytree(trained.path, run.path)
    network = keras.saving.load_model(run.network, compile=False)
    first = next(layer for layer in network.layers if layer.trainable_variables)
    first.set_weights([np.full(w.shape, np.nan) for w in first.get_weights()])
    network.save(run.network)
    return run


def test_no_command_answers_with_a_network_of_nan(broken, data_folder, tmp_path, command):
    images = sorted((data_folder / "images").iterdir())[:2]
    code, out, errors = command("predict", broken.path, *images, "--out", tmp_path / "out")
    assert code == 1
    assert out.startswith("0 images predicted")
    assert errors == [
        "note: the network gives NaN or infinity for every case, so that the weights of the run are probably damaged: "
        "restore network.keras from a copy, or train again",
        *(
            f"error: {path}: no answer, since 3,072 of 3,072 numbers that the network gives for task 'zone' are NaN or "
            "infinite"
            for path in images
        ),
    ]
    with pytest.warns(UserWarning, match="NaN or infinity for every case"):
        table = um.predict(broken, images, tmp_path / "again", progress=False)
    assert set(table.columns) == {"image", "error"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["predictions.csv"]
    for arguments in (
        ("evaluate", broken.path),
        ("overlay", broken.path, images[0], "--out", tmp_path / "out"),
    ):
        code, out, errors = command(*arguments)
        assert code == 1
        assert not out
        assert "NaN or infinite" in " ".join(errors)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["predictions.csv"]
    assert not broken.evaluation("test").exists()
