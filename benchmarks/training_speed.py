"""How fast is a training step, beside the same step in PyTorch?

    python benchmarks/training_speed.py --torch PYTHON [--rounds 3] [--steps 8] [--size 256] [--only NAME ...]

PYTHON is an interpreter with the packages that benchmarks/torch_peers.py names. Every way trains a mask of two classes
and a class on one batch of 8 random grey images: forward, losses, backward, optimizer. Each is a process of its own,
the ways take turns for some rounds, and the first two steps are not counted. bfloat16 is measured where the processor
has it in hardware. Prints images per second (median of the steps, median and range over rounds), CPU milliseconds per
image, and the ratio to `unet_mtl plain float32` within each round.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
HERE = Path(__file__).resolve().parent
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != HERE]

import numpy as np  # noqa: E402

BATCH = 8
OURS = ("plain", "efficientnet_lite0")
THEIRS = ("plain", "monai", "pretrained")
REFERENCE = "unet_mtl plain float32"


def ways() -> list[str]:
    """Return the names of all ways that this machine can measure."""
    flags = Path("/proc/cpuinfo").read_text()
    precisions = ["float32", *(["bfloat16"] if "avx512_bf16" in flags or "amx_bf16" in flags else [])]
    names = [f"unet_mtl {encoder} {precision}" for precision in precisions for encoder in OURS]
    names += [f"torch {network} {precision}" for precision in precisions for network in THEIRS]
    return names + [f"torch-compiled plain {precision}" for precision in precisions]


def our_step(encoder: str, precision: str, size: int) -> Callable[[], Any]:
    """Return one step of unet_mtl's trainer."""
    import unet_mtl as um
    from unet_mtl.network import build_network
    from unet_mtl.nn.settings import NetworkSettings
    from unet_mtl.training.trainer import MultiTaskTrainer

    tasks = [
        um.Segmentation(name="mask", classes=("background", "lesion")),
        um.Classification(name="label", classes=("benign", "malignant")),
    ]
    policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    network = build_network(
        tasks,
        size=(size, size),
        channels=1,
        settings=NetworkSettings(encoder=encoder, width=16),
        precision=policy,
    )
    trainer = MultiTaskTrainer(network, tasks)
    trainer.compile(optimizer="adamw", jit_compile=False)
    rng = np.random.default_rng(0)
    targets = {
        "mask": rng.integers(0, 2, (BATCH, size, size)).astype(np.uint8),
        "label": (np.arange(BATCH) % 2).astype(np.int32),
    }
    weights = {task.name: np.ones(BATCH, np.float32) for task in tasks}
    images = {"image": rng.integers(0, 256, (BATCH, size, size, 1)).astype(np.uint8)}
    return lambda: trainer.train_on_batch(images, targets, weights)


def torch_step(way: str, network_name: str, precision: str, size: int) -> Callable[[], Any]:
    """Return one step of a PyTorch training."""
    sys.path.append(str(HERE))
    import torch
    import torch_peers

    torch.manual_seed(0)
    network: Any = torch_peers.NETWORKS[network_name](1, 2, 2, 0).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters())
    run = torch.compile(network) if way == "torch-compiled" else network
    images = torch.rand(BATCH, 1, size, size).contiguous(memory_format=torch.channels_last)
    masks, labels = torch.randint(0, 2, (BATCH, size, size)), torch.arange(BATCH) % 2

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            mask, label, _ = run(images)
        loss = torch_peers.mask_loss(mask.float(), masks)
        loss = loss + torch.nn.functional.cross_entropy(label.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def measure(name: str, steps: int, size: int) -> None:
    """Time one way in this process; print images per second and CPU milliseconds per image."""
    way, network, precision = name.split()
    step = (
        our_step(network, precision, size) if way == "unet_mtl" else torch_step(way, network, precision, size)
    )
    for _ in range(2):
        step()
    seconds, cpu = [], time.process_time()
    for _ in range(steps):
        began = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - began)
    cpu = time.process_time() - cpu
    print(f"measured {BATCH / statistics.median(seconds)} {1000 * cpu / steps / BATCH}")


def main() -> None:
    """Run the benchmark, or one way of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        measure(options.way, options.steps, options.size)
        return
    rates: dict[str, list[float]] = {}
    costs: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for name in ways() if options.only is None else options.only:
            python = sys.executable if name.startswith("unet_mtl") else options.torch
            arguments = ["--torch", options.torch, "--steps", str(options.steps), "--size", str(options.size)]
            environment = dict(os.environ)
            if python == options.torch:
                environment.pop("PYTHONPATH", None)
            done = subprocess.run(
                [python, __file__, *arguments, "--way", name],
                check=True,
                capture_output=True,
                text=True,
                env=environment,
            )
            (line,) = (text for text in done.stdout.splitlines() if text.startswith("measured "))
            _, rate, cost = line.split()
            rates.setdefault(name, []).append(float(rate))
            costs.setdefault(name, []).append(float(cost))
    for name, values in rates.items():
        line = f"{name:36} {statistics.median(values):6.2f} images/s [{min(values):.2f}, {max(values):.2f}]"
        line += f"  CPU {statistics.median(costs[name]):6.0f} ms an image"
        if REFERENCE in rates:
            ratios = [its / ours for its, ours in zip(values, rates[REFERENCE], strict=True)]
            line += f"  ratio {statistics.median(ratios):.2f}"
        print(line)


if __name__ == "__main__":
    main()
