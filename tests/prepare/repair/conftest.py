"""Fixtures for the tests of repaired copies."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

import unet_mtl as um
from unet_mtl.data.images import read_image
from unet_mtl.data.masks import read_case_mask


@pytest.fixture(scope="session")
def read_log():
    def read(copy: Path) -> list[tuple[str, ...]]:
        table = pd.read_csv(copy / "repairs.csv", dtype=str, keep_default_na=False)
        assert list(table.columns) == ["case", "file", "kind", "was", "now"]
        return [tuple(row) for row in table.to_numpy()]

    return read


@pytest.fixture(scope="session")
def assert_same():
    def compare(good: Path, copy: Path, but=()) -> None:
        """Compares everything that a training reads."""
        one, other = um.read_dataset(good), um.read_dataset(copy)
        records = {record.case: record for record in other}
        assert [r.case for r in one if r.case not in but] == list(records)
        for record in one:
            if record.case in but:
                continue
            its = records[record.case]
            assert its.labels == record.labels
            assert (its.patient, its.split, its.spacing_mm) == (
                record.patient,
                record.split,
                record.spacing_mm,
            )
            image, its_image = read_image(record.image, record.frame), read_image(its.image, its.frame)
            assert image.dtype == its_image.dtype
            np.testing.assert_array_equal(image, its_image)
            for target, mask in one.description.masks.items():
                truth = read_case_mask(record, target, mask)
                found = read_case_mask(its, target, other.description.masks[target])
                assert (truth is None) == (found is None)
                if truth is not None:
                    np.testing.assert_array_equal(truth, found)
        for name, mask in one.description.masks.items():
            assert other.description.masks[name].classes == mask.classes
            assert other.description.masks[name].required == mask.required
        for name, column in one.description.columns.items():
            assert other.description.columns[name].classes == column.classes
            assert other.description.columns[name].unit == column.unit
        for name in ("name", "synthetic", "missing_words", "names", "case"):
            assert getattr(other.description, name) == getattr(one.description, name)

    return compare


@pytest.fixture
def good(write_data, tmp_path):
    """Writes images that are not all square, so that transposed masks are found, and columns without description."""
    folder = tmp_path / "good"
    write_data(folder)
    for path in (folder / "images" / "case_01.png", folder / "masks" / "case_01.png"):
        with Image.open(path) as image:
            narrow = np.asarray(image)[:, :24].copy()
        Image.fromarray(narrow).save(path)
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    table.assign(note=[f'n{i}, "quoted"' for i in range(12)]).to_csv(folder / "cases.csv", index=False)
    content = yaml.safe_load((folder / "dataset.yaml").read_text())
    content.update(missing=["unclear"], synthetic=True)
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content))
    return folder
