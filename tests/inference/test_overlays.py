"""The titles, the colours and the truths of overlays."""

import shutil

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import unet_mtl as um
from unet_mtl import OverlappingSegmentation, Regression, Segmentation
from unet_mtl.data.description import read_description
from unet_mtl.inference import overlays
from unet_mtl.inference.case_result import Case, CaseResult
from unet_mtl.inference.overlays import KnownTruths, draw_overlay
from unet_mtl.plots.overlay import new_figure


def test_many_numbers_take_more_lines_than_one():
    columns = [f"number_{i}" for i in range(6)]
    task = Regression(name="sizes", targets=columns)
    axes = new_figure(4, 5).subplots()
    answers = {"sizes": task.decode(np.arange(6, dtype=np.float32))}
    result = CaseResult(
        Case("case_1"),
        image=np.zeros((8, 8, 3), np.uint8),
        answers=answers,
        truths={"sizes": {"number_2": 4.0}},
    )
    draw_overlay(axes, [task], result, "case_1")
    first, *rest = axes.get_title().split("\n")
    assert first == "case_1"
    assert len(rest) > 1
    assert max(map(len, rest)) < 65
    words = ", ".join(f"{name} {i}" for i, name in enumerate(columns))
    assert " ".join(rest) == f"sizes: {words}, true: number_2 4"


@settings(max_examples=20, deadline=None)
@given(
    numbers=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    overlapping=st.lists(st.booleans(), min_size=4, max_size=4),
    drawn=st.data(),
)
def test_every_class_of_every_mask_task_has_its_own_colour_and_name(numbers, overlapping, drawn):
    """Classes of several tasks have the same names here, as "foreground" has in drafted data sets."""
    kinds = [OverlappingSegmentation if overlaps else Segmentation for overlaps in overlapping]
    tasks = [
        kind(name=f"mask_{i}", classes=("background", *(f"class {k}" for k in range(n))))
        for i, (kind, n) in enumerate(zip(kinds, numbers, strict=False))
    ]
    tasks.insert(drawn.draw(st.integers(0, len(tasks))), Regression(name="size"))

    def colours(present):
        axes = new_figure(4, 5).subplots()
        answers = {"size": tasks[[task.name for task in tasks].index("size")].decode(np.ones(1, np.float32))}
        for task in tasks:
            if task.name != "size":
                n = len(task.classes) - 1
                raw = np.zeros((4, 4, n + (task.kind == "segmentation" and n > 1)), np.float32)
                for k in range(n):
                    raw[k, :, k + raw.shape[-1] - n] = present
                answers[task.name] = task.decode(raw)
        draw_overlay(
            axes, tasks, CaseResult(Case("a"), image=np.zeros((4, 4, 3), np.uint8), answers=answers), "a"
        )
        return {line.get_label(): line.get_color() for line in axes.get_lines()}

    found = colours(1.0)
    several = len(numbers) > 1
    assert set(found) == {
        f"mask_{i}: class {k}, predicted" if several else f"class {k}, predicted"
        for i, n in enumerate(numbers)
        for k in range(n)
    }
    assert len(set(found.values())) == len(found)
    assert not colours(0.0)


@pytest.fixture
def apart(write_data, tmp_path):
    """The twelve cases without dataset.yaml, as they are before `init`."""
    write_data(tmp_path / "raw")
    (tmp_path / "raw" / "dataset.yaml").unlink()
    return tmp_path / "raw"


@pytest.mark.parametrize("out", [None, "drafts", "raw/masks", "a/b/c"])
def test_the_cases_of_a_run_have_their_truths_wherever_init_wrote_dataset_yaml(apart, tmp_path, out):
    um.init(apart, None if out is None else tmp_path / out)
    description = read_description(apart if out is None else tmp_path / out)
    truths = KnownTruths(description)
    for record in um.read_dataset(description):
        ((found, its_description),) = truths.find(record.image)
        assert found == record
        assert its_description == description
    assert truths.find(tmp_path / "new.png") == []
    assert truths.find(apart / "images" / "new.png") == []


def test_a_near_dataset_yaml_comes_first_and_the_own_data_may_be_gone(data_folder, write_data, tmp_path):
    own = read_description(data_folder)
    write_data(tmp_path / "other")
    image = tmp_path / "other" / "images" / "case_01.png"
    ((record, description),) = KnownTruths(own).find(image)
    assert description.root == tmp_path / "other"
    assert record.image == image
    gone = own.model_copy(update={"root": tmp_path / "gone"})
    assert KnownTruths(gone).find(tmp_path / "x.png") == []
    assert len(KnownTruths(gone).find(image)) == 1


def test_overlay_draws_the_truth_of_a_run_whose_dataset_yaml_is_elsewhere(
    trained, apart, tmp_path, monkeypatch
):
    run = um.RunFolder(shutil.copytree(trained.path, tmp_path / "run"))
    config = yaml.safe_load(run.config.read_text())
    config["data"]["root"] = str(apart)
    run.config.write_text(yaml.safe_dump(config))
    drawn = []
    make = overlays.make_overlay

    def draw(tasks, result, heading):
        drawn.append(result)
        return make(tasks, result, heading)

    monkeypatch.setattr(overlays, "make_overlay", draw)
    um.overlay(run, [apart / "images" / "case_01.png"], tmp_path / "out", progress=False)
    (result,) = drawn
    np.testing.assert_array_equal(
        result.truths["zone"], np.asarray(Image.open(apart / "masks" / "case_01.png"))
    )
