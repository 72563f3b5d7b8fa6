"""Records from dataset.yaml and a table, and the message for each problem."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from unet_mtl.data.counts import count_classes
from unet_mtl.data.description import Description, make_description, read_description
from unet_mtl.data.inspection import inspect_dataset
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import MaskFile, read_dataset, scan_dataset
from unet_mtl.data.yaml_files import parse_yaml
from unet_mtl.errors import DataError

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
HEAD = "case,patient,diagnosis,size,spacing,split\n"
MASK = {"path": "masks/{case}.png", "classes": ["background", "lesion"]}


def write_mask_of(folder: Path, pixels, case="a") -> None:
    Image.fromarray(np.asarray(pixels)).save(folder / "masks" / f"{case}.png")


def problems_of(read, *arguments) -> list[str]:
    with pytest.raises(DataError) as caught:
        read(*arguments)
    return caught.value.problems


def test_phantom_is_described_as_its_readme_says():
    dataset = read_dataset(ROOT / "data_samples" / "phantom")
    assert len(dataset) == 196
    assert dataset.description.synthetic
    assert dataset.description.masks["mask"].classes == ("background", "lesion", "posterior region")
    first, _, _, fourth = dataset.records[:4]
    assert (first.case, first.patient, first.spacing_mm) == ("case_0001", "patient_001", (0.1347, 0.1347))
    assert first.labels == {"diagnosis": "normal", "age": 46.0}
    assert fourth.labels == {"diagnosis": "benign", "age": 58.0}
    assert all(record.image.is_file() for record in dataset)
    assert 0 < sum("mask" in record.masks for record in dataset) < 196


def test_records_hold_what_is_known_and_nothing_else(write_set):
    folder = write_set(split="split")
    a, b, c, d = read_dataset(folder)
    assert a.labels == {"diagnosis": "benign", "size": 1.5}
    assert b.labels == {"diagnosis": "malignant"}
    assert c.labels == {"size": 3.0}
    assert (a.spacing_mm, b.spacing_mm, d.spacing_mm) == ((0.1, 0.1), (0.2, 0.2), None)
    assert [record.patient for record in (a, b, c, d)] == ["p1", "p1", "p2", "p3"]
    assert [record.split for record in (a, b, c, d)] == ["train", "train", "val", "test"]
    assert a.masks == {"lesion": (MaskFile(folder.resolve() / "masks" / "a.png"),)}
    assert d.masks == {}


@pytest.mark.parametrize(
    "word", ["", "  ", "NA", "n/a", "NaN", "None", "null", "not available", "Not Available"]
)
def test_missing_words_are_missing_labels(write_set, word):
    (record,) = read_dataset(write_set(f"{HEAD}a,p1,{word},{word},{word},\n"))
    assert record.labels == {}
    assert record.spacing_mm is None


def test_further_missing_words_may_be_numbers(write_set):
    (record,) = read_dataset(write_set(f"{HEAD}a,p1,Unknown,-9,1,\n", missing=["unknown", -9]))
    assert record.labels == {}


def test_a_class_may_be_called_none(write_set):
    folder = write_set(f"{HEAD}a,p1,none,1,1,\n", columns={"diagnosis": {"classes": ["none", "some"]}})
    assert read_dataset(folder).records[0].labels == {"diagnosis": "none"}


@pytest.mark.parametrize(
    ("in_yaml", "in_table"),
    [("[0, 1]", "1"), ("[no, yes]", "yes"), ("[off, on]", "on"), ("[N, Y]", "Y"), ("[2, 3, 4a]", "4a")],
)
def test_classes_in_yaml_are_the_words_of_the_table(write_set, in_yaml, in_table):
    folder = write_set(f"{HEAD}a,p1,{in_table},1,1,\n", columns={})
    with (folder / "dataset.yaml").open("a") as file:
        file.write(f"columns: {{diagnosis: {{classes: {in_yaml}}}}}\n")
    text = (folder / "dataset.yaml").read_text().replace("columns: {}\n", "")
    (folder / "dataset.yaml").write_text(text)
    assert read_dataset(folder).records[0].labels == {"diagnosis": in_table}


def test_yaml_keeps_true_and_false():
    assert parse_yaml("{a: true, b: False, c: no, d: 1}") == {"a": True, "b": False, "c": "no", "d": 1}


def test_cells_are_stripped_so_that_one_patient_stays_one(write_set):
    folder = write_set(
        "case , patient,diagnosis,size,spacing,split\na, p1 ,benign ,1 ,1,x\nb,p1, benign, 2,1,x\n"
    )
    a, b = read_dataset(folder)
    assert a.patient == b.patient == "p1"
    assert (a.case, a.labels, b.labels["size"]) == ("a", {"diagnosis": "benign", "size": 1.0}, 2.0)


def test_quoted_cells_and_a_byte_order_mark_are_read(write_set):
    folder = write_set(columns={"diagnosis": {"classes": ["x, y", "z"]}})
    (folder / "cases.csv").write_bytes(f'\ufeff{HEAD}a,p1, "x, y",1,1,\n'.encode())
    assert read_dataset(folder).records[0].labels == {"diagnosis": "x, y"}


def test_spacing_may_be_one_number(write_set):
    assert {record.spacing_mm for record in read_dataset(write_set(spacing_mm=0.25))} == {(0.25, 0.25)}


@pytest.mark.parametrize("word", ["0", "-1", "inf", "wide"])
def test_spacing_that_is_none_names_the_case(write_set, word):
    (problem,) = problems_of(read_dataset, write_set(f"{HEAD}a,p1,benign,1,{word},\n"))
    assert problem == f"case 'a': spacing is '{word}'; expected millimetres above 0"


@pytest.mark.parametrize("spacing", [0, -0.1, float("inf")])
def test_spacing_number_that_is_none_is_one_error_of_the_description(write_set, spacing):
    (problem,) = problems_of(read_dataset, write_set(spacing_mm=spacing))
    assert "spacing_mm: expected millimetres above 0, or the name of a column" in problem


def test_unknown_key_and_other_mistakes_of_the_description_come_together(write_set):
    folder = write_set(
        tabel="x.csv", images="one.png", masks={"lesion": {"path": "{case}.png", "classes": ["one"]}}
    )
    problems = problems_of(read_description, folder)
    assert len(problems) == 3
    assert all(problem.startswith(f"{folder / 'dataset.yaml'}: ") for problem in problems)
    text = "\n".join(problems)
    assert "tabel: there is no such setting" in text
    assert "images: every case would have the same file" in text
    assert "masks.lesion.classes: " in text
    assert "received ['one']" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": "images/x.png"}, "images: every case would have the same file"),
        ({"images": "images/{case.png"}, "images: expected a pattern"),
        ({"images": "images/{}.png"}, "images: expected a pattern"),
        ({"images": "images/{case:04d}.png"}, "images: expected a pattern"),
        ({"images": "/images/{case}.png"}, "images: the pattern is absolute; set `root`"),
        ({"masks": {"m": MASK | {"path": "m.png"}}}, "masks.m.path: every case would have the same file"),
        ({"masks": {"m": MASK | {"values": {0: 0, 255: 2}}}}, "values map to class 2"),
        ({"masks": {"m": MASK | {"classes": ["a", "a"]}}}, "masks.m.classes: two classes have the same name"),
        (
            {"columns": {"size": {"classes": ["a", "a"]}}},
            "columns.size.classes: two classes have the same name",
        ),
    ],
)
def test_description_that_cannot_work_is_refused(write_set, changes, message):
    (problem,) = problems_of(read_description, write_set(**changes))
    assert message in problem


def test_missing_folder_description_and_root_have_messages_of_their_own(tmp_path, write_set):
    assert "no such folder" in problems_of(read_dataset, tmp_path / "nowhere")[0]
    (tmp_path / "empty").mkdir()
    assert "no dataset.yaml in this folder; write one" in problems_of(read_dataset, tmp_path / "empty")[0]
    assert "no such folder; correct `root`" in problems_of(read_dataset, write_set(root="gone"))[0]


@pytest.mark.parametrize(
    ("text", "message"), [("- a\n- b\n", "received a list"), ("a: [1\nb: 2", "not valid YAML")]
)
def test_yaml_that_is_no_mapping_is_one_line(tmp_path, text, message):
    (tmp_path / "dataset.yaml").write_text(text)
    (problem,) = problems_of(read_description, tmp_path)
    assert message in problem
    assert "\n" not in problem


def test_absent_columns_are_named_with_those_there_are(write_set):
    folder = write_set(
        case="id", patient="person", columns={"grade": {}}, masks={"m": MASK | {"path": "{file}"}}
    )
    problems = problems_of(read_dataset, folder)
    assert [problem.split("no column ")[1].split(";")[0] for problem in problems] == [
        "'id'",
        "'person'",
        "'grade'",
        "'file'",
    ]
    assert all("it has 'case', 'patient', 'diagnosis', 'size'" in problem for problem in problems)
    assert all(str(folder / "cases.csv") in problem for problem in problems)


@pytest.mark.parametrize("table", [HEAD, "", "\n\n"])
def test_empty_table_is_refused(write_set, table):
    (problem,) = problems_of(read_dataset, write_set(table))
    assert problem.startswith(str(write_set(table) / "cases.csv"))
    assert "no rows" in problem or "not a readable CSV table (the file is empty)" in problem


def test_absent_table_or_a_folder_in_its_place_is_refused(write_set):
    folder = write_set()
    for table in ("gone.csv", "images"):
        (problem,) = problems_of(read_dataset, _with_table(folder, table))
        assert f"{table}: the table cannot be read" in problem
        assert "correct `table`" in problem


def _with_table(folder: Path, table: str) -> Description:
    content = yaml.safe_load((folder / "dataset.yaml").read_text()) | {"table": table}
    return make_description(content, base=folder, where="here")


def test_rows_longer_than_the_head_line_do_not_shift_the_columns(write_set):
    problems = problems_of(read_dataset, write_set(f"{HEAD}a,p1,benign,1,1,,\nb,p1,benign,1,1,,\n"))
    for line, problem in zip((2, 3), problems, strict=True):
        assert f"line {line} has 7 cells, more than the 6 columns of the header row" in problem


def test_short_rows_are_refused(write_set):
    """A separator may be missing anywhere in the row, so that the other labels may be in wrong columns."""
    (problem,) = problems_of(read_dataset, write_set(f"{HEAD}a,p1\nb,p1,benign,1,1,\n"))
    assert (
        "line 2 has 2 cells, fewer than the 6 columns of the header row; add the missing separators"
        in problem
    )


def test_names_with_backslashes_are_explained(write_set):
    rows = "".join(rf"images\{case}.png,p,benign,1,1," + "\n" for case in "ab")
    (problem,) = problems_of(read_dataset, write_set(HEAD + rows, names="images/{case}.png"))
    assert problem.endswith(r"they have backslashes: write `names: images\{case}.png`")
    assert [r.case for r in read_dataset(write_set(HEAD + rows, names=r"images\{case}.png"))] == ["a", "b"]


@pytest.mark.parametrize(
    ("cell", "frame"), [("3", 3), ("3.0", 3), ("1_0", None), ("\u0663", None), ("9" * 5000, None)]
)
def test_frames_are_whole_numbers_of_latin_digits(write_set, cell, frame):
    folder = write_set(f"{HEAD}a,p1,benign,1,1,{cell}\n", frame="split")
    dataset, observations = scan_dataset(folder)
    assert [record.frame for record in dataset] == [frame]
    assert [o.kind for o in observations if o.kind == "frame-invalid"] == ["frame-invalid"] * (frame is None)


def test_each_case_needs_a_name_of_its_own(write_set):
    rows = "a,p1,,,,\na,p1,,,,\n,p1,,,,\nb,p2,,,,\n"
    problems = problems_of(read_dataset, write_set(HEAD + rows))
    assert len(problems) == 2
    assert "row 3 below the header row has no 'case'" in problems[0]
    assert "case 'a' is in several rows" in problems[1]


def test_all_problems_of_the_cases_come_at_once(write_set):
    table = f"{HEAD}a,p1,odd,many,1,\nb,,benign,inf,0,\nd,p3,benign,1,1,\nz,p4,,,,\n"
    folder = write_set(table, masks={"lesion": MASK | {"required": True}})
    root = folder.resolve()
    assert problems_of(read_dataset, folder) == [
        "case 'a': diagnosis is 'odd', which is not among its classes (benign, malignant); declare it or correct "
        "the cell",
        "case 'a': size is 'many', which is not a number; correct the cell, or list it under `missing`",
        "case 'b': patient is ''; fill in the patient, since cases of one patient must stay together",
        "case 'b': size is 'inf', which is not finite; leave the cell empty if the number is unknown",
        "case 'b': spacing is '0'; expected millimetres above 0",
        f"case 'd': no mask 'lesion' at {root}/masks/d.png, which the description requires",
        f"case 'z': no image at {root}/images/z.png",
        f"case 'z': no mask 'lesion' at {root}/masks/z.png, which the description requires",
    ]


def test_patterns_may_use_other_columns_and_folders(write_set):
    folder = write_set(
        "id,sub,file\n1,left,x.tif\n",
        case="id",
        images="{sub}/im_{id:0>3}.png",
        columns={},
        masks={"lesion": MASK | {"path": "truth/{file}"}},
        drop=("patient", "spacing_mm"),
    )
    for path in ("left/im_001.png", "truth/x.tif"):
        (folder / path).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "masks" / "a.png", folder / path)
    (record,) = read_dataset(folder)
    assert (record.case, record.patient) == ("1", "1")
    assert record.image == folder.resolve() / "left" / "im_001.png"
    assert record.masks["lesion"] == (MaskFile(folder.resolve() / "truth" / "x.tif"),)


def test_empty_cell_of_a_file_column_is_no_mask(write_set):
    folder = write_set(
        "case,file\na,\nb,b.png\n",
        columns={},
        masks={"lesion": MASK | {"path": "masks/{file}"}},
        drop=("patient", "spacing_mm"),
    )
    a, b = read_dataset(folder)
    assert (a.masks, list(b.masks)) == ({}, ["lesion"])


WITHOUT_TABLE = ("table", "patient", "columns", "spacing_mm")


@pytest.mark.parametrize(
    ("images", "masks", "options"),
    [
        ("images/{case}.png", "masks/{case}.png", {}),
        ("images/{id}.png", "masks/{id}.png", {"case": "id"}),
        ("beside/{case}.png", "beside/{case}_mask.png", {}),
        ("own/{case}/{case}.png", "own/{case}/truth.png", {}),
        ("odd [1]/im_{case}.png", "odd [1]/{case}.gt.png", {}),
    ],
)
def test_without_a_table_the_cases_are_the_files(write_set, images, masks, options):
    folder = write_set(drop=WITHOUT_TABLE, images=images, masks={"lesion": MASK | {"path": masks}}, **options)
    key = options.get("case", "case")
    for case in ("b", "a", "d"):
        target = folder / images.format(**{key: case})
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy(folder / "images" / f"{case}.png", target)
        if case != "d" and not (folder / masks.format(**{key: case})).exists():
            shutil.copy(folder / "masks" / f"{case}.png", folder / masks.format(**{key: case}))
    dataset = read_dataset(folder)
    found = [record.case for record in dataset]
    assert found == (["a", "b", "c", "d"] if images.startswith("images/") else ["a", "b", "d"])
    assert [record.case for record in dataset if not record.masks] == ["d"]
    assert all(record.patient == record.case for record in dataset)


def test_without_a_table_there_are_no_columns(write_set):
    problems = problems_of(read_dataset, write_set(drop=("table", "spacing_mm", "columns")))
    assert problems == [
        f"{(write_set()).resolve()}: no column 'patient'; the description names no `table`, and `images` "
        "has no {patient}: add one of them"
    ]


def test_without_a_table_a_pattern_that_nothing_fits_is_refused(write_set):
    (problem,) = problems_of(read_dataset, write_set(drop=WITHOUT_TABLE, images="pictures/{case}.png"))
    assert "no file fits the pattern `images: pictures/{case}.png`" in problem


def lesion(folder: Path, **options):
    dataset = read_dataset(_described(folder, **options))
    return read_case_mask(dataset.records[0], "lesion", dataset.description.masks["lesion"])


def _described(folder: Path, **options) -> Description:
    content = yaml.safe_load((folder / "dataset.yaml").read_text())
    return make_description(content | {"masks": {"lesion": MASK | options}}, base=folder, where="here")


def full(value: int, *others: int) -> np.ndarray:
    mask = np.full((6, 8), value, np.uint8)
    mask.ravel()[: len(others)] = others
    return mask


def test_values_say_what_the_numbers_mean(write_set):
    folder = write_set()
    write_mask_of(folder, full(0, 255, 255, 0, 255))
    mask = lesion(folder, values={0: 0, 255: 1})
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, full(0, 1, 1, 0, 1))


def test_unlabelled_pixels_are_255_whatever_the_file_has(write_set):
    folder = write_set()
    write_mask_of(folder, full(0, 1, 255))
    np.testing.assert_array_equal(lesion(folder), full(0, 1, 255))
    write_mask_of(folder, full(0, 1, 9))
    np.testing.assert_array_equal(lesion(folder, ignore=9), full(0, 1, 255))
    write_mask_of(folder, full(10, 20, 30))
    np.testing.assert_array_equal(lesion(folder, values={10: 0, 20: 1, 30: 255}), full(0, 1, 255))
    write_mask_of(folder, full(0, 1, 255))
    with pytest.raises(DataError, match="mask value 255 is outside"):
        lesion(folder, ignore=None)


def test_mask_value_outside_the_classes_gives_the_cure(write_set):
    folder = write_set()
    write_mask_of(folder, full(0, 1, 2, 3))
    with pytest.raises(DataError) as caught:
        lesion(folder)
    assert str(caught.value) == (
        f"{folder.resolve()}/masks/a.png: mask value 2, 3 is outside the classes of 'lesion' (0 background, 1 lesion); "
        "describe it in dataset.yaml with `masks.lesion.values` or with more `classes`"
    )
    with pytest.raises(DataError, match=r"mask value 1, 2, 3 is outside .*\(0 background, 200 lesion\)"):
        lesion(folder, values={0: 0, 200: 1})


def test_mask_of_another_size_names_both(write_set):
    folder = write_set()
    write_mask_of(folder, np.zeros((8, 6), np.uint8))
    with pytest.raises(
        DataError, match=r"masks/a\.png: the mask is 8x6 pixels, but its image 'a\.png' is 6x8"
    ):
        lesion(folder)


def test_fingerprint_changes_with_each_thing_that_is_learned_from(write_set):
    folder = write_set()
    seen = {"as it is": read_dataset(folder).fingerprint()}

    def again(what: str) -> None:
        value = read_dataset(folder).fingerprint()
        assert value not in seen.values(), what
        seen[what] = value

    table = (folder / "cases.csv").read_text()
    pixels = np.asarray(Image.open(folder / "images" / "a.png").copy()).copy()
    pixels[3, 4] += 1
    Image.fromarray(pixels).save(folder / "images" / "a.png")
    again("a pixel of an image")
    write_mask_of(folder, full(0, 1))
    again("a pixel of a mask")
    (folder / "masks" / "b.png").unlink()
    again("a mask less")
    (folder / "cases.csv").write_text(table.replace("1.5", "1.6"))
    again("a label")
    (folder / "cases.csv").write_text(table.replace("0.2,", "0.3,"))
    again("a spacing")
    (folder / "cases.csv").write_text(table.replace("p3", "p2"))
    again("a patient")


def test_fingerprint_does_not_know_the_order_of_rows_or_the_folder(write_set, tmp_path):
    folder = write_set()
    before = read_dataset(folder).fingerprint()
    head, *rows = (folder / "cases.csv").read_text().splitlines()
    (folder / "cases.csv").write_text("\n".join([head, *reversed(rows)]))
    shutil.move(folder, tmp_path / "moved")
    assert read_dataset(tmp_path / "moved").fingerprint() == before


def test_inspection_counts_pixels_and_cases_and_goes_on_after_an_error(write_set):
    folder = write_set()
    write_mask_of(folder, full(0, 1, 1, 255))
    write_mask_of(folder, full(0), "b")
    (folder / "images" / "c.png").write_bytes(b"\x89PNG half")
    calls = []
    found = inspect_dataset(read_dataset(folder), on_case=lambda: calls.append(1))
    assert len(calls) == 4
    assert found.pixels("lesion") == {0: 45 + 48, 1: 2, 255: 1}
    assert found.present("lesion") == {0: 2, 1: 1, 255: 1}
    assert found.sizes == {(6, 8): 3}
    assert found.types == {"8-bit grey": 3}
    assert len(found.problems) == 1
    assert "c.png: not a readable image" in found.problems[0]


def test_classes_without_a_case_are_counted_too(write_set):
    dataset = read_dataset(write_set(columns={"diagnosis": {"classes": ["malignant", "benign", "never"]}}))
    assert count_classes(dataset) == {"diagnosis": {"malignant": 1, "benign": 2, "never": 0}}


def test_a_real_table_with_ages_given_as_text():
    root = SHARED / "breast_usg"
    if not root.is_dir():
        pytest.skip(f"{root} is not here: real data are not part of the project")
    content = {
        "root": str(root),
        "table": "clinical.csv",
        "case": "CaseID",
        "images": "images_and_masks/{Image_filename}",
        "masks": {
            "tumor": MASK | {"path": "images_and_masks/{Mask_tumor_filename}", "values": {0: 0, 255: 1}}
        },
        "columns": {
            "Classification": {"classes": ["benign", "malignant", "normal"]},
            "Age": {},
            "BIRADS": {"classes": [1, 2, 3, "4a", "4b", "4c", 5]},
        },
    }
    dataset = read_dataset(make_description(content, base=Path(), where="here"))
    assert len(dataset) == 205
    text = (root / "clinical.csv").read_text()
    assert sum("Age" in record.labels for record in dataset) < 205
    assert "not available" in text
    assert all("BIRADS" in record.labels for record in dataset)
