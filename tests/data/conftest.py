"""A data set of four tiny cases; tests may replace each of its parts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

TABLE = """\
case,patient,diagnosis,size,spacing,split
a,p1,benign,1.5,0.1,train
b,p1,malignant,,0.2,train
c,p2,,3,0.1,val
d,p3,benign,4,,test
"""
DESCRIPTION: dict[str, Any] = {
    "table": "cases.csv",
    "patient": "patient",
    "images": "images/{case}.png",
    "masks": {"lesion": {"path": "masks/{case}.png", "classes": ["background", "lesion"]}},
    "columns": {"diagnosis": {"classes": ["benign", "malignant"]}, "size": {"unit": "mm"}},
    "spacing_mm": "spacing",
}
SHAPE = (6, 8)


def write_image(path: Path, pixels: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path)
    return path


@pytest.fixture
def write_set(tmp_path: Path) -> Callable[..., Path]:
    """Write images a..d, masks a..c, the table and dataset.yaml; keywords replace keys of the description."""

    def write(table: str = TABLE, *, drop: tuple[str, ...] = (), **changes: Any) -> Path:
        folder = tmp_path / "set"
        mask = np.zeros(SHAPE, np.uint8)
        mask[2:4, 3:6] = 1
        for index, case in enumerate("abcd"):
            write_image(folder / "images" / f"{case}.png", np.full(SHAPE, 40 * index, np.uint8))
            if case != "d":
                write_image(folder / "masks" / f"{case}.png", mask)
        (folder / "cases.csv").write_text(table, encoding="utf-8")
        content = {key: value for key, value in (DESCRIPTION | changes).items() if key not in drop}
        (folder / "dataset.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return folder

    return write
