"""The contract of all engines, and an engine in NumPy that is used without Keras."""

import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

import unet_mtl as um
from unet_mtl.errors import ConfigError, RunError
from unet_mtl.inference.case_result import Case
from unet_mtl.inference.engines import ENGINES
from unet_mtl.inference.predictor import Predictor

from .brightness import BrightnessEngine

PRECISIONS = {"float32", "mixed_bfloat16", "mixed_float16"}


@pytest.fixture(scope="module", params=list(ENGINES))
def engine(request, trained):
    return ENGINES[request.param].load(trained)


@pytest.fixture(scope="module")
def network(trained):
    return keras.saving.load_model(trained.network, compile=False)


@pytest.mark.parametrize("n", [1, 3])
def test_an_engine_gives_what_the_network_gives(engine, network, n):
    batch = {"image": np.random.default_rng(n).random((n, 32, 32, 3)).astype(np.float32)}
    before = {name: array.copy() for name, array in batch.items()}
    outputs = engine(batch)
    expected = network.predict_on_batch(before)
    assert outputs.keys() == expected.keys() == {"zone", "diagnosis", "size", "side"}
    for name, output in outputs.items():
        assert isinstance(output, np.ndarray)
        assert output.dtype == np.float32
        assert output.shape == expected[name].shape
        np.testing.assert_allclose(output, expected[name], atol=1e-4)
    assert batch.keys() == before.keys()
    for name, array in batch.items():
        np.testing.assert_array_equal(array, before[name])


def test_an_engine_describes_itself(engine, network, trained):
    assert ENGINES[engine.name] is type(engine)
    assert engine.precision in PRECISIONS
    assert engine.precision == trained.read_environment()["precision"] == "float32"
    assert engine.sizes == {"image": (32, 32, 3)}
    assert network.inputs[0].shape == (None, 32, 32, 3)


def test_a_network_that_cannot_be_loaded_is_a_run_error(engine, tmp_path):
    run = um.RunFolder(tmp_path)
    run.network.write_bytes(b"no network")
    with pytest.raises(RunError, match=r"network\.keras cannot be read"):
        type(engine).load(run)


@pytest.fixture
def brightness(monkeypatch):
    monkeypatch.setitem(ENGINES, BrightnessEngine.name, BrightnessEngine)
    return BrightnessEngine.name


def test_an_engine_of_ones_own_answers(brightness, trained, dataset):
    predictor = Predictor.load(trained, batch_size=5, engine=brightness)
    results = list(predictor.predict(Case(record.case, record.image) for record in dataset))
    assert predictor.engine.batches == [5, 5, 2]
    for record, result in zip(dataset, results, strict=True):
        image = result.require().image
        np.testing.assert_array_equal(result.answers["zone"].mask, image.argmax(-1))
        np.testing.assert_allclose(result.raw["size"], [image[..., 0].mean() / 255], rtol=1e-5)
        assert result.answers["size"].value == pytest.approx(predictor(record.image)["size"].value, rel=1e-5)


def test_an_unknown_engine_is_named(trained):
    with pytest.raises(ConfigError, match="no engine 'abacus'; there is keras"):
        Predictor.load(trained, engine="abacus")


def test_an_engine_of_another_size_is_refused(brightness, trained, monkeypatch):
    monkeypatch.setattr(BrightnessEngine, "sizes", {"image": (16, 32, 3)})
    with pytest.raises(
        RunError, match=r"takes 'image' of shape \(16, 32, 3\), and the run gives \(32, 32, 3\)"
    ):
        Predictor.load(trained, engine=brightness)
    monkeypatch.setattr(BrightnessEngine, "sizes", {"clinical": (3,)})
    with pytest.raises(RunError, match=r"takes 'clinical' of shape .* the run gives no such input"):
        Predictor.load(trained, engine=brightness)


def test_keras_is_not_needed_for_an_engine_without_it(trained, dataset, tmp_path):
    """Predictions and overlays are written in a process that cannot import Keras."""
    script = f"""
        import sys
        sys.modules["keras"] = sys.modules["tensorflow"] = None  # an import raises
        sys.path.insert(0, {str(tmp_path)!r})
        from pathlib import Path
        from brightness import BrightnessEngine
        from unet_mtl.inference.engines import ENGINES
        from unet_mtl.inference.files import find_images, write_predictions
        from unet_mtl.inference.overlays import write_overlays
        from unet_mtl.inference.predictor import Predictor

        ENGINES["brightness"] = BrightnessEngine
        predictor = Predictor.load({str(trained.path)!r}, engine="brightness")
        images = find_images([{str(dataset.records[1].image)!r}])
        table = write_predictions(predictor, images, Path({str(tmp_path / "out")!r}))
        assert table["error"].tolist() == [""]
        write_overlays(predictor, images, Path({str(tmp_path / "overlays")!r}))
        assert sys.modules["keras"] is None
    """
    import inspect

    (tmp_path / "brightness.py").write_text(inspect.getsource(BrightnessEngine))
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, capture_output=True)
    assert (tmp_path / "out" / "zone" / "case_01.png").is_file()
    assert (tmp_path / "overlays" / "case_01.png").is_file()
