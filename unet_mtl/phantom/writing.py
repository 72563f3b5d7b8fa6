"""Writes the sample set as a folder of images, masks, a table and a description."""

import csv
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from unet_mtl.errors import DataError
from unet_mtl.files import writing_folder
from unet_mtl.phantom.cases import PhantomCase, identify_case, make_case
from unet_mtl.phantom.texts import DATASET_YAML, Facts, readme

COLUMNS = ("case", "patient", "diagnosis", "lesion_diameter_mm", "pixel_spacing_mm", "age")
PALETTE = [0, 0, 0, 255, 200, 0, 0, 160, 255]  # background, lesion, posterior region as RGB
SMALLEST_SIZE = 64
MISSING_KEY = 2  # key of a random stream apart from those in cases.py
CHUNK = 16

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Job:
    folder: Path
    index: int
    seed: int
    size: tuple[int, int]
    lacks: frozenset[str]


def write_phantom(
    folder: Path,
    *,
    cases: int = 60,
    seed: int = 7,
    size: tuple[int, int] = (256, 256),
    missing_masks: float = 0.15,
    missing_diagnoses: float = 0.10,
    missing_diameters: float = 0.20,
    workers: int = 1,
    progress: Progress | None = None,
) -> None:
    """Write a synthetic breast-ultrasound-like data set, entirely or not at all.

    The same arguments give byte-identical files, independent of `workers`. The image, mask and labels of a case
    depend only on `seed`, `size` and its position; the choice of missing labels depends on the number of cases too.

    Args:
        folder: The folder to write; it must be absent or empty.
        cases: The number of cases (images), not of patients; 1 or more.
        seed: The seed of the set, 0 or more.
        size: (height, width) in pixels, each 64 or more, and neither more than twice the other.
        missing_masks: The share of cases without a mask file, 0..1.
        missing_diagnoses: The share of cases with an empty diagnosis cell, 0..1.
        missing_diameters: The share of the cases with a lesion that have an empty diameter cell, 0..1.
        workers: The number of processes, 1 or more.
        progress: A function that is called with (written cases, all cases) after each case.

    Raises:
        DataError: The folder is a file or is not empty.
        WriteError: The operating system refused a write; no files are left behind.
        ValueError: An argument is out of range.
    """
    shares = {
        "missing_masks": missing_masks,
        "missing_diagnoses": missing_diagnoses,
        "missing_diameters": missing_diameters,
    }
    _check(cases, seed, size, shares, workers)
    facts = Facts(cases, seed, size, **shares)
    _check_free(Path(folder))
    with writing_folder(Path(folder)) as partial:
        _write_files(partial, facts, workers, progress)


def _check(cases: int, seed: int, size: tuple[int, int], shares: dict[str, float], workers: int) -> None:
    if cases < 1:
        raise ValueError(f"`cases` is {cases}; expected 1 or more.")
    if seed < 0:
        raise ValueError(f"`seed` is {seed}; expected 0 or more.")
    if workers < 1:
        raise ValueError(f"`workers` is {workers}; expected 1 or more.")
    if len(size) != 2 or min(size) < SMALLEST_SIZE or max(size) > 2 * min(size):
        raise ValueError(
            f"`size` is {tuple(size)}; expected (height, width), each {SMALLEST_SIZE} or more and neither more than "
            "twice the other, such as (256, 256)."
        )
    for name, share in shares.items():
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"`{name}` is {share}; expected a share from 0 to 1, such as 0.1.")


def _check_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; choose a new folder.")
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(f"{folder} is not empty; choose a new folder, or delete the files in this one first.")


def _write_files(folder: Path, facts: Facts, workers: int, progress: Progress | None) -> None:
    for name in ("images", "masks"):
        (folder / name).mkdir()
    (folder / "dataset.yaml").write_text(DATASET_YAML, encoding="utf-8", newline="\n")
    (folder / "README.md").write_text(readme(facts), encoding="utf-8", newline="\n")
    with (folder / "cases.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)
        for done, row in enumerate(_rows(_jobs(folder, facts), workers), start=1):
            writer.writerow(row)
            if progress is not None:
                progress(done, facts.cases)


def _jobs(folder: Path, facts: Facts) -> Iterator[_Job]:
    missing = _choose_missing(facts)
    for index in range(facts.cases):
        lacks = frozenset(label for label, cases in missing.items() if index in cases)
        yield _Job(folder, index, facts.seed, facts.size, lacks)


def _choose_missing(facts: Facts) -> dict[str, set[int]]:
    """Choose the cases without each label; their shares are exact up to rounding."""
    rng = np.random.default_rng(np.random.SeedSequence(facts.seed, spawn_key=(MISSING_KEY, facts.cases)))
    all_cases = np.arange(facts.cases)
    lesions = np.array(
        [i for i in range(facts.cases) if identify_case(i, facts.seed).diagnosis != "normal"], dtype=int
    )
    groups = {
        "mask": (all_cases, facts.missing_masks),
        "diagnosis": (all_cases, facts.missing_diagnoses),
        "diameter": (lesions, facts.missing_diameters),
    }
    return {
        label: set(rng.permutation(group)[: round(share * len(group))].tolist())
        for label, (group, share) in groups.items()
    }


def _rows(jobs: Iterator[_Job], workers: int) -> Iterator[tuple[str, ...]]:
    if workers == 1:
        yield from map(_write_case, jobs)
        return
    # New interpreters, because a process that is forked from one with TensorFlow's threads can hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_write_case, jobs, chunksize=CHUNK)


def _write_case(job: _Job) -> tuple[str, ...]:
    """Write the files of one case and return its row of the table."""
    case = make_case(job.index, seed=job.seed, size=job.size)
    Image.fromarray(case.image).save(job.folder / "images" / f"{case.case}.png")
    if "mask" not in job.lacks:
        mask = Image.fromarray(case.mask)
        mask.putpalette(PALETTE)
        mask.save(job.folder / "masks" / f"{case.case}.png")
    return _row(case, job.lacks)


def _row(case: PhantomCase, lacks: frozenset[str]) -> tuple[str, ...]:
    known = case.lesion_diameter_mm is not None and "diameter" not in lacks
    return (
        case.case,
        case.patient,
        "" if "diagnosis" in lacks else case.diagnosis,
        f"{case.lesion_diameter_mm:.1f}" if known else "",
        f"{case.pixel_spacing_mm:.4f}",
        str(case.age),
    )
