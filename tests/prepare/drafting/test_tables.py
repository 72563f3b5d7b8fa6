"""The table and the meaning of its columns are guessed right."""

import re

import numpy as np
import pandas as pd
import pytest

from unet_mtl import api
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.columns import read_column

N = 24


@pytest.fixture
def described(make, draft):
    """Return a function that drafts images and masks c00 to c23 with a table of the given columns."""

    def call(case="case", name="cases.csv", **columns):
        folder = make("images/c{:02d}.png", "masks/c{:02d}.png", n=N)
        table = {case: [f"c{i:02d}" for i in range(N)]} if case else {}
        frame = pd.DataFrame(
            table | {key: [words[i % len(words)] for i in range(N)] for key, words in columns.items()}
        )
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".xlsx":
            frame.to_excel(path, index=False)
        elif path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
        return draft(folder)

    return call


def column(words, name="x"):
    return read_column(name, pd.Series(words))


@pytest.mark.parametrize("name", ["cases.csv", "cases.tsv", "cases.xlsx", "tables/cases.csv"])
def test_tables_of_any_kind(described, name):
    dataset, config, _, _ = described(name=name, diagnosis=["benign", "malignant"])
    assert dataset.description.table == name
    assert [task.name for task in config.tasks] == ["mask", "diagnosis"]


def test_parquet(described):
    pytest.importorskip("pyarrow", reason="pyarrow reads Parquet and is not here")
    dataset, _, _, _ = described(name="cases.parquet", diagnosis=["benign", "malignant"])
    assert dataset.description.table == "cases.parquet"


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("c{:02d}", "{case}"),
        ("c{:02d}.png", "{case}.png"),
        ("images/c{:02d}.png", "images/{case}.png"),
        ("study/c{:02d}.dcm", "study/{case}.dcm"),
        ("c{:02d}_mask.png", "{case}_mask.png"),
    ],
)
def test_names_in_cells(described, cell, names):
    dataset, _, _, _ = described(case=None, file=[cell.format(i) for i in range(N)], id=list(range(N)))
    description = dataset.description
    assert (description.case, description.names) == ("file", names)
    assert all(record.masks for record in dataset)


def test_numbers_that_lost_their_zeros_do_not_name_files(described):
    dataset, _, notes, _ = described(case=None, number=list(range(N)), size=[1.5, 2.5])
    assert dataset.description.table is None
    assert any("no column names the images" in line for line in notes.unsure)


def test_a_table_of_several_rows_a_case_is_left_out(described):
    dataset, _, notes, _ = described(case=None, case_=[f"c{i // 2:02d}" for i in range(N)])
    assert dataset.description.table is None
    assert any("one row per case" in line for line in notes.unsure)


def test_paths_of_images_and_masks_in_columns(tmp_path, pictures, draft):
    rows = ["scan,drawing,diagnosis"]
    for index in range(12):
        image, mask = f"2024/{index}/s{index * 7}.png", f"drawn/{index}_by_hand.png"
        pictures.save(tmp_path / "pictures" / image, pictures.noise(index))
        pictures.save(tmp_path / mask, pictures.disc(index))
        rows.append(f"{image},{mask},{['benign', 'malignant'][index % 2]}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    dataset, config, _, _ = draft(tmp_path)
    assert dataset.description.images == "pictures/{scan}"
    (mask,) = dataset.description.masks.values()
    assert mask.path == "{drawing}"
    assert all(record.masks for record in dataset)
    assert len(config.tasks) == 2


def test_class_folders_that_the_table_names_as_well(make, draft):
    rows = [f"a{i:02d},cat,{i}.5" for i in range(12)] + [f"b{i:02d},dog,{i}.5" for i in range(12)]
    make(
        "images/cat/a{:02d}.png",
        "masks/cat/a{:02d}.png",
        animals__csv="id,species,length\n" + "\n".join(rows),
    )
    folder = make("images/dog/b{:02d}.png", "masks/dog/b{:02d}.png")
    dataset, _, _, _ = draft(folder)
    assert dataset.description.images == "images/{species}/{case}.png"
    assert dataset.description.masks["mask"].path == "masks/{species}/{case}.png"
    assert all(record.masks for record in dataset)


@pytest.mark.parametrize("name", ["patient", "PatientID", "subject_id", "Pat", "Case", "study"])
def test_patients(described, name):
    patients = [f"p{i // 2}" for i in range(N)]
    dataset, _, notes, _ = described(case="image", **{name: patients})
    assert dataset.description.patient == name
    assert not any("counts as a patient of its own" in line for line in notes.unsure)


def test_a_case_number_that_never_repeats_is_no_patient(described):
    dataset, _, _, text = described(case="image", Case=list(range(100, 100 + N)))
    assert dataset.description.patient is None
    assert "# Case: {}" in text


def test_patients_that_are_not_always_known(described):
    dataset, _, notes, _ = described(patient=[f"p{i // 2}" if i else "" for i in range(N)])
    assert dataset.description.patient is None
    assert any("is empty in 1 row" in line for line in notes.unsure)


def test_names_that_look_like_views_of_one_patient(make, draft):
    folder = make("images/{}.png", n=0)
    for index in range(6):
        make(f"images/p{index:02d}_{{}}.png", f"masks/p{index:02d}_{{}}.png", n=2)
    _, _, notes, _ = draft(folder)
    assert any("p00_0, p00_1 may be images of one patient" in line for line in notes.unsure)


def test_split_and_folds(described):
    dataset, config, _, _ = described(split=["train", "train", "val", "test"], fold=[1, 2, 3])
    assert dataset.description.split == "split"
    assert config.split.fold_column == "fold"
    assert api.check(dataset.description, config.tasks, config.split).problems == []


def test_folds_that_tear_patients_apart_are_not_used(described):
    _, config, notes, _ = described(patient=[f"p{i // 2}" for i in range(N)], fold=[1, 2, 3])
    assert config.split.fold_column is None
    assert any("patients (patient) in several folds" in line for line in notes.unsure)


def test_an_unknown_part_of_a_split(described):
    dataset, _, notes, _ = described(split=["train", "holdout"])
    assert dataset.description.split is None
    assert any("holdout" in line for line in notes.unsure)


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("pixel_size_mm", 0.2, "mm"),
        ("spacing (cm)", 0.02, "cm"),
        ("PixelSpacing", 2.5, "mm"),
        ("pixel size [um]", 900, "um"),
        ("um_per_px", 5, "um"),
    ],
)
def test_spacing(described, name, value, unit):
    dataset, _, _, _ = described(**{name: [value, value * 1.1]})
    assert (dataset.description.spacing_mm, dataset.description.spacing_unit) == (name, unit)


def test_spacing_of_an_unknown_unit_is_commented_out(described):
    dataset, _, notes, text = described(pixel_size=[0.0078, 0.0069])
    assert dataset.description.spacing_mm is None
    assert "# spacing_mm: pixel_size" in text
    assert any("The unit of pixel_size is unknown" in line for line in notes.unsure)


def test_grades_words_and_numbers():
    assert column(["4b", "5", "4a", "2"] * 6).classes == ("2", "4a", "4b", "5")
    assert column(["10", "9", "8"] * 9, "score").kind == "numbers"
    assert column(["malignant", "benign", "normal"] * 9).classes == ("normal", "benign", "malignant")
    assert column(["1", "0"] * 12).classes == ("0", "1")
    assert column(["1.5", "2.25", "7"] * 9, "length_cm").unit == "cm"
    assert column([f"remark {i}" for i in range(30)]).kind == "other"
    assert column([str(i) for i in range(30)], "row").kind == "other"
    assert column(["x"] * 30).kind == "other"
    assert column(["a&b", "a", "b"] * 9).because.startswith("several words per cell")
    assert column(["1", "2.5", "3", "4", "5", "6", "7", ">80"] * 3).because.startswith("numbers except >80")


def test_numbers_written_in_other_ways():
    assert column(["0.0", "1.0"] * 12).classes == ("0.0", "1.0")
    assert "decimal commas" in column([f"{i},5" for i in range(9)]).because


def test_words_that_mean_missing():
    found = column(["benign", "malignant", "not applicable", "not available", ""] * 6)
    assert found.classes == ("benign", "malignant")
    assert found.missing == ("not applicable",)
    assert "12 missing (not available, empty)" in found.because
    coded = column(["1.5", "2.5", "3.5", "-9"] * 6)
    assert (coded.kind, coded.missing) == ("numbers", ("-9",))
    assert "-9 (6 rows) is treated as a missing value" in coded.unsure[0]
    assert column(["-9", "-1.5", "3"] * 6).missing == ()


def test_none_may_be_a_grade():
    found = column(["none", "mild", "severe"] * 6)
    assert found.classes == ("none", "mild", "severe")
    assert "none" in found.unsure[0]
    assert column(["none", "a", "b"] * 6).classes == ("a", "b")


def test_other_spellings_are_joined():
    found = column(["benign"] * 9 + ["Benign"] * 2 + ["malignant"] * 5)
    assert found.classes == ("benign", "malignant")
    assert found.values == {"Benign": "benign"}


def test_which_columns_become_tasks(described):
    dataset, config, notes, _ = described(
        diagnosis=["benign", "Malignant", "benign", "not applicable"],
        birads=["2", "4a", "5"],
        sex=["f", "m"],
        age=[30, 41, 52, 63, 74, 85, 33],
        tumor_size_mm=np.linspace(3, 40, N),
        ki67=np.linspace(1, 99, N).round(1),
        note=[f"text {i}" for i in range(N)],
    )
    assert [(task.kind, task.target_name) for task in config.tasks] == [
        ("segmentation", "mask"),
        ("classification", "diagnosis"),
        ("regression", "tumor_size_mm"),
    ]
    assert dataset.description.missing == ("not applicable",)
    assert set(dataset.description.columns) == {"diagnosis", "birads", "sex", "age", "tumor_size_mm", "ki67"}
    assert any("birads, sex, age, ki67" in line for line in notes.unsure)


@pytest.mark.parametrize(
    ("name", "spacing", "first", "measure"),
    [
        ("size_mm", [0.2, 0.3], 3, "length"),
        ("length_cm", [0.2, 0.3], 3, "length"),
        ("area_mm2", [0.2, 0.3], 3, "area"),
        ("volume_mm3", [0.2, 0.3], 3, None),
        ("size_px", [0.2, 0.3], 3, None),
        ("size_mm", [0.2, ""], 3, None),
        ("size_mm", None, 3, None),
        ("size_mm", [0.2, 0.3], -3, None),
    ],
)
def test_lengths_and_areas_are_measured_where_every_case_has_a_spacing(
    described, name, spacing, first, measure
):
    more = {} if spacing is None else {"pixel_size_mm": spacing}
    _, config, _, _ = described(**{name: np.linspace(first, 40, N)}, **more)
    (task,) = (task for task in config.tasks if task.kind == "regression")
    assert task.measure == measure


ADMINISTRATIVE = [
    "url",
    "image_url",
    "License",
    "licence",
    "folder",
    "file path",
    "Filename",
    "DOI",
    "comments",
    "sha256",
]


@pytest.mark.parametrize("name", ADMINISTRATIVE)
def test_administrative_columns_are_no_tasks(described, name):
    dataset, config, _, text = described(**{name: ["alpha", "beta"], "side": ["left", "right"]})
    assert [task.target_name for task in config.tasks] == ["mask"]
    assert name not in dataset.description.columns
    assert "not used: its name says that it describes the file or its origin" in text


def test_a_folder_that_is_named_after_a_diagnosis_is_a_column(described):
    _, config, _, _ = described(folder=["benign", "malignant"])
    assert [task.target_name for task in config.tasks] == ["mask", "folder"]


def test_ticks_are_yes_and_no(described):
    dataset, config, notes, _ = described(case="Image Name", melanoma=["X", "", ""], nevus=["", "X", "X"])
    column = dataset.description.columns["melanoma"]
    assert (column.classes, column.values) == (("no", "yes"), {"X": "yes", "": "no"})
    assert [record.labels["melanoma"] for record in dataset][:4] == ["yes", "no", "no", "yes"]
    assert [task.target_name for task in config.tasks] == ["mask", "melanoma"]  # nevus follows from melanoma
    assert any(
        "melanoma: 'X' (8) is read as yes and an empty cell (16) as no" in line for line in notes.unsure
    )
    assert not any("missing" in guess.because for guess in notes.guesses if guess.what == "columns.melanoma")


def test_names_of_columns_in_a_lower_row(make):
    folder = make("images/c{:02d}.png", "masks/c{:02d}.png")
    rows = ["Legend,,,", "case,size,site,grade", *(f"c{i:02d},{i}.5,a,b" for i in range(12))]
    (folder / "cases.csv").write_text("\n".join(rows))
    notes = api.init(folder).notes
    assert any("3 columns of cases.csv have no name" in line for line in notes.unsure)


NAMES = {
    "lesion_size_mm": "lesion_size_mm",
    "1st size": "size",
    "2nd_volume": "volume",
    "_7 count (n)": "count_n",
    "Tumour Area": "tumour_area",
    "area_2": "area_2",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_tasks_keep_what_is_valid(described, name):
    _, config, _, _ = described(**{name: [f"{i}.5" for i in range(N)]})
    assert [(task.name, task.target_name) for task in config.tasks[1:]] == [(NAMES[name], name)]


def test_links_are_no_classes():
    assert column(["https://a.org/1", "http://b.org", "www.c.org"] * 8).kind == "other"
    assert column(["https", "http"] * 8).kind == "classes"


@pytest.mark.parametrize("name", ["finding", "Diagnosis", "pathology_findings", "Disease"])
@pytest.mark.parametrize("n", [13, 18, 30])
def test_a_diagnosis_of_many_words_is_a_column_of_classes(name, n):
    read = column([f"word {i}" for i in range(n)] * 4, name)
    assert (read.kind, len(read.classes)) == ("classes", n)
    assert any(f"{name} has {n} classes" in line for line in read.unsure)


@pytest.mark.parametrize("name", ["finding", "Diagnosis", "label", "Finding Labels", "outcome"])
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([f"word {i}" for i in range(18)] * 2, "18 different words, too many for classes"),
        ([f"word {i}" for i in range(31)] * 9, "31 different words, too many for classes"),
        ([f"word {i}" for i in range(40)], "different words in almost every row"),
        (["mass|cyst", "mass", "cyst", "none seen"] * 5, "several words per cell"),
    ],
)
def test_a_target_is_not_left_out_without_a_word(name, words, reason):
    read = column(words, name)
    assert read.kind == "other"
    (line,) = read.unsure
    assert line.startswith(f"{name} is named like a target, but is not used: ")
    assert reason in line
    assert column(words, "station").unsure == ()


def test_rare_classes_are_reported(described):
    _, _, notes, _ = described(diagnosis=["benign"] * 11 + ["malignant"])
    assert any("malignant (2)" in line for line in notes.unsure)


def test_a_column_that_follows_from_another_is_no_task(described):
    _, config, _notes, _ = described(stain=["h", "p", "q"], light=["0", "1", "1"])
    assert [task.name for task in config.tasks] == ["mask", "stain"]


def test_sizes_of_images_and_names_of_files_are_left_out(described):
    dataset, _, _, text = described(width=[24], height=[24], mask_file=[f"c{i:02d}.png" for i in range(N)])
    assert not dataset.description.columns
    assert "# mask_file: {}" in text


def test_names_that_are_hostile_to_yaml(described):
    names = ["a: b", "# x", "no", "{y}", "1", "ö, [z]", "new\nline", "'\"", "a.b", "- dash", "null"]
    dataset, config, _, text = described(**{name: ["yes", "no: x"] for name in names})
    assert set(dataset.description.columns) == set(names)
    assert dataset.description.columns["no"].classes is not None
    assert {task.target_name for task in config.tasks} >= {"a: b"}
    assert not re.search(r"^line", text, re.MULTILINE)


@pytest.mark.parametrize("junk", [b"a,b\n1,2,3\n4,5,6,7\n", b"\xff\xfe\x00junk", b""])
def test_an_unreadable_table_is_one_clear_error(make, junk):
    folder = make("images/c{:02d}.png", "masks/c{:02d}.png")
    (folder / "cases.csv").write_bytes(junk)
    with pytest.raises(DataError, match=r"cases\.csv.*\n.*repair the table, or move it"):
        api.init(folder)
    assert not list(folder.glob("*.yaml"))


def test_an_unreadable_table_beside_a_good_one_is_left_out(described, make):
    folder = make("images/c{:02d}.png", "masks/c{:02d}.png", n=N, broken__csv="a,b\n1,2,3,4\n1,2,3\n")
    _, _, notes, _ = described(diagnosis=["benign", "malignant"])
    assert any(line.startswith("This table is not used") and "broken.csv" in line for line in notes.unsure)
    assert folder.is_dir()


def test_paths_with_backslashes(described):
    """Tables from Windows: the folder is part of `names`, or the table is left aside with the reason."""
    dataset, _, _, _ = described(
        case="", file=[rf"images\c{i:02d}.png" for i in range(N)], diagnosis=["a", "b"]
    )
    assert dataset.description.names == r"images\{case}.png"
    assert [record.case for record in dataset] == [f"c{i:02d}" for i in range(N)]
    assert all(record.image.is_file() and record.masks for record in dataset)


def test_a_column_of_paths_with_backslashes_is_explained(make, draft):
    folder = make("{0:02d}/scan.png", n=N)
    rows = [rf"{i:02d}\scan.png,{'ab'[i % 2]}" for i in range(N)]
    (folder / "cases.csv").write_text("\n".join(["file,diagnosis", *rows]))
    _, _, notes, _ = draft(folder)
    assert any(
        "the paths in file have backslashes, as Windows writes them. Write / instead." in n
        for n in notes.unsure
    )


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("images", [True, False])
def test_the_sheet_that_fits_is_drafted(make, draft, position, images):
    """Beside the sheet of cases, one sheet has too few columns and another repeats a name of a column."""
    folder = make("images/c{:02d}.png" if images else "", n=N)
    cases = pd.DataFrame({"case": [f"c{i:02d}" for i in range(N)], "age": [40 + i % 9 for i in range(N)]})
    cases["grade"] = [f"g{i % 2}" for i in range(N)]
    sheets = {
        "About": pd.DataFrame({"note": ["x", "x"]}),
        "Log": pd.DataFrame([["a", "b"]], columns=["a", "a"]),
    }
    order = [*sheets]
    order.insert(position, "Cases")
    with pd.ExcelWriter(folder / "cases.xlsx") as workbook:
        for name in order:
            (sheets | {"Cases": cases})[name].to_excel(workbook, sheet_name=name, index=False)
    dataset, _, notes, _ = draft(folder)
    assert dataset.description.sheet == "Cases"
    assert len(dataset) == N
    assert [line for line in notes.unsure if "cases.xlsx" in line and "No image" not in line] == [
        "cases.xlsx: sheet 'Cases' of 3 sheets is read; left aside: 'About', 'Log'. Change `sheet` to use another one."
    ]


@pytest.mark.parametrize(
    ("name", "augment"),
    [("size_mm", "light_without_zoom"), ("area_cm2", "light_without_zoom"), ("score", "light")],
)
def test_a_size_is_drafted_without_zoom(described, name, augment):
    dataset, config, _, _ = described(**{name: [f"{7 + i * 0.3:.1f}" for i in range(N)]})
    assert config.augment == augment
    checkup = api.check(dataset.description, config.tasks, config.split, config.preprocess, config.augment)
    assert "number-zoomed" not in {finding.name for finding in checkup.findings}
