"""The warnings that a training prints about its split."""

from dataclasses import replace

from unet_mtl.data.inspection import inspect_dataset
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.training.split_report import report_split


def test_patients_and_copies_on_both_sides_of_the_split_are_printed(dataset, tmp_path, capsys):
    """12 is in train and 12.0 in test; and val has a copy of an image in train."""
    train, val, test = (
        [r for r in dataset if r.split == name and r.image] for name in ("train", "val", "test")
    )
    odd = {
        train[0].case: {"patient": "12"},
        test[0].case: {"patient": "12.0"},
        val[0].case: {"image": train[1].image},
    }
    changed = dataset.only([replace(record, **odd.get(record.case, {})) for record in dataset])
    parts = split_dataset(changed, SplitSettings())
    report_split(parts, changed, SplitSettings(), [], inspect_dataset(changed))
    first, second = (line for line in " ".join(capsys.readouterr().err.split()).split("WARNING: ") if line)
    assert (
        first.strip() == "patients '12' and '12.0' differ in spelling only, but count as different patients"
    )
    assert second.strip() == (
        f"images of cases {train[1].case!r}, {val[0].case!r} are identical and are in different parts of the split: "
        "train, val"
    )
