"""Records of an evaluation on disk."""

import json

import numpy as np
import pandas as pd
import pytest

from unet_mtl.errors import RunError
from unet_mtl.evaluation.case_records import fingerprint
from unet_mtl.evaluation.stored import RECORDS, read_records, write_records
from unet_mtl.tasks import CaseScore, CaseScores

from .made_records import make_records


@pytest.fixture
def written(tmp_path):
    records, patients = make_records(5)
    records.scores["mask"]["c001"] = CaseScores(
        {"dice": CaseScore(np.nan), "hd_px": CaseScore(9.5, missed=True)}, {"lesion_tp": np.int64(3)}
    )
    records.scores["size"]["c001"].facts["predicted"] = float("nan")
    cases = pd.DataFrame({"case": list(patients), "patient": list(patients.values())})
    write_records(tmp_path, records, cases, "digest")
    return records, patients


def test_what_is_read_is_what_was_written(written, tmp_path):
    records, patients = written
    stored = read_records(tmp_path, "digest")
    assert stored.patients == patients
    assert stored.records.truths == records.truths
    assert stored.records.images == records.images
    for task, cases in records.scores.items():
        for case, scored in cases.items():
            found = stored.records.scores[task][case]
            pd.testing.assert_series_equal(pd.Series(found.facts), pd.Series(scored.facts), check_dtype=False)
            assert repr(dict(found.scores)) == repr(dict(scored.scores))


def test_records_of_another_state_of_the_run_are_not_read(written, tmp_path):
    assert read_records(tmp_path, "other") is None
    assert read_records(tmp_path / "nowhere", "digest") is None
    path = tmp_path / RECORDS
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    assert read_records(tmp_path, "digest") is None
    path.write_text(path.read_text()[:-9])
    with pytest.raises(RunError, match=r"records\.json cannot be read"):
        read_records(tmp_path, "digest")


def test_a_fingerprint_depends_on_the_label_alone():
    mask = np.zeros((4, 6), np.uint8)
    assert fingerprint(mask) == fingerprint(np.asfortranarray(mask))
    assert fingerprint(mask) != fingerprint(mask.reshape(6, 4))
    mask[0, 0] = 1
    assert fingerprint(mask) != fingerprint(np.zeros((4, 6), np.uint8))
    assert fingerprint({"a": 1.0, "b": 2.0}) == fingerprint({"b": 2.0, "a": 1.0})
    assert fingerprint(1) != fingerprint(2)
