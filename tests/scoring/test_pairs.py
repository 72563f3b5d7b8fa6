"""Pairs of files, and the patient and spacing of each case."""

import os

import numpy as np
import pytest
import tifffile

from unet_mtl.api import score
from unet_mtl.data.readers import FORMATS
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.scoring.pairs import pair_masks
from unet_mtl.scoring.patients import TableSource, find_details, name_table

from ..data.samples import SAMPLES

DOT = [[0, 1]]


def test_suffixes_may_differ_and_names_have_dots(write_masks):
    truth = write_masks("truth", **{"scan.1": DOT, "B__PNG": DOT})
    pairs = pair_masks(truth, write_masks("prediction", **{"scan.1__TIFF": DOT, "B__bmp": DOT}))
    assert (pairs.paired, pairs.missing, pairs.extra) == (["B", "scan.1"], [], [])


def test_patterns(write_masks):
    folder = write_masks("both", a=DOT, a_tumor=DOT, b=DOT, b_tumor=DOT, pred_a=DOT, _tumor=DOT)
    pairs = pair_masks(folder, folder, truth_names="{case}_tumor.png", prediction_names="pred_{case}")
    assert (pairs.paired, pairs.missing, pairs.extra) == (["a"], ["b"], [])
    assert pairs.truth.ignored == '4 files not named "{case}_tumor"'


@pytest.mark.parametrize("pattern", ["pred", "{case}_{case}", "{name}"])
def test_a_pattern_has_one_case_in_it(write_masks, pattern):
    folder = write_masks("truth", a=DOT)
    with pytest.raises(
        ConfigError, match=r"`prediction_names` is .*; expected a name with one \{case\} in it"
    ):
        pair_masks(folder, folder, prediction_names=pattern)


def test_hidden_files_others_and_folders_below_are_ignored_and_counted(write_masks):
    truth = write_masks("truth", a=DOT)
    (truth / "dataset.json").write_text("{}")
    (truth / "._a.png").write_bytes(b"of macOS")
    write_masks("truth/fold_0", b=DOT, c=DOT)
    pairs = pair_masks(truth, write_masks("prediction", a=DOT))
    assert list(pairs.truth.files) == ["a"]
    assert pairs.truth.ignored == "1 file of type .json, 2 files in folders below (fold_0)"
    assert pairs.prediction.ignored == ""


def test_all_that_is_wrong_with_the_folders_at_once(write_masks, tmp_path):
    truth = write_masks("truth", a=DOT, a__tif=DOT, b=DOT)
    prediction = write_masks("prediction")
    with pytest.raises(DataError) as caught:
        pair_masks(truth, prediction)
    twice, none = caught.value.problems
    assert twice == f"{truth}: two masks of case 'a': a.png and a.tif; keep one"
    assert none.startswith(f"{prediction}: no mask in this folder (known types: .png, ")
    assert none.endswith("; it is empty: give the folder that the masks were written into")
    with pytest.raises(DataError, match=r"gone: no such folder; \S+ has the folders prediction, truth$"):
        pair_masks(truth, tmp_path / "gone")
    with pytest.raises(
        DataError, match=r"prediction/gone/deep: no such folder; \S+prediction has no folder$"
    ):
        pair_masks(truth, prediction / "gone" / "deep")
    with pytest.raises(DataError, match=r"b\.png: is a file; give its folder"):
        pair_masks(truth, truth / "b.png")
    with pytest.raises(DataError, match=r"it has 3 files not named \"\{case\}_x\""):
        pair_masks(truth, prediction, truth_names="{case}_x")
    clean = write_masks("clean", a=DOT)
    with pytest.raises(DataError, match="each mask would be compared with itself"):
        pair_masks(clean, clean / ".")


@pytest.mark.parametrize(
    ("truths", "predictions", "cure"),
    [
        (("a1", "a2", "a3"), ("a1_pred", "a2_pred", "a3_pred"), "`prediction_names='{case}_pred'`"),
        (("a1", "a2", "a3"), ("x_a1_0", "x_a2_0"), "`prediction_names='x_{case}_0'`"),
        (("a1_seg", "a2_seg"), ("a1", "a2"), "`truth_names='{case}_seg'`"),
        (("1", "10", "11"), ("m1", "m10", "m11"), "`prediction_names='m{case}'`"),
        (
            ("a_x", "b_x"),
            ("a_y", "b_y"),
            "`truth_names` and `prediction_names`, as in `prediction_names='{case}_pred'`",
        ),
    ],
)
def test_no_pair_shows_names_and_the_cure(write_masks, truths, predictions, cure):
    truth = write_masks("truth", **dict.fromkeys(truths, DOT))
    prediction = write_masks("prediction", **dict.fromkeys(predictions, DOT))
    with pytest.raises(DataError) as caught:
        pair_masks(truth, prediction)
    message = str(caught.value)
    assert f"{truths[0]}.png, {truths[1]}.png" in message
    assert f"{predictions[0]}.png, {predictions[1]}.png" in message
    assert cure in message


def test_a_hint_where_some_do_pair(write_masks):
    truth = write_masks("truth", a=DOT, b=DOT, c=DOT)
    pairs = pair_masks(truth, write_masks("prediction", a=DOT, b_v2=DOT, c_v2=DOT))
    assert (pairs.missing, pairs.extra) == (["b", "c"], ["b_v2", "c_v2"])
    assert pairs.hint == "give the pattern of the file names: `prediction_names='{case}_v2'`"
    assert pair_masks(truth, write_masks("other", a=DOT, z=DOT)).hint == ""


def find(tmp_path, text, *, cases=("a", "b"), spacing=None, **options):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return find_details(cases, TableSource(path, **options), spacing, None)


def test_a_table_of_more_cases_in_another_order(tmp_path):
    found = find(tmp_path, "file,Subject,mm\nc.png,3,1\nb.png,1,0.25\na.TIF,2,0.5\n", spacing="mm")
    assert found.patients == {"a": "2", "b": "1"}
    assert found.spacings == {"a": (0.5, 0.5), "b": (0.25, 0.25)}
    assert found.describe_patients(["a", "b"]).startswith("patients: 2, from column 'Subject' of ")
    assert found.describe_patients(["b"]).startswith("patients: 1, from ")
    assert found.unused == [f"{tmp_path / 'table.csv'}: 1 of 3 rows belongs to no true mask: 'c.png'"]
    assert found.warn_of_spellings(["a", "b"]) == []
    spelled = find(tmp_path, "case,patient\na,12\nb,12.0\n")
    assert spelled.unused == []
    (warning,) = spelled.warn_of_spellings(["a", "b"])
    assert warning == "patients '12' and '12.0' differ in spelling only, but count as different patients"
    assert spelled.warn_of_spellings(["a"]) == []
    assert found.distances == "distances: in mm; pixels are 0.25 to 0.5 mm, from column 'mm'"


def test_named_columns_and_names(tmp_path):
    text = "ID,Case\nbus_a,7\nbus_b,7\n"
    found = find(tmp_path, text, case_column="ID", patient_column="Case", names="bus_{case}")
    assert found.patients == {"a": "7", "b": "7"}
    assert "patients: 1, from" in found.describe_patients(["a", "b"])


def test_rows_of_one_case_may_repeat_but_not_contradict(tmp_path):
    assert find(tmp_path, "case,patient,lesion\na,1,x\na,1,y\nb,2,z\n").patients == {"a": "1", "b": "2"}
    with pytest.raises(DataError, match="case 'a' has several rows that contradict each other"):
        find(tmp_path, "case,patient\na,1\na,2\nb,2\n")
    with pytest.raises(DataError, match="case 'a' has several rows that contradict each other"):
        find(tmp_path, "case,patient,mm\na,1,1\na,1,2\nb,2,1\n", spacing="mm")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("case,patient\na,1\n", {}, "column 'case' lacks 1 of 2 cases: b; it has a. Add rows for them"),
        (
            "x,patient\na,1\n",
            {},
            "no column 'case', .* or 'name'; it has 'x', 'patient': name one with `case_column`",
        ),
        (
            "case,x\na,1\n",
            {},
            "no column 'patient', .*: name one with `patient_column`; it may be the column of",
        ),
        ("case,patient\na,1\n", {"case_column": "Id"}, "no column 'Id'; it has 'case', 'patient'"),
        ("case,patient\na,1\nb,2\n", {"spacing": "mm"}, "no column 'mm'; it has .* name one with `spacing`"),
        (
            "case,patient\na,\nb,n/a\n",
            {},
            "case 'a': patient is ''; fill in the patient\n.*'b': patient is 'n/a'",
        ),
        ("case,patient,mm\na,1,-1\nb,2,x\n", {"spacing": "mm"}, "'a': spacing is '-1'; .*\n.*spacing is 'x'"),
        ("case,patient\na,1,2\nb,2,3\n", {}, "line 2 has 3 cells, more than the 2 columns of the header row"),
        ("", {}, "not a readable CSV table"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, text, options, words):
    with pytest.raises(DataError, match=words):
        find(tmp_path, text, **options)


def test_no_table(tmp_path):
    found = find_details(["a", "b"], None, (0.5, 0.25), None)
    assert found.patients == {"a": "a", "b": "b"}
    assert found.spacings["b"] == (0.5, 0.25)
    assert name_table(None, None, None, "{case}") is None
    with pytest.raises(ConfigError, match=r"`spacing` is 'mm'; expected millimetres, .* or a column"):
        find_details(["a"], None, "mm", None)
    for name, what in (("gone.csv", "no such file"), ("", "is a folder")):
        with pytest.raises(
            DataError, match=f"{name}: {what}; `patients` is a table with one row for each case"
        ):
            find_details(["a"], TableSource(tmp_path / name), None, None)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_header_determines_the_separator(tmp_path, mark):
    lines = (
        ("\ufeffcase", "patient", '"size, mm"', "step"),
        ("a", "p", "1", "0.5"),
        ("b", "q", "2", '"0,25"'),
    )
    found = find(tmp_path, "".join(f"{mark.join(line)}\n" for line in lines), spacing="step")
    assert found.patients == {"a": "p", "b": "q"}
    assert found.spacings == {"a": (0.5, 0.5), "b": (0.25, 0.25)}


def test_decimal_commas_of_a_semicolon_table(tmp_path):
    found = find(tmp_path, "case;patient;step\na;p;0,5\nb;q;1,5\n", spacing="step")
    assert found.spacings == {"a": (0.5, 0.5), "b": (1.5, 1.5)}


def test_cells_with_an_unknown_separator(tmp_path):
    with pytest.raises(DataError, match="only one column was read: separate cells by commas, semicolons"):
        find(tmp_path, "case|patient\na|p\nb|q\n")


@pytest.mark.parametrize(
    "name", ["PatientID", "patientid", "Patient ID", "Subject_Id", "subject-id", "SUBJECT"]
)
def test_usual_names_in_any_spelling(tmp_path, name):
    found = find(tmp_path, f"Image Name,{name}\na.png,p\nb.png,q\n")
    assert (found.case_column, found.patient_column) == ("Image Name", name)
    assert found.patients == {"a": "p", "b": "q"}


@pytest.mark.parametrize(
    ("text", "cases", "cure"),
    [
        # As BUS-BRA has it: "Case" is the patient.
        (
            "ID,Case,patient\nbus_a,1,1\nbus_b,2,2\n",
            ("a", "b"),
            "2 of 2 are found with `case_column='ID'` and `table_names='bus_{case}'`",
        ),
        (
            "case,patient,The scan\n1,p,a.png\n2,q,b.png\n",
            ("a", "b"),
            "2 of 2 are found with `case_column='The scan'`",
        ),
        ("case,patient\nx_a,p\nx_b,q\n", ("a", "b"), "2 of 2 are found with `table_names='x_{case}'`"),
        (
            "case,patient\na,p\nb,q\n",
            ("a_seg", "b_seg"),
            "`truth_names='{case}_seg'` (or `prediction_names`)",
        ),
        (
            "case,patient\n1,p\n2,q\n",
            ("001", "002"),
            "001 and 1 differ only in leading zeros (Excel removes them: import the column as text)",
        ),
        ("case,patient\nC1,p\nC2.PNG,q\n", ("c1", "c2"), "c1 and C1 differ only in upper and lower case"),
        (
            "case,patient\nx,p\ny,q\n",
            ("a", "b"),
            "x, y. Add rows for them, name another column with `case_column`, or",
        ),
    ],
)
def test_the_table_names_cases_in_another_way(tmp_path, text, cases, cure):
    with pytest.raises(DataError) as caught:
        find(tmp_path, text, cases=cases)
    (line,) = caught.value.problems
    assert f"lacks 2 of 2 cases: {cases[0]}, {cases[1]}; it has" in line
    assert cure in line


def test_the_best_column_is_named(tmp_path):
    text = "case,patient,rank,scan\n9,p,1,1\n8,q,2,2\n7,r,5,3\n"
    with pytest.raises(DataError, match="3 of 3 are found with `case_column='scan'`"):
        find(tmp_path, text, cases=("1", "2", "3"))


def test_all_that_is_wrong_with_a_table_at_once(tmp_path):
    with pytest.raises(DataError) as caught:
        find(tmp_path, "ID,Case\nbus_a,1\nbus_b,2\n", spacing="mm")
    case, patient, spacing = caught.value.problems
    assert "column 'Case' lacks" in case
    assert "no column 'patient'" in patient
    assert "no column 'mm'" in spacing


def test_row_and_column_spacing_of_two_columns(tmp_path):
    text = 'case,patient,px_row,px_col,"a,b"\na,p,0.5,1,9\nb,q,,,8\n'
    found = find(tmp_path, text, spacing="px_row,px_col")
    assert found.spacings == {"a": (0.5, 1.0), "b": None}
    assert "pixels are 0.5 to 1 mm, from column 'px_row,px_col'" in found.distances
    assert find(tmp_path, text, spacing=["px_row", "px_col"]).spacings == found.spacings
    assert find(tmp_path, text, spacing="a,b").spacings == {"a": (9, 9), "b": (8, 8)}
    with pytest.raises(DataError, match="no column 'px_x'; it has"):
        find(tmp_path, text, spacing="px_row,px_x")
    with pytest.raises(ConfigError, match="one column or two"):
        find(tmp_path, text, spacing="px_row,px_col,px_row")
    with pytest.raises(DataError, match="case 'b': spacing is ''; expected"):
        find(tmp_path, "case,patient,r,c\na,p,1,1\nb,q,1,\n", spacing="r,c")


@pytest.mark.parametrize("spacing", [[2, 0.5], (2.0, 0.5), np.array([2, 0.5]), np.array([[2.0], [0.5]])])
def test_a_spacing_in_any_sequence(spacing):
    assert find_details(["a"], None, spacing, None).spacings == {"a": (2.0, 0.5)}


@pytest.mark.parametrize(
    ("spacing", "words"),
    [
        (0, "`spacing` is 0; expected millimetres above 0"),
        ([0.2, 0], "`spacing` is 0.2,0; expected"),
        (np.array([1, 2, 3]), "`spacing` is 1,2,3; expected millimetres above 0, one number or two"),
        ([], "`spacing` is empty; expected"),
        ([1, None], "`spacing` is 1,None; expected"),
        (float("nan"), "`spacing` is nan; expected"),
    ],
)
def test_an_invalid_spacing_is_named_in_the_error(spacing, words):
    with pytest.raises(ConfigError, match=words):
        find_details(["a"], None, spacing, None)
    assert find_details(["a"], None, np.float32(0.5), None).spacings == {"a": (0.5, 0.5)}


def test_formats_that_are_not_read_are_named_with_advice(write_masks):
    truth, prediction = write_masks("truth", a=DOT), write_masks("prediction")
    for name in ("a.mha", "b.MHA", "plans.json", "README"):
        (prediction / name).write_bytes(b"")
    with pytest.raises(DataError) as caught:
        pair_masks(truth, prediction)
    aside = "1 file of no known type, 2 files of type .mha (save them as NIfTI or NRRD), 1 file of type .json"
    assert str(caught.value).endswith(f"; it has {aside}")
    write_masks("prediction", a=DOT)
    assert pair_masks(truth, prediction).prediction.ignored == aside


@pytest.mark.parametrize("key", SAMPLES)
def test_every_format_is_read(write_masks, tmp_path, key):
    pixels = np.zeros((16, 16), np.uint8)
    pixels[8:, 8:] = 1  # a block of JPEG
    truth, prediction = write_masks("truth", a=pixels), tmp_path / "prediction"
    prediction.mkdir()
    SAMPLES[key](prediction / f"a{FORMATS[key].suffixes[0]}", pixels)
    found = score(truth, prediction, progress=False)
    assert found.value("masks", "dice") == 1.0


def test_a_file_of_several_masks_is_refused(write_masks, tmp_path):
    truth, prediction = write_masks("truth", a=np.eye(8)), tmp_path / "prediction"
    prediction.mkdir()
    tifffile.imwrite(prediction / "a.tif", np.zeros((3, 8, 8), np.uint8), photometric="minisblack")
    with pytest.raises(DataError, match=r"a\.tif: the file holds 3 pictures; write a file for each mask$"):
        score(truth, prediction, progress=False)


def test_what_is_no_file_is_ignored_and_counted(write_masks):
    """Opening the pipe would wait forever."""
    truth, prediction = write_masks("truth", a=DOT), write_masks("prediction", a=DOT)
    os.mkfifo(prediction / "b.png")
    (prediction / os.fsdecode(b"caf\xe9.png")).write_bytes((prediction / "a.png").read_bytes())
    pairs = pair_masks(truth, prediction)
    assert list(pairs.prediction.files) == ["a"]
    assert pairs.prediction.ignored == (
        "1 file that is a named pipe, 1 file with a name that is not UTF-8 (rename it)"
    )


def test_masks_in_folders_below_name_the_folder(write_masks):
    truth, prediction = write_masks("truth", a=DOT), write_masks("prediction")
    write_masks("prediction/images", a=DOT, b=DOT)
    write_masks("prediction/labelsTr", a=DOT)
    write_masks("prediction/.hidden", a=DOT)
    with pytest.raises(DataError) as caught:
        pair_masks(truth, prediction)
    message = str(caught.value)
    assert "it has 3 files in folders below (images, labelsTr): " in message
    assert message.endswith(f"give the folder of the masks itself, such as {prediction / 'labelsTr'}")


def test_names_that_differ_in_letters_or_zeros_alone(write_masks):
    truth = write_masks("truth", c1=DOT, c2=DOT, same=DOT)
    prediction = write_masks("prediction", C1__PNG=DOT, C2__PNG=DOT)
    cure = "rename one side, since c1.png and C1.PNG differ only in upper and lower case"
    with pytest.raises(DataError, match=cure):
        pair_masks(truth, prediction)
    write_masks("prediction", same=DOT)
    assert pair_masks(truth, prediction).hint == cure
    zeros = pair_masks(write_masks("one", case_01=DOT, b=DOT), write_masks("two", case_1=DOT, b=DOT))
    assert zeros.hint == "rename one side, since case_01.png and case_1.png differ only in leading zeros"
