"""Runs with padded or cropped images, from training to overlays."""

import pandas as pd
import pytest
from PIL import Image

import unet_mtl as um
from unet_mtl.inference.predictor import Predictor

FITS = {
    "pad": {"fit": "pad", "padding": 0.2},
    "crops": {"fit": "crops", "crops": {"scale": 1.5, "foreground": 0.7, "overlap": 0.5}},
}


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.slow
def test_a_run_keeps_its_fit_to_the_end(dataset, tasks, settings, tmp_path, fit):
    """32x32 images for a network of 32x48: padded at the sides, or 48x48 in two tiles."""
    preprocess = um.Preprocess(size=(32, 48), **FITS[fit])
    short = settings | {
        "preprocess": preprocess,
        "training": um.TrainingSettings(epochs=1, batch_size=5),
        "network": um.NetworkSettings(width=2, levels=2),
    }
    run = um.train(dataset, tasks[:2], tmp_path / "run", **short)
    assert run.read_preprocess() == preprocess
    assert run.read_config()["preprocess"]["fit"] == fit
    evaluation = um.evaluate(run, progress=False)
    assert len(pd.read_csv(evaluation.folder / "cases.csv")) == 4
    assert 0 <= evaluation.value("zone", "dice") <= 1
    image = dataset.records[1].image
    answers = Predictor.load(run)(image)
    assert answers["zone"].mask.shape == (32, 32)
    assert answers["zone"].probabilities.shape == (32, 32, 3)
    assert answers["diagnosis"].probabilities.shape == (3,)
    um.predict(run, [image], tmp_path / "out", progress=False)
    with Image.open(tmp_path / "out" / "zone" / f"{image.stem}.png") as mask:
        assert mask.size == (32, 32)
    (picture,) = um.overlay(run, [image], tmp_path / "overlays", progress=False)
    assert picture.is_file()
