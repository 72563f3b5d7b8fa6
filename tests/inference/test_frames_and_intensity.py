"""Files with many cases, and intensities other than "auto", from prediction to overlays."""

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml
from PIL import Image

import unet_mtl as um
from unet_mtl.evaluation.evaluator import evaluate_cases
from unet_mtl.evaluation.files import write_evaluation
from unet_mtl.inference import overlays
from unet_mtl.inference.case_result import Case
from unet_mtl.inference.files import find_images
from unet_mtl.inference.predictor import Predictor


@pytest.fixture
def predictor(trained):
    return Predictor.load(trained, batch_size=3)


@pytest.fixture
def stacked(write_data, tmp_path):
    """The same cases in two data sets: one file for each case, and one file with a page for each case."""
    single, stack = tmp_path / "single", tmp_path / "stack"
    write_data(single)
    description = yaml.safe_load((single / "dataset.yaml").read_text())
    table = pd.read_csv(single / "cases.csv", dtype=str, keep_default_na=False)
    for index, case in enumerate(table["case"]):
        if not (single / "masks" / f"{case}.png").exists():
            Image.fromarray(np.full((32, 32), 255, np.uint8)).save(single / "masks" / f"{case}.png")
        table.loc[index, "page"] = str(index)
    stack.mkdir()
    for name in ("images", "masks"):
        pages = [np.asarray(Image.open(single / name / f"{case}.png")) for case in table["case"]]
        kind = "rgb" if pages[0].ndim == 3 else "minisblack"
        tifffile.imwrite(stack / f"{name}.tif", np.stack(pages), photometric=kind)
    table["stem"] = "images"
    table.to_csv(stack / "cases.csv", index=False)
    mask = description["masks"]["zone"] | {"path": "masks.{end}"}
    table.assign(end="tif").to_csv(stack / "cases.csv", index=False)
    content = description | {"images": "{stem}.tif", "frame": "page", "masks": {"zone": mask}}
    (stack / "dataset.yaml").write_text(yaml.safe_dump(content))
    return um.read_dataset(single), um.read_dataset(stack)


@pytest.mark.slow
def test_pages_of_one_file_are_measured_as_files_of_their_own(predictor, stacked, tmp_path):
    single, stack = stacked
    of_files, of_pages = evaluate_cases(predictor, single), evaluate_cases(predictor, stack)
    pd.testing.assert_frame_equal(of_files.cases, of_pages.cases)
    assert of_files.cases["zone_dice"].nunique() > 3
    write_evaluation(tmp_path / "evaluation", of_pages, predictor, stack, facts={}, splits={}, digest="")
    assert (tmp_path / "evaluation" / "overlays" / "overview.png").is_file()


def test_overlays_of_a_file_are_one_a_case(predictor, stacked, tmp_path, monkeypatch):
    _, stack = stacked
    shown = []
    monkeypatch.setattr(overlays, "draw_image", lambda axes, image: shown.append(image))
    images = find_images([stack.description.root / "images.tif"])
    written = overlays.write_overlays(predictor, images, tmp_path / "out")
    assert [path.name for path in written] == [f"images_{record.case}.png" for record in stack]
    pages = tifffile.imread(stack.description.root / "images.tif")
    np.testing.assert_array_equal(np.stack(shown), pages)


def test_a_window_is_the_same_for_files_arrays_batches_and_pictures(predictor, tmp_path, monkeypatch):
    numbers = np.random.default_rng(0).integers(-200, 300, (40, 50)).astype(np.int16)
    tifffile.imwrite(tmp_path / "ct.tif", numbers)
    scaled = np.clip((numbers.astype(np.float32) + 160) / 400, 0, 1)[..., None]
    expected = predictor(scaled)["size"].value
    predictor.preprocess = predictor.preprocess.model_copy(update={"intensity": (-160.0, 240.0)})
    assert predictor(tmp_path / "ct.tif")["size"].value == pytest.approx(expected, rel=1e-4)
    assert predictor(numbers[..., None])["size"].value == pytest.approx(expected, rel=1e-4)
    shown = []
    monkeypatch.setattr(overlays, "draw_image", lambda axes, image: shown.append(image))
    overlays.write_overlays(predictor, find_images([tmp_path / "ct.tif"]), tmp_path / "out")
    np.testing.assert_allclose(shown[0], scaled, atol=1e-6)


def test_a_frame_of_a_file_is_answered_for(predictor, stacked):
    single, stack = stacked
    path = stack.records[4].image
    assert predictor(path, 4)["size"].value == predictor(single.records[4].image)["size"].value
    results = predictor.predict([Case("first", path), Case("fifth", path, frame=4)])
    first, fifth = (result.answers for result in results)
    # Batches of two and of one differ in the order of their sums.
    assert first["size"].value == pytest.approx(predictor(path)["size"].value, rel=1e-5)
    assert fifth["size"].value == pytest.approx(predictor(path, 4)["size"].value, rel=1e-5)
    assert predictor(path, 4)["size"].value != predictor(path)["size"].value
