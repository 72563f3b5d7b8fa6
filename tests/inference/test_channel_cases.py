"""Predictions of a run that reads each channel from a file of its own: what the engine gets, and what is written."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import unet_mtl as um
from unet_mtl.batches.inputs.channels import make_channel_inputs
from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.data.description import make_description
from unet_mtl.data.records import read_dataset
from unet_mtl.errors import ConfigError, DataError, RunError
from unet_mtl.inference.case_result import Case, cases_of
from unet_mtl.inference.channel_cases import find_channel_cases
from unet_mtl.inference.files import write_predictions
from unet_mtl.inference.overlays import write_overlays
from unet_mtl.inference.predictor import Predictor
from unet_mtl.tasks import make_task

SIZE = (4, 6)
TASKS = [make_task({"kind": "segmentation", "name": "lesion", "classes": ["background", "lesion"]})]


class StubEngine:
    """An engine without a network, which keeps its inputs."""

    name = "stub"
    precision = "float32"

    def __init__(self, channels):
        self.sizes = {"image": (*SIZE, channels)}
        self.images = []

    def __call__(self, inputs):
        self.images += list(inputs["image"])
        return {"lesion": np.zeros((len(inputs["image"]), *SIZE, 1), np.float32)}


def save(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(SIZE, value, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    """Three cases: one with both channels, and one without each of them."""
    for case, channel, value in (("a", "t1", 51), ("a", "t2", 102), ("b", "t1", 153), ("c", "t2", 204)):
        save(tmp_path / "images" / f"{case}_{channel}.png", value)
    return tmp_path


def describe(folder, missing="zeros", **more):
    images = {"t1": "images/{case}_t1.png", "t2": {"path": "images/{case}_t2.png", "missing": missing}}
    masks = {"lesion": {"path": "masks/{case}.png", "classes": ["background", "lesion"]}}
    content = {"images": images, "missing_channels": "zeros", "masks": masks} | more
    return make_description(content, base=folder, where="dataset.yaml")


def make_predictor(description, **preprocess):
    inputs = Inputs(channels=make_channel_inputs(description))
    engine = StubEngine(2 + inputs.n_indicators)
    preprocess = um.Preprocess(size=SIZE, channels=2, **preprocess)
    return Predictor(engine, TASKS, preprocess, inputs), engine


def means(images):
    return [[round(float(mean), 3) for mean in image.mean((0, 1))] for image in images]


EXPECTED = [[0.2, 0.4, 0.0, 0.0], [0.6, 0.0, 0.0, 1.0], [0.0, 0.8, 1.0, 0.0]]


@pytest.mark.parametrize("preprocess", [{}, {"fit": "pad", "padding": 0.5}, {"fit": "crops"}])
def test_the_network_reads_channels_and_indicators(folder, preprocess):
    description = describe(folder)
    predictor, engine = make_predictor(description, **preprocess)
    results = list(predictor.predict(cases_of(read_dataset(description), predictor.inputs)))
    assert [result.error for result in results] == [None] * 3
    assert means(engine.images) == EXPECTED
    assert [result.image.shape for result in results] == [(*SIZE, 2)] * 3
    assert [int(result.picture.max()) for result in results] == [
        51,
        153,
        204,
    ]  # the last has no first channel


def test_padding_does_not_reach_missing_channels_and_indicators(tmp_path):
    Image.fromarray(np.full((4, 3), 255, np.uint8)).save(tmp_path / "a_t1.png")
    images = {"t1": "{case}_t1.png", "t2": "{case}_t2.png"}
    description = describe(tmp_path, images=images)
    predictor, engine = make_predictor(description, fit="pad", padding=0.6)
    list(predictor.predict(cases_of(read_dataset(description), predictor.inputs)))
    (image,) = engine.images
    np.testing.assert_allclose(np.unique(image[..., 0]), [0.6, 1.0], atol=1e-6)
    assert [np.unique(image[..., i]).tolist() for i in (1, 2, 3)] == [[0], [0], [1]]


@pytest.mark.parametrize("where", ["the folder of the training", "files alone", "described anew"])
def test_folders_are_predicted(folder, where):
    trained_on = describe(folder)
    new = folder
    if where == "files alone":
        new = folder / "images"
    if where == "described anew":
        new = folder / "new"
        for path in (folder / "images").iterdir():
            save(new / path.stem[-2:] / f"{path.stem[0]}.png", np.asarray(Image.open(path))[0, 0])
        (new / "dataset.yaml").write_text(
            "missing_channels: zeros\nimages: {t2: 't2/{case}.png', t1: 't1/{case}.png'}\n"
        )
    predictor, engine = make_predictor(trained_on)
    cases = find_channel_cases([new], trained_on)
    table = write_predictions(predictor, cases, folder / "out")
    assert table["case"].to_list() == ["a", "b", "c"]
    assert table["missing_channels"].to_list() == ["", "t2", "t1"]
    assert table["error"].to_list() == [""] * 3
    assert means(engine.images) == EXPECTED
    assert (folder / "out/lesion/c.png").is_file()


def test_a_case_that_lacks_a_channel_of_every_training_case_is_an_error_of_its_row(folder):
    trained_on = describe(folder, missing="refuse")
    predictor, _ = make_predictor(trained_on)
    table = write_predictions(predictor, find_channel_cases([folder], trained_on), folder / "out")
    first, second, third = table["error"]
    assert (first, third) == ("", "")
    assert "no file of channel 't2' at" in second
    assert "the network was not trained to do without it" in second


def test_paths_that_cannot_be_predicted_are_named(folder):
    trained_on = describe(folder)
    file = folder / "images/a_t1.png"
    save(folder / "other/x.png", 1)
    (folder / "one").mkdir()
    (folder / "one/dataset.yaml").write_text("images: '{case}.png'\n")
    with pytest.raises(DataError) as error:
        find_channel_cases([file, folder / "none", folder / "other", folder / "one"], trained_on)
    first, second, third, fourth = str(error.value).splitlines()
    assert first.startswith(
        f"{file}: is a single file, and the run reads the channels t1, t2 from a file each; give"
    )
    assert second.startswith(f"{folder}/none: is no folder, and")
    assert "no file is named like those of the training, `images/{case}_t1.png`" in third
    assert "`images` is one pattern, and the run reads the channels t1, t2" in fourth


def test_the_same_case_in_two_folders_is_refused(folder):
    with pytest.raises(DataError, match="case 'a' is in another folder too"):
        find_channel_cases([folder, folder / "images"], describe(folder))


def test_a_table_of_the_training_is_not_needed(folder):
    (folder / "table.csv").write_text("ID,side\na,left\nb,left\nc,left\n")
    more = {"table": "table.csv", "case": "ID", "columns": {"side": {"classes": ["left", "right"]}}}
    cases = find_channel_cases([folder / "images"], describe(folder, **more))
    assert [case.name for case in cases] == ["a", "b", "c"]


def test_one_case_is_predicted_from_paths_or_an_array(folder):
    predictor, engine = make_predictor(describe(folder))
    predictor({"t2": folder / "images/a_t2.png", "t1": str(folder / "images/a_t1.png")})
    predictor({"t1": folder / "images/b_t1.png", "t2": None})
    predictor(np.stack([np.full(SIZE, 51, np.uint8), np.full(SIZE, 102, np.uint8)], -1))
    assert means(engine.images) == [EXPECTED[0], EXPECTED[1], EXPECTED[0]]
    with pytest.raises(
        DataError, match="reads the channels t1, t2 from a file each, and the data have one file"
    ):
        predictor(folder / "images/a_t1.png")


def test_other_data_and_networks_do_not_fit(folder):
    predictor, _ = make_predictor(describe(folder))
    [result] = predictor.predict([Case("a", folder / "images/a_t1.png")])
    assert "the data have one file for all channels" in str(result.error)
    with pytest.raises(RunError, match="takes 'image' of shape"):
        Predictor(StubEngine(2), TASKS, um.Preprocess(size=SIZE, channels=2), predictor.inputs)


def test_inputs_of_earlier_runs_have_no_channels():
    assert Inputs.model_validate({"image": True, "tables": []}).channels == ()
    inputs = Inputs(channels=make_channel_inputs(describe(".")))
    assert Inputs.model_validate(inputs.to_config()) == inputs
    assert inputs.only(["image"]).n_indicators == 2
    assert inputs.only([]).n_indicators == 0


@pytest.mark.parametrize("where", ["like the training", "described"])
def test_files_that_no_case_reads_are_named_with_the_names_expected(folder, where):
    for name in ("images/d-t1.png", "images/e_t3.png", "masks/a.png"):
        save(folder / name, 1)
    (folder / "images/notes.docx").write_text("")
    trained_on = describe(folder)
    if where == "described":
        (folder / "dataset.yaml").write_text(
            "images: {t1: 'images/{case}_t1.png', t2: 'images/{case}_t2.png'}\nmissing_channels: zeros\n"
            "masks: {lesion: {path: 'masks/{case}.png', classes: [background, lesion]}}\n"
        )
    notes = []
    assert len(find_channel_cases([folder], trained_on, on_note=notes.append)) == 3
    assert notes == [
        f"{folder}: left aside 1 file of type .docx (images/notes.docx); 2 files not named like images "
        "(images/d-t1.png, images/e_t3.png: expected `images/{case}_t1.png`, `images/{case}_t2.png`); 1 file "
        "named like masks (masks/a.png)"
    ]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.from_regex(r"[a-c](_t1|_t2|-t1|_T1|_t|_t12|)\.png", fullmatch=True), min_size=1, unique=True)
)
def test_every_file_is_read_or_named(names):
    with TemporaryDirectory() as place:
        folder = Path(place)
        for name in names:
            save(folder / name, 1)
        save(folder / "z_t1.png", 1)
        notes = []
        cases = find_channel_cases([folder], describe(folder / "images"), on_note=notes.append)
        read = {file.path.name for case in cases for file in case.channels if not file.missing}
        assert read == {"z_t1.png", *(name for name in names if name[1:] in ("_t1.png", "_t2.png"))}
        n = len(set(names) - read)
        assert [note.split(" file")[0] for note in notes] == [f"{folder}: left aside {n}"] * (n > 0)


def test_all_files_of_several_pictures_are_counted(folder):
    pages = [Image.fromarray(np.full(SIZE, value, np.uint8)) for value in (10, 20, 30)]
    (folder / "volumes").mkdir()
    for name in ("a_t1", "a_t2", "b_t1"):
        pages[0].save(folder / f"volumes/{name}.tif", save_all=True, append_images=pages[1:])
    images = {"t1": "volumes/{case}_t1.tif", "t2": {"path": "volumes/{case}_t2.tif", "frame": 2}}
    trained_on = describe(folder, images=images)
    predictor, _ = make_predictor(trained_on)
    cases = find_channel_cases([folder / "volumes"], trained_on)
    expected = (
        "3 files hold 3 pictures each, of which number 0 to 2 is read (counted from 0); `frame` selects another "
        "one"
    )
    for write in (write_predictions, write_overlays):
        notes = []
        write(predictor, cases, folder / "out", on_note=notes.append)
        assert notes == [expected]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ([[1, 2], [3, 4]],),
            "`image` is of the type list; expected a path or a NumPy array or a mapping or None; convert it with "
            "`numpy.asarray`",
        ),
        ((3,), "`image` is of the type int; expected a path or a NumPy array or a mapping or None"),
        (({"t1": 3},), "`image['t1']` is of the type int; expected a path or None"),
        ((None, "x"), "`frame` is 'x'; expected a whole number or None"),
        ((None, None, ["age"]), "`columns` is of the type list; expected a mapping or None"),
        ((None, None, None, 0.1), "`spacing_mm` is of the type float; expected a pair or None"),
    ],
)
def test_one_case_of_a_wrong_type_is_one_message(folder, arguments, message):
    predictor, _ = make_predictor(describe(folder))
    with pytest.raises(ConfigError) as caught:
        predictor(*arguments)
    assert str(caught.value) == message


def test_arrays_of_other_objects_and_paths_in_place_of_cases_are_refused(folder):
    predictor, _ = make_predictor(describe(folder))
    for array in (np.array([None]), np.array([["a"]]), np.zeros(3, complex), np.array([], object)):
        with pytest.raises(DataError, match=r"expected an array \(height, width, 2\)"):
            predictor(array)
    with pytest.raises(ConfigError, match="`cases` has an element of the type str; expected a Case"):
        list(predictor.predict(["a.png"]))
