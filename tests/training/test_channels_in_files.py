"""Training on images whose channels are separate files, of which some are missing."""

import numpy as np
import pytest
from PIL import Image

import unet_mtl as um
from unet_mtl.batches.augment.augment import Augment
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.inputs.channels import make_channel_inputs
from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.data.case_duplicates import find_case_duplicates
from unet_mtl.data.inspection import inspect_dataset

SIDE = 32


def write_set(folder, n=12, lacking=((2, "t1"), (5, "t2"), (9, "t2"))):
    """Write discs that t2 shows and t1 does not, and a description in which either may be missing."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for index in range(n):
        rng = np.random.default_rng(index)
        disc = np.hypot(rows - rng.integers(10, 22), columns - rng.integers(10, 22)) < 7
        for name in ("t1", "t2"):
            pixels = rng.integers(0, 120, (SIDE, SIDE)) + 120 * disc * (name == "t2")
            if (index, name) not in lacking:
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"c{index:02d}_{name}.png")
        Image.fromarray(disc.astype(np.uint8)).save(folder / f"c{index:02d}_seg.png")
    (folder / "dataset.yaml").write_text(
        """
images: {t1: "{case}_t1.png", t2: "{case}_t2.png"}
missing_channels: zeros
masks: {disc: {path: "{case}_seg.png", classes: [background, disc]}}
"""
    )
    (folder / "config.yaml").write_text(
        """
data: .
tasks: [{kind: segmentation, name: disc}]
preprocess: {size: [32, 32]}
network: {width: 4}
training: {epochs: 2, batch_size: 4}
"""
    )
    return um.read_dataset(folder)


@pytest.mark.parametrize("image_type", ["uint8", "float32"])
def test_augmentation_changes_neither_missing_channels_nor_indicators(tmp_path, image_type):
    dataset = write_set(tmp_path)
    steps = [{"RandomBrightnessContrast": {"brightness_limit": [0.3, 0.4], "p": 1}}, {"Rotate": {"p": 1}}]
    batches = Batches(
        dataset,
        [],
        um.Preprocess(size=(SIDE, SIDE), channels=2, fit="pad", padding=0.5),
        inputs=Inputs(channels=make_channel_inputs(dataset.description)),
        batch_size=12,
        augment=Augment(steps),
        image_type=image_type,
    )
    inputs, _, _ = batches.make(0)
    images = inputs["image"] / (255 if image_type == "uint8" else 1)
    assert images.shape == (12, SIDE, SIDE, 4)
    for record, image in zip(dataset, images, strict=True):
        for i, name in enumerate(("t1", "t2")):
            missing = name in record.missing_channels
            assert (image[..., i].max() == 0) == missing
            assert np.unique(image[..., 2 + i]).tolist() == [float(missing)]


def test_a_copy_that_lacks_a_channel_is_a_duplicate(tmp_path):
    write_set(tmp_path)
    (tmp_path / "copy_t1.png").write_bytes((tmp_path / "c00_t1.png").read_bytes())
    dataset = um.read_dataset(tmp_path)
    (group,) = find_case_duplicates(inspect_dataset(dataset))
    assert (group.cases, group.kind) == (("c00", "copy"), "near")


def test_a_channel_whose_presence_reveals_a_target_is_reported(tmp_path):
    write_set(tmp_path, n=24, lacking=[(index, "t1") for index in range(0, 24, 2)])
    rows = [f"c{index:02d},{('benign', 'malignant')[index % 2]}" for index in range(24)]
    (tmp_path / "table.csv").write_text("\n".join(["case,diagnosis", *rows, ""]))
    text = (tmp_path / "dataset.yaml").read_text()
    described = "table: table.csv\ncolumns: {diagnosis: {classes: [benign, malignant]}}\n"
    (tmp_path / "dataset.yaml").write_text(text + described)
    findings = {finding.name: finding for finding in um.check(tmp_path).findings}
    (seen,) = findings["leak"].observations
    assert seen.text.startswith("'presence of channel t1' reveals 'diagnosis'")
    (seen,) = findings["channel-absent"].observations
    assert seen.text == "channel 't1' is missing in 12 of 24 cases"


@pytest.mark.slow
def test_a_run_from_description_to_overlay(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    dataset = write_set(data)
    config = um.load_config(data / "config.yaml")
    assert config.preprocess.channels == 2
    run = um.train(dataset, config.tasks, tmp_path / "run", progress=False, **config.arguments())
    assert um.RunFolder.open(run).read_inputs().n_indicators == 2
    evaluation = um.evaluate(run, data=data, progress=False)
    assert len(evaluation.cases) == 12
    notes: list[str] = []
    table = um.predict(run, [data], tmp_path / "out", on_note=notes.append, progress=False)
    assert table["error"].eq("").all()
    assert dict(zip(table["case"], table["missing_channels"], strict=True))["c02"] == "t1"
    pictures = um.overlay(run, [data], tmp_path / "overlays", on_note=notes.append, progress=False)
    assert len(notes) == 2
    assert all("left aside 12 files named like masks" in note for note in notes)
    assert [path.name for path in pictures] == [f"c{index:02d}.png" for index in range(12)]
