"""Writes the small data sets of the recipes beside it.

    python benchmarks/recipes/networks/data.py [FOLDER]

Digits, diabetes and breast cancer are scikit-learn's own tables of real measurements; three_inputs is drawn.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image
from sklearn import datasets


def write_set(folder: Path, table: pd.DataFrame, **description: object) -> None:
    """A table with its description."""
    folder.mkdir(parents=True, exist_ok=True)
    table.insert(0, "case", [f"case_{i:04d}" for i in range(len(table))])
    table.to_csv(folder / "cases.csv", index=False)
    content = {"name": folder.name, "table": "cases.csv"} | description
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def write_digits(folder: Path) -> None:
    """50 of 64 pixels; which digit it is, and how dark all 64 are on average."""
    pixels, digits = datasets.load_digits(return_X_y=True)
    varied = np.argsort(-pixels.std(axis=0), kind="stable")[:50]
    table = pd.DataFrame(pixels[:, varied].astype(int), columns=[f"pixel_{i:02d}" for i in range(50)])
    names = list(table.columns)
    table["digit"] = digits
    table["ink"] = pixels.mean(axis=1).round(4)
    columns = {name: {} for name in names} | {"digit": {"classes": list(map(str, range(10)))}, "ink": {}}
    write_set(folder, table, columns=columns)


def write_diabetes(folder: Path) -> None:
    """Ten measurements; the progression a year later, and in which third it lies."""
    found = datasets.load_diabetes(as_frame=True, scaled=False)
    table = found.data.copy()
    table["progression"] = found.target
    table["third"] = pd.qcut(found.target, 3, labels=["low", "middle", "high"])
    columns = {name: {} for name in found.data.columns}
    columns |= {"progression": {}, "third": {"classes": ["low", "middle", "high"]}}
    write_set(folder, table, columns=columns)


def write_breast_cancer(folder: Path) -> None:
    """Means and errors of ten properties of nuclei; the largest area among them, and whether it is cancer."""
    found = datasets.load_breast_cancer(as_frame=True)
    table = found.data.rename(columns=lambda name: name.replace(" ", "_"))
    table = table[[*table.columns[:20], "worst_area"]].copy()
    columns: dict[str, object] = {name: {} for name in table.columns}
    table["diagnosis"] = found.target.map({0: "malignant", 1: "benign"})
    columns["diagnosis"] = {"classes": ["benign", "malignant"]}
    write_set(folder, table, columns=columns)


def write_three_inputs(folder: Path, n: int = 160) -> None:
    """Discs that overlap, and two groups of columns: each answer needs more than one of them; a fifth is unknown."""
    rng = np.random.default_rng(0)
    places = np.stack(np.mgrid[:32, :32], axis=-1)
    lab = rng.normal(size=(n, 10)).round(3)
    clinic = rng.normal(size=(n, 5)).round(3)
    sizes = []
    for name in ("images", *(f"masks_{colour}" for colour in ("red", "green", "blue"))):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for i in range(n):
        image = rng.integers(0, 60, (32, 32, 3))
        areas = []
        for channel, colour in enumerate(("red", "green", "blue")):
            centre, radius = rng.uniform(8, 24, 2), rng.uniform(3, 8)
            disc = np.hypot(*(places - centre).transpose(2, 0, 1)) < radius
            image[disc, channel] += 150
            areas.append(int(disc.sum()))
            Image.fromarray(disc.astype(np.uint8)).save(folder / f"masks_{colour}" / f"case_{i:04d}.png")
        Image.fromarray(image.astype(np.uint8)).save(folder / "images" / f"case_{i:04d}.png")
        sizes.append(areas)
    area = np.asarray(sizes)
    table = pd.DataFrame(
        {f"lab_{i}": lab[:, i] for i in range(10)} | {f"clinic_{i}": clinic[:, i] for i in range(5)}
    )
    risk = (area[:, 0] - area[:, 0].mean()) / area[:, 0].std() + lab[:, 0] - clinic[:, 0]
    table["outcome"] = np.where(risk > 0, "bad", "good")
    table["days"] = (20 + 5 * lab[:, 1] + 5 * clinic[:, 1] + area[:, 1] / 20).round(2)
    for column in ("outcome", "days"):
        table[column] = table[column].astype(object).mask(rng.random(n) < 0.2)
    columns = {name: {} for name in table.columns}
    columns |= {"outcome": {"classes": ["good", "bad"]}, "days": {"unit": "d"}}
    files = {colour: f"masks_{colour}/{{case}}.png" for colour in ("red", "green", "blue")}
    masks = {"discs": {"files": files, "classes": ["background", *files], "overlap": True}}
    write_set(folder, table, images="images/{case}.png", masks=masks, columns=columns, synthetic=True)


def write_all(folder: Path) -> None:
    """Every set, in a folder each."""
    write_digits(folder / "digits")
    write_diabetes(folder / "diabetes")
    write_breast_cancer(folder / "breast_cancer")
    write_three_inputs(folder / "three_inputs")


if __name__ == "__main__":
    write_all(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
