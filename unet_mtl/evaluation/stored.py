"""The part of an evaluation on disk from which it is compared with others later, without another prediction."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unet_mtl.evaluation.case_records import CaseRecords, ImageFacts
from unet_mtl.files import write_json
from unet_mtl.runs import reading
from unet_mtl.tasks import CaseScore, CaseScores

RECORDS = "records.json"

_FORMAT = 1


@dataclass(frozen=True)
class StoredRecords:
    """Records of an evaluation on disk.

    Attributes:
        records: Scores, facts, image sizes and fingerprints of the labels of single cases.
        patients: Patient by measured case, also of cases without any label.
    """

    records: CaseRecords
    patients: dict[str, str]


def write_records(folder: Path, records: CaseRecords, cases: pd.DataFrame, digest: str) -> None:
    """Write the records of an evaluation, completely or not at all.

    Args:
        folder: Folder of the evaluation.
        records: Records of the measured cases.
        cases: `Evaluation.cases`, with the patients.
        digest: Digest of the run, by which a later reader knows whether the evaluation is still that of the run.

    Raises:
        WriteError: The system refused to write the file.
    """
    content: dict[str, Any] = {
        "format": _FORMAT,
        "run_digest": digest,
        "patients": dict(zip(cases["case"].astype(str), cases["patient"].astype(str), strict=True)),
        "images": {case: list(facts) for case, facts in records.images.items()},
        "truths": records.truths,
        "scores": {
            task: {
                case: {
                    name: [s.value, int(s.missed), int(s.hallucinated)] for name, s in of_case.scores.items()
                }
                for case, of_case in cases.items()
            }
            for task, cases in records.scores.items()
        },
        "facts": {
            task: {
                case: {name: _plain(fact) for name, fact in of_case.facts.items()}
                for case, of_case in cases.items()
            }
            for task, cases in records.scores.items()
        },
    }
    write_json(folder / RECORDS, content)


def read_records(folder: Path, digest: str) -> StoredRecords | None:
    """Read the records of an evaluation.

    Args:
        folder: Folder of the evaluation.
        digest: Digest of the run as it is now.

    Returns:
        The records; None if there are none, or if those that exist are of another state of the run.

    Raises:
        RunError: The file is damaged.
    """
    path = folder / RECORDS
    if not path.is_file():
        return None
    with reading(path):
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT or content["run_digest"] != digest:
            return None
        scores = {
            task: {
                case: CaseScores(
                    {name: _score(*entry) for name, entry in content["scores"][task][case].items()},
                    {name: np.nan if fact is None else fact for name, fact in facts.items()},
                )
                for case, facts in cases.items()
            }
            for task, cases in content["facts"].items()
        }
        images = {case: ImageFacts(*map(_number, facts)) for case, facts in content["images"].items()}
        return StoredRecords(CaseRecords(scores, images, content["truths"]), content["patients"])


def _score(value: float | None, missed: int, hallucinated: int) -> CaseScore:
    return CaseScore(_number(value), bool(missed), bool(hallucinated))


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _plain(fact: Any) -> Any:
    return fact.item() if isinstance(fact, np.generic) else fact
