"""How well is a length in millimetres learned: in pixels, from the predicted mask, or as a plain number?

    python benchmarks/circumference.py OUT [seeds] [key=value ...]

Trains on HC18 (head circumference in ultrasound) with the same seeds, splits, encoder and epochs:

- length: `measure: length` and the mask in one network, with zoom; the same network answers by `kind: measurement`,
  the perimeter of the ellipse of its predicted mask;
- plain: the number in mm and the mask, with the column of the pixel size as input and without zoom (recipes/hc18.yaml);
- plain, zoomed: the same with the augmentation of the first network, in which the label does not follow.

Prints for each answer and seed the mean absolute error on the test split with its 95 % interval over patients, n, the
paired difference to the plain number, and the minutes of the training. Overrides such as `training.epochs=2` apply to
all trainings.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import metrics  # noqa: E402
import unet_mtl as um  # noqa: E402

RECIPES = Path(__file__).parent / "recipes"
PLAIN = "plain number"


def trainings(overrides: tuple[str, ...]) -> dict[str, um.Config]:
    """Return the config of each training, the plain number first."""
    plain = um.load_config(RECIPES / "hc18.yaml", overrides)
    length = um.load_config(RECIPES / "hc18_length.yaml", overrides)
    zoomed = plain.model_copy(update={"augment": length.augment, "preprocess": length.preprocess})
    return {PLAIN: plain, "length": length, "plain number, zoomed": zoomed}


def measure(config: um.Config, folder: Path) -> tuple[um.Dataset, dict[str, Mapping[str, float]], float]:
    """Train and evaluate; return the data set, absolute errors by task and case, and the minutes of training."""
    dataset = um.read_dataset(config.data)
    start = time.perf_counter()
    um.train(dataset, config.tasks, folder, **config.arguments(), progress=False)
    minutes = (time.perf_counter() - start) / 60
    cases = um.evaluate(folder, progress=False).cases.set_index("case")
    tasks = [task.name for task in config.tasks if f"{task.name}_absolute_error" in cases]
    return dataset, {name: cases[f"{name}_absolute_error"].to_dict() for name in tasks}, minutes


def describe(errors: Mapping[str, float], first: Mapping[str, float], patients: Mapping[str, str]) -> str:
    """Return the mean error with its interval, and the paired difference to the errors of the first answer."""
    summary = metrics.summarise(list(errors.values()), [patients[case] for case in errors])
    words = f"{summary.mean:6.2f} mm [{summary.low:.2f}, {summary.high:.2f}], n={summary.n}"
    words += f", {summary.n_undefined} undefined" if summary.n_undefined else ""
    if errors is first:
        return words
    same = [case for case in first if first[case] == first[case] and errors[case] == errors[case]]
    paired = metrics.compare_paired(
        [first[case] for case in same], [errors[case] for case in same], [patients[case] for case in same]
    )
    return f"{words}; minus plain {paired.difference:.2f} [{paired.low:.2f}, {paired.high:.2f}]"


def main(out: str, *arguments: str) -> None:
    """Run the benchmark."""
    seeds = [int(argument) for argument in arguments if argument.isdigit()] or [1]
    overrides = tuple(argument for argument in arguments if not argument.isdigit())
    names = {"circumference": "{}", "measured": "{}: ellipse of the predicted mask"}
    for seed in range(7, 7 + seeds[0]):
        first: Mapping[str, float] = {}
        for name, config in trainings((*overrides, f"seed={seed}")).items():
            folder = Path(out) / f"{name.replace(' ', '_').replace(',', '')}_seed{seed}"
            dataset, by_task, minutes = measure(config, folder)
            patients = {record.case: record.patient for record in dataset}
            first = first or by_task["circumference"]
            for task, errors in by_task.items():
                words = describe(errors, first, patients)
                print(
                    f"seed {seed}  {names[task].format(name):38} {words}; {minutes:.1f} minutes", flush=True
                )


if __name__ == "__main__":
    main(*sys.argv[1:])
