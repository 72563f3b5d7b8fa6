"""Which file belongs to which, and whose it is."""

import pytest

from unet_mtl.errors import ConfigError, DataError
from unet_mtl.evaluation.owners import TableSource, find_owners, name_table
from unet_mtl.evaluation.pairs import pair_masks

DOT = [[0, 1]]


def test_suffixes_may_differ_and_names_have_dots(write_masks):
    truth = write_masks("truth", **{"scan.1": DOT, "B__PNG": DOT})
    pairs = pair_masks(truth, write_masks("prediction", **{"scan.1__TIFF": DOT, "B__bmp": DOT}))
    assert (pairs.paired, pairs.missing, pairs.extra) == (["B", "scan.1"], [], [])


def test_patterns(write_masks):
    folder = write_masks("both", a=DOT, a_tumor=DOT, b=DOT, b_tumor=DOT, pred_a=DOT, _tumor=DOT)
    pairs = pair_masks(folder, folder, truth_names="{case}_tumor.png", prediction_names="pred_{case}")
    assert (pairs.paired, pairs.missing, pairs.extra) == (["a"], ["b"], [])
    assert pairs.truth.rest == '4 files not named "{case}_tumor"'


@pytest.mark.parametrize("pattern", ["pred", "{case}_{case}", "{name}"])
def test_a_pattern_has_one_case_in_it(write_masks, pattern):
    folder = write_masks("truth", a=DOT)
    with pytest.raises(
        ConfigError, match=r"--prediction-names .*: expected a file name with one \{case\} in it"
    ):
        pair_masks(folder, folder, prediction_names=pattern)


def test_hidden_files_others_and_folders_below_are_passed_over_and_counted(write_masks):
    truth = write_masks("truth", a=DOT)
    (truth / "dataset.json").write_text("{}")
    (truth / "._a.png").write_bytes(b"of macOS")
    write_masks("truth/fold_0", b=DOT, c=DOT)
    pairs = pair_masks(truth, write_masks("prediction", a=DOT))
    assert list(pairs.truth.files) == ["a"]
    assert pairs.truth.rest == "1 file of another type, 2 files in folders below"
    assert pairs.prediction.rest == ""


def test_all_that_is_wrong_with_the_folders_at_once(write_masks, tmp_path):
    truth = write_masks("truth", a=DOT, a__tif=DOT, b=DOT)
    prediction = write_masks("prediction")
    with pytest.raises(DataError) as caught:
        pair_masks(truth, prediction)
    twice, none = caught.value.problems
    assert twice == f"{truth}: two masks of case 'a': a.png and a.tif; keep one"
    assert none.startswith(f"{prediction}: no mask in this folder (known are .png, ")
    with pytest.raises(DataError, match="gone: no such folder"):
        pair_masks(truth, tmp_path / "gone")
    with pytest.raises(DataError, match=r"it has 3 files not named \"\{case\}_x\""):
        pair_masks(truth, prediction, truth_names="{case}_x")
    clean = write_masks("clean", a=DOT)
    with pytest.raises(DataError, match="each mask would be measured against itself"):
        pair_masks(clean, clean / ".")


@pytest.mark.parametrize(
    ("truths", "predictions", "cure"),
    [
        (("a1", "a2", "a3"), ("a1_pred", "a2_pred", "a3_pred"), '--prediction-names "{case}_pred"'),
        (("a1", "a2", "a3"), ("x_a1_0", "x_a2_0"), '--prediction-names "x_{case}_0"'),
        (("a1_seg", "a2_seg"), ("a1", "a2"), '--truth-names "{case}_seg"'),
        (("1", "10", "11"), ("m1", "m10", "m11"), '--prediction-names "m{case}"'),
        (("a_x", "b_x"), ("a_y", "b_y"), "--truth-names and --prediction-names, as in --prediction-names"),
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
    assert pairs.hint == '--prediction-names "{case}_v2"'
    assert pair_masks(truth, write_masks("other", a=DOT, z=DOT)).hint == ""


def find(tmp_path, text, *, cases=("a", "b"), spacing=None, **options):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return find_owners(cases, TableSource(path, **options), spacing, None)


def test_a_table_of_more_cases_in_another_order(tmp_path):
    found = find(tmp_path, "file,Subject,mm\nc.png,3,1\nb.png,1,0.25\na.TIF,2,0.5\n", spacing="mm")
    assert found.patients == {"a": "2", "b": "1"}
    assert found.spacings == {"a": (0.5, 0.5), "b": (0.25, 0.25)}
    assert found.describe_patients(["a", "b"]).startswith("patients: 2, of column 'Subject' of ")
    assert found.describe_patients(["b"]).startswith("patients: 1, of ")
    assert found.distances == "distances: in mm; pixels are 0.25 to 0.5 mm, by column 'mm'"


def test_named_columns_and_names(tmp_path):
    text = "ID,Case\nbus_a,7\nbus_b,7\n"
    found = find(tmp_path, text, case_column="ID", patient_column="Case", names="bus_{case}")
    assert found.patients == {"a": "7", "b": "7"}
    assert "patients: 1, of" in found.describe_patients(["a", "b"])


def test_rows_of_one_case_may_repeat_but_not_contradict(tmp_path):
    assert find(tmp_path, "case,patient,lesion\na,1,x\na,1,y\nb,2,z\n").patients == {"a": "1", "b": "2"}
    with pytest.raises(DataError, match="case 'a' stands in several rows that contradict each other"):
        find(tmp_path, "case,patient\na,1\na,2\nb,2\n")
    with pytest.raises(DataError, match="case 'a' stands in several rows that contradict each other"):
        find(tmp_path, "case,patient,mm\na,1,1\na,1,2\nb,2,1\n", spacing="mm")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("case,patient\na,1\n", {}, "column 'case' lacks 1 of 2 cases: b; it has a. Add them"),
        (
            "x,patient\na,1\n",
            {},
            "no column 'case', .* or 'name'; it has 'x', 'patient': name one with --case-col",
        ),
        (
            "case,x\na,1\n",
            {},
            "no column 'patient', .*: name one with --patient-column; it may be the column of",
        ),
        ("case,patient\na,1\n", {"case_column": "Id"}, "no column 'Id'; it has 'case', 'patient'"),
        ("case,patient\na,1\nb,2\n", {"spacing": "mm"}, "no column 'mm'; it has .* name one with --spacing"),
        (
            "case,patient\na,\nb,n/a\n",
            {},
            "case 'a': patient is ''; say whose it is\n.*'b': patient is 'n/a'",
        ),
        ("case,patient,mm\na,1,-1\nb,2,x\n", {"spacing": "mm"}, "'a': spacing is '-1'; .*\n.*spacing is 'x'"),
        ("case,patient\na,1,2\nb,2,3\n", {}, "more cells than the 2 columns of the head line"),
        ("", {}, "not a readable CSV table"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, text, options, words):
    with pytest.raises(DataError, match=words):
        find(tmp_path, text, **options)


def test_no_table(tmp_path):
    found = find_owners(["a", "b"], None, (0.5, 0.25), None)
    assert found.patients == {"a": "a", "b": "b"}
    assert found.spacings["b"] == (0.5, 0.25)
    assert name_table(None, None, None, "{case}") is None
    with pytest.raises(ConfigError, match="--spacing mm: neither millimetres"):
        find_owners(["a"], None, "mm", None)
    with pytest.raises(DataError, match="the table cannot be read"):
        find_owners(["a"], TableSource(tmp_path / "gone.csv"), None, None)
