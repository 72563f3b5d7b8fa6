"""How many images per second does the input pipeline deliver, compared with PyTorch and MONAI?

    pip install -e ".[peers]"
    python benchmarks/pipeline.py [rounds] [images]

Each candidate delivers batches of 8 images of 256x256 with a mask after the same five albumentations transforms, with
two workers, from PNG files or from its cache. "Cold" files are removed from the page cache before every pass. Every
candidate runs in a separate process, in turn within each round, so that other load affects all of them. The medians
over rounds are printed: images per second, the ratio to the corresponding candidate of this package, processor
milliseconds per image (including worker processes), and the memory of the process and its workers (PSS, which counts
shared pages once), of which "for data" excludes the imported libraries. All candidates deliver uint8, since floats
would have four times the bytes. Libraries that are not installed are skipped and named.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

SIZE, BATCH, WORKERS = 256, 8, 2
ENOUGH_SECONDS = 4.0
STEPS: list[dict[str, dict[str, Any]]] = [
    {"HorizontalFlip": {"p": 0.5}},
    {"VerticalFlip": {"p": 0.5}},
    {"Affine": {"scale": [0.85, 1.15], "translate_percent": [-0.06, 0.06], "rotate": [-12, 12], "p": 0.7}},
    {"RandomBrightnessContrast": {"p": 0.5}},
    {"GaussNoise": {"p": 0.3}},
]
Pass = Callable[[], Iterable[Any]]


def write_files(folder: Path, n: int) -> None:
    """Write smooth colours with some noise as PNG files of about 100 KiB."""
    rng = np.random.default_rng(0)
    for part in ("images", "masks"):
        (folder / part).mkdir()
    for i in range(n):
        coarse = rng.integers(0, 256, (8, 8, 3)).astype(np.float32)
        image = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        noisy = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / "images" / f"{i:05}.png"), noisy)
        cv2.imwrite(str(folder / "masks" / f"{i:05}.png"), (image[..., 0] > 128).astype(np.uint8))


def forget(folder: Path) -> None:
    """Ask the system to drop the files from its page cache."""
    for path in folder.rglob("*.png"):
        with path.open("rb") as stream:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make_albumentations() -> Any:
    """Return the transforms as PyTorch users write them."""
    import albumentations

    return albumentations.Compose(
        [
            getattr(albumentations, name)(
                **{
                    key: tuple(value) if isinstance(value, list) else value
                    for key, value in arguments.items()
                }
            )
            for step in STEPS
            for name, arguments in step.items()
        ]
    )


def ours(cache: str, *, bare: bool = False) -> Callable[[Path], Pass]:
    """Deliver what `fit` receives; with `bare`, the arrays before they become tensors."""

    def make(folder: Path) -> Pass:
        from unet_mtl import Preprocess, Segmentation, read_dataset
        from unet_mtl.batches.augment.augment import Augment
        from unet_mtl.batches.batches import Batches
        from unet_mtl.batches.cache.array_cache import Cache
        from unet_mtl.batches.cache.settings import Delivery
        from unet_mtl.batches.feed import feed
        from unet_mtl.data.description import make_description

        mask = {"path": "masks/{case}.png", "classes": ["background", "spot"]}
        description = {"images": "images/{case}.png", "masks": {"spot": mask}}
        dataset = read_dataset(make_description(description, base=folder, where="benchmark"))
        delivery = Delivery.model_validate({"cache": cache, "cache_folder": folder / "cache"})
        batches = Batches(
            dataset,
            [Segmentation(name="spot").adapt(dataset)],
            Preprocess(size=(SIZE, SIZE)),
            batch_size=BATCH,
            augment=Augment(STEPS),
            shuffle=True,
            workers=WORKERS,
            cache=None if cache == "off" else Cache(delivery),
            image_type="uint8",
        )
        fed = None if bare else feed(batches)

        def one_pass() -> Iterator[Any]:
            yield from (batches[i] for i in range(len(batches))) if fed is None else fed
            batches.epoch += 1

        return one_pass

    return make


def torch_loader(*, in_memory: bool) -> Callable[[Path], Pass]:
    """Deliver from a Dataset of decoded arrays or files with two persistent worker processes."""

    def make(folder: Path) -> Pass:
        import torch

        steps, paths = make_albumentations(), sorted((folder / "images").iterdir())
        kept = [read_pair(path) for path in paths] if in_memory else None

        class Pairs(torch.utils.data.Dataset):
            def __len__(self) -> int:
                return len(paths)

            def __getitem__(self, index: int) -> Any:
                image, mask = kept[index] if kept else read_pair(paths[index])
                moved = steps(image=image, mask=mask)
                return torch.from_numpy(moved["image"]), torch.from_numpy(moved["mask"])

        loader = torch.utils.data.DataLoader(
            Pairs(), BATCH, shuffle=True, num_workers=WORKERS, persistent_workers=True
        )
        return lambda: loader

    return make


def monai_cache(folder: Path) -> Pass:
    """Deliver from a CacheDataset of decoded arrays with wrapped random transforms in MONAI's DataLoader."""
    import torch
    from monai.data import CacheDataset, DataLoader
    from monai.transforms import Compose, RandomizableTransform, Transform

    class Read(Transform):
        def __call__(self, path: Path) -> Any:
            return dict(zip(("image", "mask"), read_pair(path), strict=True))

    class Steps(RandomizableTransform):
        def __init__(self) -> None:
            super().__init__()
            self.steps = make_albumentations()

        def __call__(self, data: Any) -> Any:
            return {name: torch.from_numpy(array) for name, array in self.steps(**data).items()}

    files = sorted((folder / "images").iterdir())
    data = CacheDataset(files, Compose([Read(), Steps()]), num_workers=WORKERS, progress=False)
    loader = DataLoader(data, batch_size=BATCH, shuffle=True, num_workers=WORKERS, persistent_workers=True)
    return lambda: loader


def read_pair(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read image and mask with OpenCV, the fastest reader."""
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return image, cv2.imread(str(path.parent.parent / "masks" / path.name), cv2.IMREAD_GRAYSCALE)


CONTENDERS: dict[str, tuple[str, Callable[[Path], Pass]]] = {
    "unet_mtl, cold files": ("files", ours("off")),
    "torch DataLoader, cold files": ("files", torch_loader(in_memory=False)),
    "unet_mtl, cache in memory": ("kept", ours("memory")),
    "unet_mtl, cache on disk": ("kept", ours("disk")),
    "unet_mtl, cache in memory, arrays": ("kept", ours("memory", bare=True)),
    "torch DataLoader, arrays in memory": ("kept", torch_loader(in_memory=True)),
    "MONAI CacheDataset": ("kept", monai_cache),
}
REFERENCES = {"files": "unet_mtl, cold files", "kept": "unet_mtl, cache in memory"}


def processes() -> list[int]:
    """Return this process and its workers."""
    own = os.getpid()
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    return [own, *map(int, children)]


def memory_mib() -> float:
    """Return the PSS of this process and its workers in bytes."""
    total = 0
    for process in processes():
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


def processor_seconds() -> float:
    """Return the processor seconds of this process and its living workers."""
    ticks = 0
    for process in processes()[1:]:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


def measure(name: str, folder: Path) -> dict[str, float]:
    """Run one candidate in this process: one pass to warm up, then passes for a minimum time."""
    kind, make = CONTENDERS[name]
    if name.startswith("unet_mtl"):
        import tensorflow  # noqa: F401
    else:
        import torch  # noqa: F401
    make_albumentations()
    before = memory_mib()
    one_pass = make(folder)
    for _ in one_pass():
        pass
    n, seconds, cpu, most = 0, 0.0, 0.0, 0.0
    while seconds < ENOUGH_SECONDS:
        if kind == "files":
            forget(folder)
        began, began_cpu = time.perf_counter(), processor_seconds()
        for index, batch in enumerate(one_pass()):
            n += len(_images(batch))
            if index == 5:
                paused = time.perf_counter()
                most = max(most, memory_mib())
                began += time.perf_counter() - paused
        seconds += time.perf_counter() - began
        cpu += processor_seconds() - began_cpu
    return {"rate": n / seconds, "cpu": 1000 * cpu / n, "memory": most, "data": most - before}


def _images(batch: Any) -> Any:
    first = batch[0] if isinstance(batch, tuple | list) else batch
    return first["image"] if isinstance(first, dict) else first


def main() -> None:
    """Run every candidate in every round and print the table."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]))))
        return
    rounds, n = (int(sys.argv[i]) if len(sys.argv) > i else usual for i, usual in ((1, 3), (2, 400)))
    names = [name for name in CONTENDERS if _is_there(name)]
    for name in CONTENDERS:
        if name not in names:
            print(f"{name}: not installed, left out")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), n)
        for _ in range(rounds):
            for name in names:
                found[name].append(_in_own_process(name, folder))
    print(f"{n} images, {rounds} rounds, {WORKERS} workers\n")
    print(f"{'':36}{'images/s':>10}{'ratio':>8}{'CPU ms':>8}{'MiB':>7}{'for data':>10}")
    for name in names:
        reference = found[REFERENCES[CONTENDERS[name][0]]]
        ratio = statistics.median(
            own["rate"] / other["rate"] for own, other in zip(found[name], reference, strict=True)
        )
        rate, cpu, memory, data = (
            statistics.median(run[key] for run in found[name]) for key in ("rate", "cpu", "memory", "data")
        )
        print(f"{name:36}{rate:>10.0f}{ratio:>8.2f}{cpu:>8.2f}{memory:>7.0f}{data:>10.0f}")


def _is_there(name: str) -> bool:
    needed = {"torch": ["torch"], "MONAI": ["torch", "monai"]}.get(name.split()[0], [])
    return all(find_spec(module) for module in needed)


def _in_own_process(name: str, folder: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", name, folder]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "NO_ALBUMENTATIONS_UPDATE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{name}:\n{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    main()
