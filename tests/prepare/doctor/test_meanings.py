"""What a cell, a name or a patient means is decided once, and the doctor says what the loader does."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unet_mtl.data.description import make_description
from unet_mtl.data.patients import find_patient_spellings
from unet_mtl.data.records import scan_dataset
from unet_mtl.data.rows import read_rows
from unet_mtl.prepare.doctor.leaks import find_leaks
from unet_mtl.prepare.doctor.tables import check_table
from unet_mtl.prepare.repair.table import repair_table

WORDS = ["None", "NA", "nan", "", "mild", "Mild", "yes", "No", "1", "1.0", "7", "-9", "unknown"]


def describe(folder, cells, **content):
    rows = [f'"{i}","{cell}"' for i, cell in enumerate(cells)]
    (folder / "cases.csv").write_text("\n".join(["case,label", *rows]), encoding="utf-8")
    return make_description({"table": "cases.csv", **content}, base=folder, where="")


def missing_by_the_doctor(description):
    dataset, observations = scan_dataset(description)
    found = [o for o in check_table(dataset, read_rows(description)) if o.kind == "labels-missing"]
    return dataset, observations, {case for observation in found for case in observation.cases}


@pytest.mark.parametrize(
    ("cells", "column", "unknown"),
    [
        (["None", "NA", "mild", ""], {"classes": ["None", "NA", "mild"]}, {"3"}),
        (["", "yes", "no", ""], {"type": "yes/no", "values": {"": "no"}}, set()),
        (["", "yes", "none", "no"], {"type": "yes/no", "values": {"": "no"}}, {"2"}),
        (["a", "b", "?", "b"], {"classes": ["a", "b"], "values": {"?": "na"}}, {"2"}),
    ],
)
def test_declared_words_are_no_missing_labels(tmp_path, cells, column, unknown):
    dataset, observations, missing = missing_by_the_doctor(
        describe(tmp_path, cells, columns={"label": column})
    )
    assert observations == []
    assert missing == unknown
    assert missing == {record.case for record in dataset if "label" not in record.labels}


@st.composite
def columns(draw):
    kind = draw(st.sampled_from(["number", "category", "classes", "yes/no"]))
    classes = draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=5, unique=True))
    values = draw(st.dictionaries(st.sampled_from(WORDS), st.sampled_from(WORDS), max_size=3))
    return {"values": values} | ({"classes": classes} if kind == "classes" else {"type": kind})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=8),
    columns(),
    st.lists(st.sampled_from(["unknown", "-9", "7"]), max_size=2),
)
def test_the_doctor_counts_what_the_loader_leaves_out(tmp_path, cells, column, missing):
    """A case is missing for the doctor if and only if the loader has neither a label nor a complaint."""
    description = describe(tmp_path, cells, columns={"label": column}, missing=missing)
    dataset, observations, found = missing_by_the_doctor(description)
    wrong = {case for observation in observations for case in observation.cases}
    assert found == {record.case for record in dataset if "label" not in record.labels} - wrong
    # nor does a repair change the meaning of a cell that can be read
    repaired = repair_table(read_rows(description), description).rows
    again = description.model_copy(
        update={"columns": {"label": description.columns["label"].model_copy(update={"values": {}})}}
    )
    for record, cell in zip(dataset, repaired["label"], strict=True):
        if "label" in record.labels:
            (meaning,) = again.find_meanings("label", [cell])
            assert meaning is not None
            assert record.labels["label"] in (
                meaning,
                float(meaning) if column.get("type") == "number" else meaning,
            )


def test_a_class_named_none_may_be_revealed(tmp_path):
    """A leak of a column with a class that is spelled like a missing word is found as well."""
    cells = ["None", "mild"] * 10
    rows = [f"{i},{cell},{int(cell == 'None')}" for i, cell in enumerate(cells)]
    (tmp_path / "cases.csv").write_text("\n".join(["case,label,code", *rows]))
    for grade in ({"classes": ["None", "mild"]}, {"classes": ["mild", "severe"]}):
        content = {"table": "cases.csv", "columns": {"label": grade, "code": {"classes": ["0", "1"]}}}
        description = make_description(content, base=tmp_path, where="")
        dataset, _ = scan_dataset(description)
        leaks = [o.text for o in find_leaks(dataset, read_rows(description))]
        assert any("'label' reveals 'code'" in text for text in leaks) == ("None" in grade["classes"])


def spell(patient: int, form: int) -> str:
    return [f"P{patient}", f"p-{patient:03d}", f"P {patient}.0", f"P_{patient:02d}"][form]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=12))
def test_every_spelling_of_a_patient_is_found(pairs):
    from unet_mtl.data.records import Record

    records = [
        Record(case=str(i), patient=spell(*pair), image=None, masks={}, labels={})
        for i, pair in enumerate(pairs)
    ]
    forms = {patient: {spell(*pair) for pair in pairs if pair[0] == patient} for patient, _ in pairs}
    expected = {
        frozenset(str(i) for i, (other, _) in enumerate(pairs) if other == patient)
        for patient, names in forms.items()
        if len(names) > 1
    }
    assert {frozenset(observation.cases) for observation in find_patient_spellings(records)} == expected
