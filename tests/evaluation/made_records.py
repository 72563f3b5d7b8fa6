"""Records of random answers, for tests of tables that need no training."""

import numpy as np

from unet_mtl.evaluation.case_records import CaseRecords, ImageFacts, fingerprint
from unet_mtl.tasks import CaseScore, CaseScores, Classification, Regression, Segmentation
from unet_mtl.tasks.number import Number
from unet_mtl.tasks.predictions import ClassPrediction, Value, ValuePrediction

DIAGNOSIS = Classification(name="diagnosis", classes=("benign", "malignant"), counts=(50, 50))
SIZE = Regression(name="size", numbers=(Number(column="size", unit="mm"),))
MASK = Segmentation(name="mask", classes=("background", "lesion"))
TASKS = (MASK, DIAGNOSIS, SIZE)


def make_records(n, seed=0, better=0.0, per_patient=1, truth_seed=0):
    """Return records of n cases, and the patient by case. Answers are the better, the higher `better` is."""
    rng, truths = np.random.default_rng(seed), np.random.default_rng(truth_seed)
    records = CaseRecords.of_tasks(TASKS)
    patients = {f"c{i:03d}": f"p{i // per_patient:03d}" for i in range(n)}
    for case in patients:
        label, size, area = int(truths.random() < 0.5), truths.uniform(1, 30), int(truths.integers(1, 1000))
        records.images[case] = ImageFacts(64.0, 64.0, 0.5, 0.2)
        probability = 1 / (1 + np.exp(-(rng.normal() + (label - 0.5) * (1 + 4 * better))))
        raw = np.array([probability], np.float32)
        prediction = DIAGNOSIS.decode(raw)
        assert isinstance(prediction, ClassPrediction)
        records.scores["diagnosis"][case] = DIAGNOSIS.score_case(label, prediction, None)
        value = ValuePrediction("size", {"size": Value(size + rng.normal() * (2 - better), "mm")})
        records.scores["size"][case] = SIZE.score_case({"size": size}, value, None)
        dice = float(np.clip(rng.normal(0.6 + 0.2 * better, 0.1), 0, 1))
        tp = round(area * dice)
        facts = {"lesion_tp": tp, "lesion_fp": area - tp, "lesion_fn": area - tp, "lesion_tn": 4096}
        records.scores["mask"][case] = CaseScores({"dice": CaseScore(dice)}, facts)
        for task, truth in (("diagnosis", label), ("size", {"size": size}), ("mask", area)):
            records.truths[task][case] = fingerprint(truth)
    return records, patients
