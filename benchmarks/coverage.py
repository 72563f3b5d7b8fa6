"""Measures how often 95 % intervals contain the truth: score x number of patients, old and new method.

    python benchmarks/coverage.py [repetitions] [score]

Each repetition draws a test set of patients with 1 to 3 images, whose results resemble each other within a patient
(40 % of the variance on the scale of the table below). "percentile" is the percentile bootstrap over patients, "ours"
the method that `evaluate` uses for a score of this kind; both are called as users call them. The columns are the
coverage in percent and its Monte Carlo standard error. New methods get `repetitions` (default: 2000), the bootstraps of
means a quarter of it, and those of AUROC and F1 an eighth, with 300 resamples each. With a word as second argument,
only scores with this text in their name are measured.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Python searches the folder of the script first, and its metrics.py is not the package.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import metrics  # noqa: E402
from metrics.bootstrap import Method  # noqa: E402

Values = NDArray[np.float64]
Interval = Callable[..., tuple[float, float]]
Draw = Callable[[np.random.Generator, NDArray[np.intp]], Values]

PATIENTS = (10, 20, 50, 100)
COMMON = 0.4  # share of the variance that the images of a patient have in common
RESAMPLES = 300


def draw_patients(rng: np.random.Generator, n: int) -> NDArray[np.intp]:
    """Return the patient of each image."""
    return np.repeat(np.arange(n), rng.integers(1, 4, n))


def draw_normal(rng: np.random.Generator, patients: NDArray[np.intp]) -> Values:
    """Return standard normal numbers that are correlated within a patient."""
    of_patients = rng.normal(size=patients.max() + 1)[patients]
    return np.sqrt(COMMON) * of_patients + np.sqrt(1 - COMMON) * rng.normal(size=patients.size)


def draw_dice(rng: np.random.Generator, patients: NDArray[np.intp]) -> Values:
    """Return skewed numbers near 1, with a mean of 1 - 1.2 / 9.2."""
    of_patients = rng.beta(1.2, 8, size=patients.max() + 1)[patients]
    return 1 - 0.7 * of_patients - 0.3 * rng.beta(1.2, 8, size=patients.size)


def draw_dice_with_misses(rng: np.random.Generator, patients: NDArray[np.intp]) -> Values:
    """Return the same, with 5 % of zeros."""
    return np.where(rng.random(patients.size) < 0.05, 0.0, draw_dice(rng, patients))


def draw_share(truth: float) -> Draw:
    """Return a function that draws right and wrong answers."""
    from scipy.stats import norm

    return lambda rng, patients: (draw_normal(rng, patients) < norm.ppf(truth)).astype(np.float64)


MEANS: dict[str, tuple[Draw, float, tuple[float, float]]] = {
    "Dice, mean 0.87": (draw_dice, 1 - 1.2 / 9.2, (0, 1)),
    "Dice, with 5 % of zeros": (draw_dice_with_misses, 0.95 * (1 - 1.2 / 9.2), (0, 1)),
    "absolute error, half-normal": (
        lambda rng, patients: abs(draw_normal(rng, patients)),
        float(np.sqrt(2 / np.pi)),
        (0, np.inf),
    ),
    "distance, log-normal": (
        lambda rng, patients: np.exp(draw_normal(rng, patients)),
        float(np.exp(0.5)),
        (0, np.inf),
    ),
    "signed error, normal": (draw_normal, 0.0, (-np.inf, np.inf)),
    **{f"accuracy {truth}": (draw_share(truth), truth, (0, 1)) for truth in (0.85, 0.95, 0.99)},
}


def cover_mean(name: str, repetitions: int, method: Method, n: int) -> list[bool]:
    """Return whether the interval of each repetition contains the mean."""
    draw, truth, limits = MEANS[name]
    rng, found = np.random.default_rng(n), []
    for _ in range(repetitions):
        patients = draw_patients(rng, n)
        values = draw(rng, patients)
        summary = metrics.summarise(values, patients, resamples=RESAMPLES, method=method, limits=limits)
        found.append(summary.low <= truth <= summary.high)
    return found


def cover_set(
    repetitions: int, truth: float, separation: float, seed: int, way: Interval, n: int
) -> list[bool]:
    """Return whether the interval of each test set with both classes contains the truth; a third is positive."""
    rng, found = np.random.default_rng([n, seed]), []
    while len(found) < repetitions:
        patients = draw_patients(rng, n)
        positive = rng.random(n) < 1 / 3
        if not 2 <= positive.sum() <= n - 2:
            continue
        y_true = positive[patients].astype(int)
        low, high = way(y_true, draw_normal(rng, patients) + separation * y_true, patients)
        found.append(low <= truth <= high)
    return found


def resample(score: Callable[[Any, Any], float], method: Method) -> Interval:
    """Return a function that bootstraps the score."""

    def interval(y_true: Values, scores: Values, patients: NDArray[np.intp]) -> tuple[float, float]:
        return metrics.bootstrap_interval(
            lambda cases: {"score": score(y_true[cases], scores[cases])},
            patients,
            resamples=RESAMPLES,
            method=method,
        )["score"]

    return interval


def f1_at(threshold: float) -> Callable[[Any, Any], float]:
    """Return the F1 of the positive class at a threshold of the scores."""

    def score(y_true: Values, scores: Values) -> float:
        called = scores >= threshold
        hits = np.count_nonzero(called & (y_true == 1))
        return 2 * hits / max(np.count_nonzero(called) + np.count_nonzero(y_true), 1)

    return score


def describe(found: list[bool]) -> str:
    """Return coverage and standard error in percent."""
    share = float(np.mean(found))
    return f"{100 * share:.1f} ± {100 * np.sqrt(max(share * (1 - share), 1e-4) / len(found)):.1f}"


def print_row(name: str, method: str, cover: Callable[[int], list[bool]]) -> None:
    """Print a row of the table, if the score was asked for."""
    if not all(word in name for word in sys.argv[2:]):
        return
    print(f"| {name} | {method} | " + " | ".join(describe(cover(n)) for n in PATIENTS) + " |", flush=True)


def main() -> None:
    """Print the table in Markdown."""
    from scipy.stats import norm

    new = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print("| score | method | " + " | ".join(f"{n} patients" for n in PATIENTS) + " |")
    print("|---|---|" + "---|" * len(PATIENTS))
    for name in MEANS:
        print_row(name, "percentile", partial(cover_mean, name, max(new // 4, 1), "percentile"))
        print_row(name, "ours", partial(cover_mean, name, new, "t"))
    few = max(new // 8, 1)
    for truth in (0.8, 0.9, 0.95):
        old, ours = resample(metrics.auroc, "percentile"), metrics.auroc_interval
        apart = float(np.sqrt(2) * norm.ppf(truth))
        print_set_rows(f"AUROC {truth}", truth, apart, round(1000 * truth), (old, few), (ours, new))
    # With a separation of 2 and a threshold of 1, sensitivity and specificity are 0.841.
    right = float(norm.cdf(1))
    truth = 2 * right / (2 * right + (1 - right) + 2 * (1 - right))
    old, ours = resample(f1_at(1), "percentile"), resample(f1_at(1), "expanded")
    print_set_rows(f"F1 {truth:.2f}", truth, 2.0, 0, (old, few), (ours, few))


def print_set_rows(
    name: str, truth: float, separation: float, seed: int, *ways: tuple[Interval, int]
) -> None:
    """Print a row for the old and the new method, each with its number of repetitions."""
    for method, (way, repetitions) in zip(("percentile", "ours"), ways, strict=True):
        print_row(name, method, partial(cover_set, repetitions, truth, separation, seed, way))


if __name__ == "__main__":
    main()
