"""The contact sheet: the choice of cases, the images, and the command that writes it."""

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

import unet_mtl as um
from unet_mtl.batches.augment import augment_preview
from unet_mtl.batches.augment.augment import Augment
from unet_mtl.batches.batches import Batches
from unet_mtl.cli import app
from unet_mtl.errors import ConfigError

PREPROCESS = um.Preprocess(size=(16, 32))


def test_cases_are_of_each_class_by_turns_and_have_masks(dataset, tasks):
    chosen = augment_preview.choose_cases(dataset, tasks, 4)
    assert all("zone" in record.masks for record in chosen)
    assert {record.labels.get("diagnosis") for record in chosen} >= {"normal", "benign", "malignant"}
    assert len(augment_preview.choose_cases(dataset, tasks, 99)) == len(dataset)
    of_masks = augment_preview.choose_cases(dataset, tasks[:1], 3)
    assert [record.case for record in of_masks] == ["case_00", "case_01", "case_03"]


def test_grid_by_hand():
    grid = augment_preview.make_grid((16, 24), 3)
    assert grid.shape == (16, 24, 3)
    assert (grid[::2] == 230).all()
    assert (grid[:, ::3] == 230).all()
    # squares of 2 x 3: only the second of the second row is dark
    dark = np.argwhere(grid[..., 0] == 40)
    assert dark.tolist() == [[3, 4], [3, 5]]


def test_the_pictures_are_what_training_sees(dataset, adapted, monkeypatch):
    drawn = {}
    monkeypatch.setattr(augment_preview, "draw_sheet", lambda rows, *rest: drawn.update(rows=rows, rest=rest))
    augment_preview.make_sheet(dataset, adapted, PREPROCESS, "ultrasound", seed=5, cases=3, epochs=2)
    rows, (classes, heading, steps) = drawn["rows"], drawn["rest"]
    assert [len(row) for row in rows] == [3, 3, 3, 3]
    assert classes == {"zone": ("background", "core", "rim")}
    assert heading == "tiny: augment ultrasound, stretch to 16x32"
    assert steps[0].startswith("ultrasound: the probe is at the top")
    assert steps[1] == "  1. HorizontalFlip: p 0.5"
    batches = Batches(
        dataset, adapted, PREPROCESS, batch_size=4, augment=Augment("ultrasound"), shuffle=True, seed=5
    )
    for epoch in range(2):
        batches.epoch = epoch
        for index in range(len(batches)):
            inputs, targets, _ = batches[index]
            for place, record in enumerate(batches.records_of(index)):
                for row in rows[:-1]:
                    if row[0].title.startswith(record.case):
                        np.testing.assert_array_equal(row[1 + epoch].image, inputs["image"][place])
                        np.testing.assert_array_equal(row[1 + epoch].masks["zone"], targets["zone"][place])
    assert [shot.image.shape for shot in rows[0]] == [(32, 32, 3), (16, 32, 3), (16, 32, 3)]
    assert rows[-1][0].image.shape == (16, 32, 3)


@pytest.mark.parametrize("fit", ["stretch", "pad", "crops"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_is_drawn(dataset, adapted, fit, channels):
    preprocess = um.Preprocess(size=(16, 32), channels=channels, fit=fit)
    figure = augment_preview.make_sheet(dataset, adapted, preprocess, "microscopy", seed=1, cases=2, epochs=2)
    assert len(figure.axes) == 9
    assert "tiny: augment microscopy" in figure.get_suptitle()
    assert "ColorJitter: brightness 0.85..1.15" in figure.get_supxlabel()
    assert figure.axes[0].get_title().startswith("case_0")


def test_show_writes_the_sheet(data_folder, tmp_path):
    config = {
        "data": str(data_folder),
        "tasks": [{"kind": "segmentation", "name": "zone"}],
        "preprocess": {"size": [16, 32], "fit": "pad"},
        "augment": [{"VerticalFlip": {"p": 1}}],
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    out = tmp_path / "deep" / "augment_preview.png"
    done = CliRunner().invoke(app, ["show", str(tmp_path / "config.yaml"), "--augment", str(out)])
    assert done.exit_code == 0, done.output
    assert f"written: {out}" in done.output.replace("\n", "") or "augment_preview.png" in done.output
    with Image.open(out) as picture:
        assert min(picture.size) > 500


def test_only_png(dataset, tasks, tmp_path):
    with pytest.raises(ConfigError, match=r"expected the name of a \.png file, received \.xyz"):
        um.show_augment(dataset, tasks, tmp_path / "augment_preview.xyz")
