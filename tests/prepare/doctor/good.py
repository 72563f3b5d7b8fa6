"""The good data set: forty phantom cases of thirty patients, without an error or a warning."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from unet_mtl.phantom import write_phantom
from unet_mtl.phantom.cases import identify_case

N_CASES, SEED = 40, 7
SIZE = (88, 72)
"""Height and width; not square, so that a rotation shows."""

DESCRIPTION = """\
name: good
synthetic: true
table: cases.csv
patient: patient
images: images/{case}.png
masks:
  mask:
    path: masks/{case}.png
    classes: [background, lesion, posterior region]
columns:
  diagnosis: {classes: [normal, benign, malignant]}
  lesion_diameter_mm: {unit: mm}
  age: {unit: years}
spacing_mm: pixel_spacing_mm
"""

CONFIG = """\
data: .
split: {stratify: [diagnosis, age]}
tasks:
  - {kind: segmentation, name: mask}
  - {kind: classification, name: diagnosis}
  - {kind: regression, name: size, target: lesion_diameter_mm}
"""

_PEOPLE = [identify_case(index, SEED) for index in range(N_CASES)]
CASES = [f"case_{index + 1:04d}" for index in range(N_CASES)]
DIAGNOSIS = {case: person.diagnosis for case, person in zip(CASES, _PEOPLE, strict=True)}
PATIENT = {case: person.patient for case, person in zip(CASES, _PEOPLE, strict=True)}


def cases_of(*diagnoses: str) -> list[str]:
    """Return the cases with one of these diagnoses; the masks of normal cases are empty."""
    return [case for case in CASES if DIAGNOSIS[case] in diagnoses]


LESIONS = cases_of("benign", "malignant")


def write_good(folder: Path) -> None:
    """Write the good data set into a new folder."""
    write_phantom(
        folder,
        cases=N_CASES,
        seed=SEED,
        size=SIZE,
        missing_masks=0,
        missing_diagnoses=0,
        missing_diameters=0,
    )
    (folder / "dataset.yaml").write_text(DESCRIPTION)
    (folder / "config.yaml").write_text(CONFIG)


def copy_good(good: Path, folder: Path) -> Path:
    """Copy the good data set, so that a test can break the copy."""
    return Path(shutil.copytree(good, folder))


def image_path(folder: Path, case: str) -> Path:
    return folder / "images" / f"{case}.png"


def mask_path(folder: Path, case: str) -> Path:
    return folder / "masks" / f"{case}.png"


def read_pixels(path: Path) -> Any:
    """Return the pixels as stored: grey values, or indices of a palette."""
    with Image.open(path) as stored:
        return np.asarray(stored).copy()


def write_pixels(path: Path, pixels: Any) -> None:
    Image.fromarray(pixels).save(path)


def change_table(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame | None]) -> None:
    """Change the table in place, or replace it by the returned one; its index is the case."""
    path = folder / "cases.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False).set_index("case", drop=False)
    changed = change(table)
    (table if changed is None else changed).to_csv(path, index=False)


def set_cell(folder: Path, case: str, column: str, word: str) -> None:
    change_table(
        folder, lambda table: table.__setitem__(column, table[column].mask(table.index == case, word))
    )


def change_yaml(folder: Path, change: Callable[[dict[str, Any]], Any], name: str = "dataset.yaml") -> None:
    path = folder / name
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
