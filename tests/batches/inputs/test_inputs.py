"""The inputs of each task, and batches with columns, hidden or not."""

from dataclasses import replace

import numpy as np
import pytest

from unet_mtl import Classification, Inputs, Preprocess, Regression, Segmentation, TabularInput
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.inputs.columns import fit_inputs
from unet_mtl.batches.inputs.inputs import find_reads
from unet_mtl.errors import ConfigError

MASK, CLASS, NUMBER = Segmentation(name="zone"), Classification(name="diagnosis"), Regression(name="size_mm")
TABLES = {"clinical": ("age", "sex"), "lab": ("crp",)}


def reads(*tasks, tables=TABLES, image=True, fusion="join"):
    return find_reads(tasks, tables, image=image, fusion=fusion)


def test_by_default_everything_is_read_and_masks_read_the_image():
    assert reads(MASK, CLASS) == {"zone": ("image",), "diagnosis": ("image", "clinical", "lab")}
    assert reads(MASK, fusion="film") == {"zone": ("image", "clinical", "lab")}
    assert reads(CLASS, image=False) == {"diagnosis": ("clinical", "lab")}


def test_a_task_may_choose_and_the_order_is_the_networks():
    chosen = CLASS.model_copy(update={"inputs": ("lab", "image")})
    assert reads(chosen) == {"diagnosis": ("image", "lab")}


@pytest.mark.parametrize(
    ("task", "options", "words"),
    [
        (
            CLASS.model_copy(update={"inputs": ("blood",)}),
            {},
            "there is no input 'blood'; the inputs are image, clinical, lab",
        ),
        (
            CLASS.model_copy(update={"inputs": ("image",)}),
            {"image": False},
            "no images; the inputs are clinical, lab",
        ),
        (CLASS, {"image": False, "tables": {}}, "the network has no input; describe `images`"),
        (
            MASK.model_copy(update={"inputs": ("lab",)}),
            {},
            "a mask needs the image; add 'image' to the inputs",
        ),
        (
            MASK.model_copy(update={"inputs": ("image", "lab")}),
            {},
            "a mask can read columns only with `network.fusion: film`",
        ),
        (
            Regression(name="x", target="crp"),
            {},
            "the target would be an input: column 'crp' is in input 'lab'",
        ),
        (Regression(name="lab", target="y"), {}, "inputs: 'lab' is also the name of a task"),
    ],
)
def test_what_does_not_fit_together(task, options, words):
    with pytest.raises(ConfigError, match=words):
        reads(task, **options)


def test_a_task_may_leave_out_the_input_that_has_its_answer():
    task = Regression(name="x", target="crp", inputs=("image", "clinical"))
    assert reads(task) == {"x": ("image", "clinical")}


@pytest.fixture
def make(dataset, parts):
    settings = {
        "one": TabularInput(columns=("size_mm",), input_dropout=0.5, cell_dropout=0),
        "two": TabularInput(columns=("side",), input_dropout=0.5, cell_dropout=0),
    }
    inputs = Inputs(tables=fit_inputs(settings, parts["train"]))
    task = CLASS.adapt(parts["train"])

    def make(of=dataset, **options):
        options = {"inputs": inputs, "batch_size": 5, "seed": 3} | options
        return Batches(of, [task], Preprocess(size=(32, 32)), **options)

    return make


def all_rows(batches, epoch):
    made = [batches.make(i, epoch)[0] for i in range(len(batches))]
    return {name: np.concatenate([inputs[name] for inputs in made]) for name in ("one", "two")}


def test_a_batch_holds_the_columns_of_its_cases(make, dataset):
    batches = make()
    inputs, _, _ = batches.make(1)
    for name, table in zip(("one", "two"), batches.inputs.tables, strict=True):
        expected = [table.encode(record.labels) for record in batches.records_of(1)]
        np.testing.assert_array_equal(inputs[name], expected)
    assert inputs["image"].shape == (5, 32, 32, 3)
    assert {name: array.shape[1:] for name, array in batches.signature[0].items()} == {
        name: array.shape[1:] for name, array in inputs.items()
    }


def test_inputs_are_hidden_by_seed_epoch_and_case(make, dataset):
    known = dataset.only(
        [replace(r, case=f"{r.case}{i}") for i in range(20) for r in dataset if len(r.labels) == 3]
    )
    batches = make(known, hide=True)
    hidden = {name: rows[:, -1] == 1 for name, rows in all_rows(batches, 0).items()}
    n = len(known)
    for mask in hidden.values():
        # a fair coin, 4 standard deviations
        assert abs(mask.mean() - 0.5) < 4 * 0.5 / np.sqrt(n)
    # the two inputs are hidden independently
    assert (hidden["one"] != hidden["two"]).any()
    again, later = all_rows(make(known, hide=True, batch_size=7), 0), all_rows(batches, 1)
    np.testing.assert_array_equal(again["one"], all_rows(batches, 0)["one"])
    assert (later["one"] != again["one"]).any()
    assert not any((rows[:, -1] == 1).any() for rows in all_rows(make(known), 0).values())


def test_columns_alone_open_no_file(make, dataset, tmp_path):
    gone = dataset.only([replace(record, image=tmp_path / "none.png", masks={}) for record in dataset])
    tables = make().inputs.tables
    inputs, _, _ = make(gone, inputs=Inputs(image=False, tables=tables)).make(0)
    assert set(inputs) == {"one", "two"}
