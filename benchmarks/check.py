"""How much time and memory does `unet-mtl check` take for many small images?

    python benchmarks/check.py OUT [CASES ...]

Writes phantom data of 64x64 (10,000 and 100,000 cases by default; existing folders are reused), checks each set in a
separate process, and prints the time and the peak memory of that process, and both per case relative to the first
set.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

from unet_mtl.phantom import write_phantom  # noqa: E402

SIZE = (64, 64)
CHECK = "import sys; from unet_mtl.cli import main; sys.argv = ['unet-mtl', 'check', sys.argv[1]]; main()"


def main(out: str, *counts: str) -> None:
    """Run the benchmark."""
    print(
        f"{'cases':>8} {'write s':>8} {'check s':>8} {'ms a case':>10} {'peak MB':>8} {'KB a case':>10}  exit code"
    )
    for cases in [int(count) for count in counts] or [10_000, 100_000]:
        folder = Path(out) / str(cases)
        started = time.perf_counter()
        if not folder.is_dir():
            write_phantom(folder, cases=cases, size=SIZE, workers=os.cpu_count() or 1)
        written = time.perf_counter() - started
        seconds, peak, code = measure(folder)
        line = f"{cases:8,} {written:8.0f} {seconds:8.1f} {1000 * seconds / cases:10.2f}"
        print(f"{line} {peak / 1e6:8.0f} {peak / 1e3 / cases:10.1f}  {code}", flush=True)


def measure(folder: Path) -> tuple[float, int, int]:
    """Return seconds, peak resident bytes and exit code of one check; its output is written to `folder`.txt."""
    started = time.perf_counter()
    with folder.with_suffix(".txt").open("w") as report:
        check = subprocess.Popen(
            [sys.executable, "-c", CHECK, str(folder)], stdout=report, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(check.pid, 0)
    return time.perf_counter() - started, 1024 * usage.ru_maxrss, os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
