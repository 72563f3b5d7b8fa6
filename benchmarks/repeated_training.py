"""Measures how much memory a process gains when it trains many times, beside plain Keras with the same network.

    python benchmarks/repeated_training.py [trainings]

Both train the same small network on the same 40 synthetic cases, `trainings` times (default: 30) in a process of their
own: `um.train` with a new run folder each time, and Keras' `fit` on arrays of the same cases. Printed is the resident
memory after trainings 5, 15 and 30, once Python's garbage is collected and the C library has returned free memory.
"""

import ctypes
import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

# Python searches the folder of the script first, and its metrics.py is not the package.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

EPOCHS, BATCH, SIZE = 2, 8, (64, 64)
MEASURED = (5, 15, 30)


def train_ours(folder: Path) -> Callable[[int], None]:
    """Return a function that trains with `um.train`."""
    import unet_mtl as um

    dataset = um.read_dataset(folder / "data")

    def train(number: int) -> None:
        um.train(
            dataset,
            [um.Segmentation(name="mask"), um.Classification(name="diagnosis")],
            folder / f"run{number}",
            preprocess={"size": SIZE, "channels": 1},
            network={"width": 4},
            training={"epochs": EPOCHS, "batch_size": BATCH},
            delivery={"cache": "memory"},
            progress=False,
        )

    return train


def train_keras(folder: Path) -> Callable[[int], None]:
    """Return a function that builds the same network, and trains it with Keras' own `compile` and `fit`."""
    import keras

    import unet_mtl as um
    from unet_mtl.batches.batches import Batches
    from unet_mtl.network import build_network
    from unet_mtl.nn.settings import NetworkSettings
    from unet_mtl.tasks import adapt_tasks

    dataset = um.read_dataset(folder / "data")
    tasks = adapt_tasks([um.Segmentation(name="mask"), um.Classification(name="diagnosis")], dataset)
    preprocess = um.Preprocess(size=SIZE, channels=1)
    batch = Batches(dataset, tasks, preprocess, batch_size=len(dataset)).make(0)

    def train(number: int) -> None:
        model = build_network(
            tasks,
            um.Inputs(),
            size=SIZE,
            channels=1,
            settings=NetworkSettings(width=4),
            precision="float32",
        )
        model.compile("adam", loss={task.name: task.loss() for task in tasks})
        inputs, targets, _ = batch
        model.fit(inputs, targets, validation_split=0.2, epochs=EPOCHS, batch_size=BATCH, verbose=0)
        model.save(folder / f"model{number}.keras")
        keras.utils.set_random_seed(number)

    return train


WAYS = {"unet_mtl": train_ours, "Keras": train_keras}


def memory_mb() -> float:
    """Return the resident memory of this process without garbage, in MB."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Run each way in a process of its own, and print a line for each."""
    if sys.argv[1:2] == ["--one"]:
        train = WAYS[sys.argv[2]](Path(sys.argv[3]))
        for number in range(1, int(sys.argv[4]) + 1):
            train(number)
            if number in MEASURED:
                print(f"MB {memory_mb():.1f}", flush=True)
        return
    from unet_mtl.phantom import write_phantom

    trainings = int(sys.argv[1]) if len(sys.argv) > 1 else MEASURED[-1]
    measured = [number for number in MEASURED if number <= trainings]
    print(f"{'':12}" + "".join(f"{f'after {number}':>12}" for number in measured) + f"{'growth':>12}")
    for name in WAYS:
        with tempfile.TemporaryDirectory() as folder:
            write_phantom(Path(folder) / "data", cases=40, size=SIZE)
            command = [sys.executable, __file__, "--one", name, folder, str(trainings)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{name}:\n{done.stderr}")
        memory = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("MB ")]
        print(
            f"{name:12}" + "".join(f"{mb:>9.0f} MB" for mb in [*memory, memory[-1] - memory[0]]), flush=True
        )


if __name__ == "__main__":
    main()
