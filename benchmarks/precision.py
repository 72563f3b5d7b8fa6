"""Does bfloat16 reach the same scores as float32, and how much faster is it?

    python benchmarks/precision.py CONFIG OUT [key=value ...]

Trains the config once in each precision with the same seed, evaluates both networks on the test split, and prints the
headline scores with their 95 % intervals, and the ratio of the median seconds per epoch.
"""

import sys
from pathlib import Path

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import unet_mtl as um  # noqa: E402

PRECISIONS = ("float32", "mixed_bfloat16")


def main(config_path: str, out: str, *overrides: str) -> None:
    """Run the benchmark."""
    runs, evaluations = {}, {}
    for precision in PRECISIONS:
        config = um.load_config(config_path, [*overrides, f"precision={precision}"])
        dataset = um.read_dataset(config.data)
        runs[precision] = um.train(
            dataset, config.tasks, Path(out) / precision, **config.arguments(), progress=False
        )
        evaluations[precision] = um.evaluate(runs[precision], progress=False)
    seconds = {precision: run.read_history()["seconds"].median() for precision, run in runs.items()}
    float32, bfloat16 = (evaluations[precision].scores for precision in PRECISIONS)
    for (_, a), (_, b) in zip(float32.iterrows(), bfloat16.iterrows(), strict=True):
        if a["headline"]:
            words = [f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" for row in (a, b)]
            print(
                f"{a['task']:10} {a['score']:40} float32 {words[0]:24} bfloat16 {words[1]:24} n={a['n']} and {b['n']}"
            )
    print(
        f"median seconds an epoch: float32 {seconds['float32']:.2f}, bfloat16 {seconds['mixed_bfloat16']:.2f}, "
        f"ratio {seconds['float32'] / seconds['mixed_bfloat16']:.2f}"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
