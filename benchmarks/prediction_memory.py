"""How much memory do `unet-mtl predict` and `overlay` take for large images and many classes?

    python benchmarks/prediction_memory.py [predict|overlay] [SET ...]

A set is `IMAGESxHEIGHTxWIDTHxCLASSES`, by default those of docs/benchmarks.md. For each number of classes, a small
network is trained for one epoch on random images of 64x64. Each set is written as JPEG files into a temporary folder,
and the command runs on it in a process of its own. Prints the peak resident memory of that process, TensorFlow
included, and the bytes per pixel of one image above the baseline, which is the peak for one image of 64x64.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import yaml  # noqa: E402
from PIL import Image  # noqa: E402

SETS = ("6x4000x6000x2", "24x4000x6000x2", "24x4000x6000x3", "2x5000x5000x25")
SIDE = 64
TRAINING_CASES = 8
COMMAND = "import sys; from unet_mtl.cli import main; sys.argv[0] = 'unet-mtl'; main()"


def main(command: str = "predict", *sets: str) -> None:
    """Run the benchmark."""
    print(
        f"{'images':>6} {'size':>11} {'classes':>7} {'s':>6} {'peak MB':>8} {'baseline MB':>11} {'B per pixel':>11}"
    )
    baselines: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in sets or SETS:
            images, height, width, classes = map(int, name.split("x"))
            folder = Path(temporary) / str(classes)
            if classes not in baselines:
                train(folder, classes)
                baselines[classes] = measure(command, folder, images=1, size=(SIDE, SIDE))[1]
            seconds, peak = measure(command, folder, images=images, size=(height, width))
            per_pixel = (peak - baselines[classes]) / (height * width)
            line = f"{images:6} {f'{height}x{width}':>11} {classes:7} {seconds:6.1f} {peak / 1e6:8.0f}"
            print(f"{line} {baselines[classes] / 1e6:11.0f} {per_pixel:11.1f}", flush=True)


def train(folder: Path, classes: int) -> None:
    """Train a small network on random images whose masks have stripes of all classes."""
    names = ["background", *(f"class {index}" for index in range(1, classes))]
    mask = np.repeat(np.arange(SIDE, dtype=np.uint8)[None] * classes // SIDE, SIDE, axis=0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for case in range(TRAINING_CASES):
        draw(case, (SIDE, SIDE)).save(folder / "images" / f"{case}.png")
        Image.fromarray(np.roll(mask, case, axis=1)).save(folder / "masks" / f"{case}.png")
    stripes = {"path": "masks/{case}.png", "classes": names}
    description = {"name": "stripes", "images": "images/{case}.png", "masks": {"stripes": stripes}}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description))
    config = {
        "data": ".",
        "tasks": [{"kind": "segmentation", "name": "stripes"}],
        "preprocess": {"size": [SIDE, SIDE]},
        "network": {"width": 4, "levels": 2},
        "training": {"epochs": 1, "batch_size": 4},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    run_command("train", folder / "config.yaml", "--run", folder / "run")


def draw(seed: int, size: tuple[int, int]) -> Image.Image:
    """Return a colour image of smooth random structures."""
    coarse = np.random.default_rng(seed).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    return Image.fromarray(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC))


def measure(command: str, folder: Path, *, images: int, size: tuple[int, int]) -> tuple[float, int]:
    """Return seconds and peak resident bytes of one `predict` or `overlay`."""
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "images"
        source.mkdir()
        draw(0, size).save(source / "0.jpg", quality=90)
        for index in range(1, images):
            (source / f"{index}.jpg").write_bytes((source / "0.jpg").read_bytes())
        return run_command(command, folder / "run", source, "--out", Path(temporary) / "out")


def run_command(*arguments: Path | str) -> tuple[float, int]:
    """Run `unet-mtl`, and return its seconds and its peak resident bytes."""
    started = time.perf_counter()
    words = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    with tempfile.TemporaryFile() as errors:
        command = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(command.pid, 0)
        command.returncode = os.waitstatus_to_exitcode(status)
        if command.returncode:
            errors.seek(0)
            raise SystemExit(
                f"{' '.join(words[3:])}: exit code {command.returncode}\n{errors.read().decode()}"
            )
    return time.perf_counter() - started, 1024 * usage.ru_maxrss


if __name__ == "__main__":
    main(*sys.argv[1:])
