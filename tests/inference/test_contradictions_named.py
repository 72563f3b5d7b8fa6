"""Contradictions in predictions and on pictures, with diameters where the pixel spacing is known."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from PIL import Image
from typer.testing import CliRunner

import metrics
import unet_mtl as um
from unet_mtl.consistency import NO_SPACING, Verdict
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.inference.spacing import Spacings

RULES = [
    {"mask": "zone", "needs": {"task": "diagnosis", "is_not": "normal"}},
    {"mask": "zone", "needs": {"task": "side", "is": "left"}},
    {"mask": "zone", "diameter": "size", "tolerance": 0.25},
]


@pytest.fixture(scope="module")
def run(with_rules):
    return with_rules(*RULES)


def test_predict_names_them(run, data_folder, tmp_path):
    table = um.predict(run, [data_folder / "images"], tmp_path / "out", progress=False)
    for _, row in table.iterrows():
        name = row["image"].rpartition("/")[2]
        drawn = np.asarray(Image.open(tmp_path / "out" / "zone" / name)).any()
        assert ("but diagnosis" in row["contradictions"]) == (drawn == (row["diagnosis"] == "normal"))
    written = pd.read_csv(tmp_path / "out" / "predictions.csv", keep_default_na=False)
    assert written["contradictions"].tolist() == table["contradictions"].tolist()


def test_a_run_without_rules_has_no_column(trained, data_folder, tmp_path):
    table = um.predict(trained, [data_folder / "images" / "case_00.png"], tmp_path / "out", progress=False)
    assert "contradictions" not in table


@pytest.fixture(scope="module")
def measuring(with_rules):
    """The trained run with one rule that no answer satisfies: the number is within 0.01 % of the diameter."""
    return with_rules(RULES[2] | {"tolerance": 0.0001})


@pytest.fixture(scope="module")
def drawn_image(measuring, dataset):
    """An image on which the run draws something."""
    predictor = um.Predictor.load(measuring)
    return next(record.image for record in dataset if predictor(record.image)["zone"].mask.any())


def measured(table):
    """The measured diameter in the text of the only contradiction, in mm."""
    assert table["not_checked"].tolist() == [""]
    return float(table["contradictions"].iloc[0].split("measures ")[1].removesuffix(" mm"))


def test_predict_measures_where_it_is_told_the_spacing(measuring, drawn_image, tmp_path):
    ways = um.predict(measuring, [drawn_image], tmp_path / "a", spacing_mm=0.5, progress=False)
    pixels = um.Predictor.load(measuring)(drawn_image)["zone"].mask > 0
    assert measured(ways) == pytest.approx(metrics.feret_diameter(pixels, (0.5, 0.5)), rel=5e-3)
    ways = um.predict(measuring, [drawn_image], tmp_path / "a", spacing_mm=(0.5, 2), progress=False)
    assert measured(ways) == pytest.approx(metrics.feret_diameter(pixels, (0.5, 2)), rel=5e-3)


def test_predict_says_what_it_did_not_check(measuring, drawn_image, tmp_path):
    table = um.predict(measuring, [drawn_image], tmp_path / "a", progress=False)
    assert table["contradictions"].tolist() == [""]
    assert table["not_checked"].tolist() == ["zone measures size: pixel spacing unknown"]


def test_predict_takes_the_spacing_of_a_header(measuring, drawn_image, tmp_path):
    import nrrd

    pixels = np.asarray(Image.open(drawn_image))[..., 0]
    nrrd.write(str(tmp_path / "a.nrrd"), pixels.T, {"spacings": [2.0, 0.5]})  # of columns, then of rows
    assert Spacings().find(tmp_path / "a.nrrd", "a") == (0.5, 2)
    assert Spacings(otherwise=(1, 1)).find(tmp_path / "a.nrrd", "a") == (0.5, 2)
    assert Spacings({"a": (3, 3)}).find(tmp_path / "a.nrrd", "deep/a") == (3, 3)
    assert Spacings(otherwise=(1, 1)).find(drawn_image, "a") == (1, 1)
    (tmp_path / "broken.nrrd").write_bytes(b"NRRD0004\n")
    assert Spacings(otherwise=(1, 1)).find(tmp_path / "broken.nrrd", "a") == (1, 1)
    table = um.predict(measuring, [tmp_path / "a.nrrd"], tmp_path / "out", progress=False)
    assert NO_SPACING not in table["not_checked"].iloc[0]


def test_predict_takes_the_spacing_columns_of_a_table(measuring, drawn_image, tmp_path):
    rows = tmp_path / "new.csv"
    rows.write_text(f"case,spacing\n{drawn_image.stem},0.25\nother,\n")
    quarter = um.predict(measuring, [drawn_image], tmp_path / "a", table=rows, spacing_mm=9, progress=False)
    pixels = um.Predictor.load(measuring)(drawn_image)["zone"].mask > 0
    assert measured(quarter) == pytest.approx(metrics.feret_diameter(pixels, (0.25, 0.25)), rel=5e-3)
    rows.write_text(f"case,spacing\n{drawn_image.stem},\n")
    table = um.predict(measuring, [drawn_image], tmp_path / "a", table=rows, progress=False)
    assert NO_SPACING in table["not_checked"].iloc[0]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("case,spacing\na,wide\n", "case 'a': spacing is 'wide'; expected millimetres above 0"),
        ("case,spacing\na,-1\n", "case 'a': spacing is '-1'"),
        ("case,pixel\na,1\n", "no column 'spacing'; it has 'case', 'pixel'"),
        ("case,spacing\na,1\na,1\n", "case 'a' has several rows"),
    ],
)
def test_tables_that_say_no_spacing(rows, words, measuring, drawn_image, tmp_path):
    (tmp_path / "new.csv").write_text(rows)
    with pytest.raises(DataError, match=words):
        um.predict(measuring, [drawn_image], tmp_path / "a", table=tmp_path / "new.csv", progress=False)


@pytest.mark.parametrize("spacing", [0, -1.0, float("nan"), (1, 2, 3), (1, 0), ()])
def test_a_spacing_that_is_none(spacing, measuring, drawn_image, tmp_path):
    for function in (um.predict, um.overlay):
        with pytest.raises(ConfigError, match="expected millimetres above 0"):
            function(measuring, [drawn_image], tmp_path / "a", spacing_mm=spacing, progress=False)
    assert not (tmp_path / "a").exists()


def test_a_spacing_or_table_without_use(trained, drawn_image, tmp_path):
    for function in (um.predict, um.overlay):
        with pytest.raises(ConfigError, match=r"no rule of `consistency`.*leave `spacing_mm` out"):
            function(trained, [drawn_image], tmp_path / "a", spacing_mm=1, progress=False)
    rows = tmp_path / "new.csv"
    rows.write_text(f"case,spacing\n{drawn_image.stem},1\n")
    with pytest.raises(DataError, match="leave `table` out"):
        um.predict(trained, [drawn_image], tmp_path / "a", table=rows, progress=False)


def test_the_command_says_once_what_was_not_checked(measuring, data_folder, drawn_image, tmp_path):
    from unet_mtl.cli import app

    command = ["predict", str(measuring.path), str(data_folder / "images"), "--out", str(tmp_path / "a")]
    silent = CliRunner().invoke(app, command)
    assert silent.exit_code == 0
    table = pd.read_csv(tmp_path / "a" / "predictions.csv", keep_default_na=False)
    n = table["not_checked"].str.contains(NO_SPACING).sum()
    assert n > 0
    assert f"diameters of {n} were not checked" in silent.output
    assert silent.output.count("--spacing-mm") == 1
    told = CliRunner().invoke(app, [*command, "--spacing-mm", "0.5,0.5"])
    assert "not checked" not in told.output
    assert f"{n} of them contradict" in told.output
    wrong = CliRunner().invoke(app, [*command, "--spacing-mm", "0.5,a"])
    assert wrong.exit_code == 2


def test_a_picture_shows_its_contradiction():
    from unet_mtl.inference.case_result import Case, CaseResult
    from unet_mtl.inference.contradictions import FRAME, CaseVerdicts
    from unet_mtl.inference.overlays import draw_overlay
    from unet_mtl.plots.overlay import new_figure

    def draw(*verdicts):
        axes = new_figure(3, 3).subplots()
        extras = {"contradictions": CaseVerdicts((), verdicts)}
        result = CaseResult(Case("case"), image=np.zeros((8, 8, 3), np.uint8), extras=extras)
        draw_overlay(axes, [], result, "case")
        return axes.get_title().splitlines(), axes.spines["top"]

    lines, frame = draw(Verdict("way", "zone is drawn but diagnosis is normal"), Verdict(unknown=NO_SPACING))
    assert lines == [
        "case",
        "CONTRADICTION: zone is drawn but diagnosis is normal",
        "diameter not checked: pixel spacing unknown",
    ]
    assert frame.get_visible()
    assert to_hex(frame.get_edgecolor()) == FRAME
    lines, frame = draw(Verdict(), Verdict(unknown="zone empty"))
    assert lines == ["case"]
    assert not frame.get_visible()
