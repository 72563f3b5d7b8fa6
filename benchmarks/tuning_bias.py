"""The bias of scores at a threshold that was chosen on the same cases, in a simulation without any training.

Each repetition draws validation and test cases from one model: two classes with normal logits, and a network
with probabilities that are too certain. `choose_threshold` chooses the threshold of an aim on validation, and again on
test. Both thresholds are measured on test, and their true scores follow from the normal distributions. The bias is the
mean of (score on test - true score).

    python benchmarks/tuning_bias.py
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import metrics  # noqa: E402
from unet_mtl.decisions.aims import Aim, Candidates  # noqa: E402
from unet_mtl.decisions.thresholds import choose_threshold  # noqa: E402

PREVALENCE, SEPARATION, OVERCONFIDENCE = 0.3, 1.5, 2.0
AIMS = (Aim("f1"), Aim("youden"), Aim("sensitivity", 0.9))
PRIOR = float(np.log(PREVALENCE / (1 - PREVALENCE)))


def draw(rng: np.random.Generator, n: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return labels and probabilities of n cases."""
    truth = rng.random(n) < PREVALENCE
    logits = rng.normal(SEPARATION * truth - SEPARATION / 2, 1) + PRIOR
    return truth, expit(OVERCONFIDENCE * logits).astype(np.float32)


def score(truth: NDArray[np.bool_], shown: NDArray[np.float32], threshold: float, aim: Aim) -> float:
    """Return the score of the aim at a threshold; for a least sensitivity, that sensitivity itself."""
    positive = shown >= np.float32(threshold)
    n_true, n_found, tp = truth.sum(), positive.sum(), (truth & positive).sum()
    counts = metrics.Counts(tp, n_found - tp, n_true - tp, truth.size - n_true - n_found + tp)
    candidates = Candidates.of_set(counts)
    return float(candidates.sensitivity if aim.least else aim.values(candidates))


def true_score(threshold: float, aim: Aim) -> float:
    """Return the same score of infinitely many cases."""
    cut = logit(threshold) / OVERCONFIDENCE - PRIOR
    sensitivity, false_positive = norm.sf(cut - SEPARATION / 2), norm.sf(cut + SEPARATION / 2)
    if aim.least:
        return float(sensitivity)
    if aim.kind == "youden":
        return float(sensitivity - false_positive)
    tp, fp = PREVALENCE * sensitivity, (1 - PREVALENCE) * false_positive
    return float(2 * tp / (tp + fp + PREVALENCE))


def simulate(aim: Aim, n: int, repeats: int, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """Return score on test minus true score, by the split that the threshold was chosen on."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[float]] = {"validation": [], "test": []}
    for _ in range(repeats):
        splits = {name: draw(rng, n) for name in rows}
        for name, cases in splits.items():
            choice = choose_threshold(*cases, aim, 0.5)
            if choice is not None:
                measured = score(*splits["test"], choice.threshold, aim)
                rows[name].append(measured - true_score(choice.threshold, aim))
    return {name: np.array(values) for name, values in rows.items()}


def main() -> None:
    """Print the table of docs/operating_points.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--cases", type=int, nargs="+", default=[40, 100, 400])
    arguments = parser.parse_args()
    print(f"{arguments.repeats} repetitions; bias on test, with its Monte-Carlo standard error\n")
    print("| aim | score | cases in each split | threshold chosen on validation | threshold chosen on test |")
    print("|---|---|---|---|---|")
    for aim in AIMS:
        for n in arguments.cases:
            cells = [
                f"{values.mean():+.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"
                for values in simulate(aim, n, arguments.repeats).values()
            ]
            print(f"| {aim} | {aim.kind} | {n} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
