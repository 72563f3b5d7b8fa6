"""Answers for patients, pooled over their images, with scores of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from unet_mtl.data.tables import guard_formulas
from unet_mtl.evaluation.case_records import CaseRecords
from unet_mtl.evaluation.summary import (
    Evaluation,
    case_columns,
    facts_of,
    make_table,
    plain_rows,
    summarise_task,
)
from unet_mtl.files import write_json, writing
from unet_mtl.tasks import AnswersPatients, CaseScores, Pooling, Task
from unet_mtl.wording import count_of, name_some

WAYS: dict[Pooling, str] = {
    "mean": "probabilities are means over the images of a patient",
    "max": "the highest probability of any image counts, and the lowest one of the first class",
    "most_suspicious": "the image with the lowest probability of the first class, or the highest grade, counts",
}


def evaluate_patients(
    tasks: Sequence[Task[Any, Any]],
    records: CaseRecords,
    patients: Mapping[str, str],
    how: Pooling,
    *,
    seed: int = 0,
) -> Evaluation:
    """Pool the answers for the labelled images of each patient, and measure each task over patients.

    Args:
        tasks: Tasks of the run; those that predict masks have no answer for a patient.
        records: Records of the measured cases.
        patients: Patient by case.
        how: How probabilities are pooled: "mean", "max" or "most_suspicious"; numbers are averaged.
        seed: Seed of the bootstrap.

    Returns:
        An evaluation with a row of `cases` for each patient with a label: `patient`, `n_images`, and by task labels,
        answers and scores. A patient with images of different classes has no label and is not measured; numbers
        that differ are averaged. `title` says how many patients there are of both.
    """
    able = [task for task in tasks if isinstance(task, AnswersPatients)]
    scores: dict[str, dict[str, CaseScores]] = {}
    notes: list[str] = []
    for task in able:
        scores[task.name], differing = _pool(task, records.scores[task.name], patients, how)
        notes += _describe(task.name, differing, scores[task.name])
    everyone = {patient: patient for patient in dict.fromkeys(patients.values())}
    rows = [row for task in able for row in summarise_task(task, scores[task.name], everyone, seed)]
    n_images = pd.Series(list(patients.values())).value_counts()
    measured = [p for p in everyone if any(p in of_task for of_task in scores.values())]
    table = pd.DataFrame({"patient": measured, "n_images": [int(n_images[p]) for p in measured]})
    for name, of_task in scores.items():
        table = table.join(case_columns(of_task).add_prefix(f"{name}_"), on="patient")
    title = f"{count_of(len(measured), 'patient')} with {count_of(len(patients), 'image')}; {WAYS[how]}"
    return Evaluation(
        make_table(rows),
        table,
        {name: facts_of(of_task) for name, of_task in scores.items()},
        "; ".join([title, *notes]),
        seed=seed,
    )


def _pool(
    task: Any, cases: Mapping[str, CaseScores], patients: Mapping[str, str], how: Pooling
) -> tuple[dict[str, CaseScores], list[str]]:
    """Return scores and facts by patient, and the patients with contradicting labels."""
    pooled: dict[str, CaseScores] = {}
    differing: list[str] = []
    images: dict[str, list[str]] = {}
    for case in cases:
        images.setdefault(patients[case], []).append(case)
    for patient, names in images.items():
        answer = task.pool_images(facts_of({case: cases[case] for case in names}), how)
        if answer.differing:
            differing.append(patient)
        if answer.truth is not None:
            pooled[patient] = task.score_case(answer.truth, answer.prediction, None)
    return pooled, differing


def _describe(task: str, differing: Sequence[str], pooled: Mapping[str, CaseScores]) -> list[str]:
    if not differing:
        return []
    n_left = sum(patient in pooled for patient in differing)
    treated = []
    if n_left:
        treated.append(f"{n_left} measured by their mean or by those that agree")
    if n_left < len(differing):
        treated.append(f"{len(differing) - n_left} not measured")
    problem = (
        f"labels of {count_of(len(differing), 'patient')} contradict each other ({name_some(differing)})"
    )
    return [f"{task}: {problem}, {', '.join(treated)}"]


def write_patients(folder: Path, evaluation: Evaluation) -> Evaluation:
    """Write patients.csv and patients.json, either both or neither.

    Args:
        folder: Folder of the evaluation; older files of these names are replaced.
        evaluation: The evaluation of patients.

    Returns:
        The evaluation with its folder.

    Raises:
        WriteError: The system refused to write a file.
    """
    content = {"title": evaluation.title, "scores": plain_rows(evaluation.scores)}
    with writing(folder / "patients.csv") as temporary:
        guard_formulas(evaluation.cases).to_csv(temporary, index=False)
        write_json(folder / "patients.json", content)
    return replace(evaluation, folder=folder)
