"""Common layouts: names within cells, class folders, several mask files, and the four public data sets."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from unet_mtl.config import load_config
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import read_dataset
from unet_mtl.errors import DataError

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
LESION = ["background", "lesion"]


def write_picture(path: Path, pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def describe(folder: Path, **content) -> Path:
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def mask_of(dataset, case, target="lesion"):
    record = next(record for record in dataset if record.case == case)
    return read_case_mask(record, target, dataset.description.masks[target])


def test_names_inside_the_cells_of_the_table(tmp_path):
    write_picture(tmp_path / "Images" / "bus_1-l.png", [[1, 2]])
    write_picture(tmp_path / "Masks" / "mask_1-l.png", [[0, 1]])
    (tmp_path / "cases.csv").write_text("ID,Case\nbus_1-l,p7\n")
    content = {
        "table": "cases.csv",
        "case": "ID",
        "names": "bus_{case}",
        "patient": "Case",
        "images": "Images/{ID}.png",
        "masks": {"lesion": {"path": "Masks/mask_{case}.png", "classes": LESION}},
    }
    (record,) = read_dataset(describe(tmp_path, **content))
    assert (record.case, record.patient, record.image.name) == ("1-l", "p7", "bus_1-l.png")
    assert [file.path.name for file in record.masks["lesion"]] == ["mask_1-l.png"]
    with pytest.raises(DataError, match=r"`names: us_\{case\}` does not fit 1 cell of 'ID': 'bus_1-l'"):
        read_dataset(describe(tmp_path, **content | {"names": "us_{case}"}))
    with pytest.raises(DataError, match="expected the text of the column"):
        read_dataset(describe(tmp_path, **content | {"names": "bus"}))


@pytest.fixture
def busi(tmp_path):
    """Write class folders with masks beside the images, two for some cases."""
    for name in ("benign/benign (1)", "benign/benign (2)", "normal/normal (1)"):
        write_picture(tmp_path / f"{name}.png", [[9, 9, 9, 9]])
        write_picture(tmp_path / f"{name}_mask.png", [[0, 255, 0, 0]])
    write_picture(tmp_path / "benign/benign (2)_mask_1.png", [[0, 0, 0, 255]])
    return tmp_path


def test_class_folders_are_a_column_and_masks_of_one_case_are_united(busi):
    dataset = read_dataset(
        describe(
            busi,
            images="{diagnosis}/{case}.png",
            masks={
                "lesion": {
                    "path": "{diagnosis}/{case}_mask*.png",
                    "classes": LESION,
                    "values": {0: 0, 255: 1},
                }
            },
            columns={"diagnosis": {"classes": ["normal", "benign"]}},
        )
    )
    labels = {record.case: record.labels["diagnosis"] for record in dataset}
    assert labels == {"benign (1)": "benign", "benign (2)": "benign", "normal (1)": "normal"}
    assert mask_of(dataset, "benign (1)").tolist() == [[0, 1, 0, 0]]
    assert mask_of(dataset, "benign (2)").tolist() == [[0, 1, 0, 1]]
    assert len(dataset.records[1].masks["lesion"]) == 2
    before = dataset.fingerprint()
    write_picture(busi / "benign/benign (2)_mask_1.png", [[0, 0, 255, 255]])
    assert read_dataset(busi).fingerprint() != before


def test_a_class_has_a_file_of_its_own(tmp_path):
    for case in ("a", "b", "c"):
        write_picture(tmp_path / f"{case}.png", [[5, 5, 5]])
    write_picture(tmp_path / "cyst" / "a.png", [[1, 1, 0]])
    write_picture(tmp_path / "tumour" / "a.png", [[0, 255, 255]])
    write_picture(tmp_path / "tumour" / "b.png", [[0, 0, 7]])
    mask = {
        "files": {"tumour": "tumour/{case}.png", "cyst": "cyst/{case}.png"},
        "classes": ["background", "cyst", "tumour"],
    }
    dataset = read_dataset(describe(tmp_path, images="{case}.png", masks={"lesion": mask}))
    assert mask_of(dataset, "a").tolist() == [[1, 2, 2]]  # of two, the last class counts
    assert mask_of(dataset, "b").tolist() == [[0, 0, 2]]
    assert mask_of(dataset, "c") is None


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ({}, "expected `path`, or `files`"),
        ({"path": "{case}.png", "files": {"lesion": "m/{case}.png"}}, "expected `path`, or `files`"),
        ({"files": {"cyst": "m/{case}.png"}}, r"files name 'cyst'; expected the classes .*\(lesion\)"),
        ({"files": {"background": "m/{case}.png"}}, "files name 'background'"),
        ({"files": {"lesion": "m/{case}.png"}, "values": {0: 0}}, "every number but 0 means the class"),
        ({"path": "../m/{case}.png"}, "leads out of `root`"),
    ],
)
def test_masks_that_contradict_themselves(tmp_path, mask, message):
    folder = describe(tmp_path, images="{case}.png", masks={"lesion": {"classes": LESION, **mask}})
    with pytest.raises(DataError, match=message):
        read_dataset(folder)


def test_images_have_no_wildcard(tmp_path):
    with pytest.raises(DataError, match="a case has one image"):
        read_dataset(describe(tmp_path, images="{case}*.png"))


def test_words_of_the_table_may_mean_others(tmp_path):
    write_picture(tmp_path / "a.png", [[1]])
    write_picture(tmp_path / "b.png", [[1]])
    (tmp_path / "cases.csv").write_text("case,diagnosis,grade,size\na,M,4a,two\nb,B,?,3\n")
    columns = {
        "diagnosis": {"classes": ["benign", "malignant"], "values": {"M": "malignant", "B": "benign"}},
        "grade": {"classes": [3, 4], "values": {"4a": 4, "?": ""}},
        "size": {"unit": "cm", "values": {"two": 2}},
    }
    a, b = read_dataset(describe(tmp_path, table="cases.csv", images="{case}.png", columns=columns))
    assert a.labels == {"diagnosis": "malignant", "grade": "4", "size": 2.0}
    assert b.labels == {"diagnosis": "benign", "size": 3.0}


def test_spacing_in_another_unit(tmp_path):
    write_picture(tmp_path / "a.png", [[1]])
    (tmp_path / "cases.csv").write_text("case,pixel\na,0.0078\n")
    content = {"table": "cases.csv", "images": "{case}.png", "spacing_mm": "pixel"}
    for unit, expected in (("cm", 0.078), ("um", 7.8e-6), ("mm", 0.0078)):
        (record,) = read_dataset(describe(tmp_path, **content, spacing_unit=unit))
        assert record.spacing_mm == pytest.approx((expected, expected))


def test_cells_and_links_may_not_lead_out_of_the_folder(tmp_path):
    folder = tmp_path / "set"
    write_picture(tmp_path / "secret.png", [[1]])
    write_picture(folder / "masks" / "b.png", [[1]])
    (folder / "images").mkdir()
    (folder / "images" / "b.png").symlink_to(tmp_path / "secret.png")
    (folder / "cases.csv").write_text("case\n../../secret\nb\n")
    content = {
        "table": "cases.csv",
        "images": "images/{case}.png",
        "masks": {"lesion": {"path": "masks/{case}.png", "classes": LESION}},
    }
    with pytest.raises(DataError) as caught:
        read_dataset(describe(folder, **content))
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["case '../../secret'"] * 2 + [
        "case 'b'"
    ]
    assert all("leads out of `root`" in problem for problem in caught.value.problems)
    (folder / "cases.csv").write_text("case\nb\n")
    assert len(read_dataset(describe(folder, **content, links=True))) == 1


@pytest.mark.parametrize(
    ("name", "cases", "patients", "masks"),
    [
        ("busbra", 1492, 852, {"lesion": 1492}),
        ("hc18", 809, 645, {"head": 809}),
        ("breast_usg", 205, 205, {"lesion": 202}),
        ("dsb2018", 565, 565, {"nuclei": 565}),
    ],
)
def test_the_real_sets_in_their_own_layout(name, cases, patients, masks):
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name}: the real data are not here")
    recipe = ROOT / "benchmarks" / "recipes" / f"{name}.yaml"
    block = recipe.read_text().partition("data:\n")[2].partition("\n\n")[0]
    assert len(block.splitlines()) <= 15
    dataset = read_dataset(load_config(recipe).data)
    assert len(dataset) == cases
    assert len({record.patient for record in dataset}) == patients
    assert {key: sum(key in record.masks for record in dataset) for key in masks} == masks
    first = mask_of(dataset, dataset.records[0].case, next(iter(masks)))
    assert 0 < (first == 1).mean() < 1
