"""Repaired copies of tables with decimal commas."""

import numpy as np
import pytest
import yaml

import unet_mtl as um


def test_a_copy_keeps_decimal_commas_and_writes_spacings_of_headers_with_them(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    root = tmp_path / "volume"
    root.mkdir()
    image = nibabel.Nifti1Image(
        np.random.default_rng(0).integers(0, 99, (24, 20, 4)).astype(np.int16), np.diag([0.5, 0.75, 3, 1])
    )
    image.header.set_xyzt_units("mm")
    nibabel.save(image, root / "v.nii.gz")
    rows = "\n".join(f"s{i};v;{i};{i},6;-1,5" for i in range(4))
    (root / "cases.csv").write_text(f"case;volume;slice;size;change\n{rows}\n")
    description = {
        "table": "cases.csv",
        "images": "{volume}.nii.gz",
        "frame": "slice",
        "spacing_mm": "header",
        "decimal": ",",
        "columns": {"size": {}},
    }
    (root / "dataset.yaml").write_text(yaml.safe_dump(description))
    um.repair(root, tmp_path / "copy", progress=False)
    good, copy = um.read_dataset(root), um.read_dataset(tmp_path / "copy")
    assert copy.description.decimal == ","
    assert [r.labels for r in copy] == [r.labels for r in good] == [{"size": i + 0.6} for i in range(4)]
    assert [r.spacing_mm for r in copy] == [r.spacing_mm for r in good]
    assert None not in [r.spacing_mm for r in copy]
    assert "'-1,5" not in (tmp_path / "copy" / "cases.csv").read_text()
