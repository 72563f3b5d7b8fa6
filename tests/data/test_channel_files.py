"""Images whose channels are separate files: which files a case has, and what is read from them."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unet_mtl.batches.case_loader import CaseLoader
from unet_mtl.batches.inputs.channels import add_indicators, make_channel_inputs, match_channels
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.config import Config
from unet_mtl.data.channel_files import ChannelFile, read_case_image
from unet_mtl.data.description import make_description
from unet_mtl.data.images import read_image
from unet_mtl.data.records import read_dataset, scan_dataset
from unet_mtl.errors import DataError
from unet_mtl.tasks import make_task

from .samples import nifti

RNG = np.random.default_rng(5)
PATTERNS = {"t1": "{case}_t1.png", "t2": "t2/{case}.png", "flair": "{case}.png"}


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def grey(height=6, width=5):
    return RNG.integers(1, 256, (height, width)).astype(np.uint8)


def write_cases(folder, *present):
    """Write one case for each list of channels, and return what `images` describes by case and channel."""
    written = {}
    for i, channels in enumerate(present):
        for name in channels:
            written[f"c{i}", name] = grey()
            save(folder / PATTERNS[name].format(case=f"c{i}"), written[f"c{i}", name])
    return written


def describe(folder, images=PATTERNS, **more):
    return make_description({"images": images} | more, base=folder, where="dataset.yaml")


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_the_stack_is_its_channels_read_one_by_one(data):
    names = data.draw(st.permutations(list(PATTERNS)))
    some = st.lists(st.sampled_from(names), min_size=1, unique=True)
    present = data.draw(st.lists(some, min_size=1, max_size=4))
    optional = {name for name in names if any(name not in channels for channels in present)}
    optional |= data.draw(st.sets(st.sampled_from(names)))
    kinds = data.draw(st.lists(st.sampled_from(["u1", "u2", "rgb"]), min_size=3, max_size=3))
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        for i, channels in enumerate(present):
            for name, kind in zip(names, kinds, strict=True):
                pixels = RNG.integers(1, 256, (6, 5, 3) if kind == "rgb" else (6, 5))
                if name in channels:
                    save(
                        folder / PATTERNS[name].format(case=f"c{i}"),
                        pixels.astype("u2" if kind == "u2" else "u1"),
                    )
        images = {n: {"path": PATTERNS[n], "missing": "zeros" if n in optional else "refuse"} for n in names}
        description = describe(folder, images)
        dataset = read_dataset(description)
        assert [record.case for record in dataset] == [f"c{i}" for i in range(len(present))]
        inputs = make_channel_inputs(description)
        loader = CaseLoader(description, [], Preprocess(size=(6, 5), channels=3))
        for record, channels in zip(dataset, present, strict=True):
            assert set(record.missing_channels) == set(names) - set(channels)
            stack = read_case_image(record.image, record.frame, record.channels)
            assert stack.dtype == loader.load(record)[0].dtype
            scale = 255 if stack.dtype == np.uint8 else 1
            for i, name in enumerate(names):
                expected = np.zeros((6, 5))
                if name in channels:
                    file = read_image(folder / PATTERNS[name].format(case=record.case))
                    expected = file.astype(float) / (255 if file.dtype == np.uint8 else 1)
                    if file.shape[-1] == 3:  # the weights of ITU-R BT.601
                        expected = (expected @ [0.299, 0.587, 0.114])[..., None]
                    expected = expected[..., 0]
                np.testing.assert_allclose(stack[..., i] / scale, expected, atol=0.51 / 255)
            full = add_indicators(loader.load(record)[0], inputs, record.missing_channels)
            np.testing.assert_array_equal(full[..., :3], stack)
            told = [name for name in names if name in optional]
            for i, name in enumerate(told, start=3):
                np.testing.assert_array_equal(full[..., i] / scale, float(name not in channels))
            assert full.shape[-1] == 3 + len(told)


def test_a_missing_channel_is_refused_by_default(tmp_path):
    write_cases(tmp_path, ["t1", "t2"], ["t1"])
    images = {name: PATTERNS[name] for name in ("t1", "t2")}
    with pytest.raises(DataError) as error:
        read_dataset(describe(tmp_path, images))
    assert str(error.value) == f"case 'c1': no file of channel 't2' at {tmp_path}/t2/c1.png"
    dataset = read_dataset(describe(tmp_path, images, missing_channels="zeros"))
    assert [record.missing_channels for record in dataset] == [(), ("t2",)]


def test_a_case_without_its_first_channel_exists(tmp_path):
    write_cases(tmp_path, ["t2"], ["t1", "flair"])
    first, second = read_dataset(describe(tmp_path, missing_channels="zeros"))
    assert (first.case, first.image) == ("c0", tmp_path / "t2/c0.png")
    assert first.image_files == (tmp_path / "t2/c0.png",)
    assert second.image == tmp_path / "c1_t1.png"


def test_a_row_of_the_table_without_any_file_has_no_image(tmp_path):
    write_cases(tmp_path, ["t1"])
    (tmp_path / "table.csv").write_text("case\nc0\nc9\n")
    _, observations = scan_dataset(describe(tmp_path, table="table.csv", missing_channels="zeros"))
    assert [seen.kind for seen in observations] == ["image-missing"]
    assert "case 'c9': no image at" in observations[0].text


def test_a_file_belongs_to_the_pattern_that_says_most(tmp_path):
    # c0_t1.png fits `{case}.png` too; a mask fits it whether or not its case has that channel.
    write_cases(tmp_path, ["t1", "flair"], ["t1"])
    for case in ("c0", "c1"):
        save(tmp_path / f"{case}_seg.png", grey())
    masks = {"tumour": {"path": "{case}_seg.png", "classes": ["background", "tumour"], "instances": True}}
    dataset = read_dataset(describe(tmp_path, masks=masks, missing_channels="zeros"))
    assert [(r.case, r.missing_channels) for r in dataset] == [("c0", ("t2",)), ("c1", ("t2", "flair"))]
    assert all(record.masks for record in dataset)


def test_channels_of_different_sizes_are_an_error_with_both(tmp_path):
    write_cases(tmp_path, ["t1"])
    save(tmp_path / "t2/c0.png", grey(7, 5))
    (record,) = read_dataset(describe(tmp_path, missing_channels="zeros"))
    with pytest.raises(DataError) as error:
        read_case_image(record.image, record.frame, record.channels)
    assert error.value.kind == "channel-size"
    assert str(error.value) == (
        f"{tmp_path}/t2/c0.png: channel 't2' is 7x5 pixels, but channel 't1' in {tmp_path}/c0_t1.png is 6x5; export "
        "both at the same size"
    )


def test_a_file_of_two_channels_is_no_channel(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 4, 2), np.uint8))
    with pytest.raises(DataError, match="the file has 2 channels, and channel 't1' needs a grey image"):
        read_case_image(Path(), None, [ChannelFile("t1", tmp_path / "a.npy")])


def test_pictures_of_one_file_can_be_channels(tmp_path):
    nifti(tmp_path / "a.nii", RNG.integers(0, 999, (5, 4, 3)).astype(np.int16))
    images = {"below": {"path": "{case}.nii", "frame": 0}, "here": {"path": "{case}.nii", "frame": 1}}
    (record,) = read_dataset(describe(tmp_path, images))
    stack = read_case_image(record.image, record.frame, record.channels)
    for i in (0, 1):
        np.testing.assert_array_equal(stack[..., [i]], read_image(tmp_path / "a.nii", i))


def test_one_file_of_two_channels_is_claimed_twice(tmp_path):
    save(tmp_path / "x.png", grey())
    (tmp_path / "table.csv").write_text("case,a,b\nc0,x.png,x.png\n")
    description = describe(tmp_path, {"t1": "{a}", "t2": "{b}"}, table="table.csv")
    with pytest.raises(
        DataError, match=r"the channel 't1' of case 'c0' .* and the channel 't2' of case 'c0'"
    ):
        read_dataset(description)


def test_keys_of_cache_and_data_follow_the_channels(tmp_path):
    write_cases(tmp_path, ["t1", "t2"])
    (tmp_path / "t2/c0.png").rename(tmp_path / "kept.png")
    images = {name: PATTERNS[name] for name in ("t1", "t2")}
    keys = []

    def remember(images):
        description = describe(tmp_path, images, missing_channels="zeros")
        dataset = read_dataset(description)
        loader = CaseLoader(description, [], Preprocess(size=(6, 5), channels=2))
        keys.append((dataset.fingerprint(), loader._key(dataset.records[0])))

    remember(images)
    (tmp_path / "kept.png").rename(tmp_path / "t2/c0.png")
    remember(images)
    remember(dict(reversed(images.items())))
    save(tmp_path / "t2/c0.png", grey())
    remember(images)
    for of_one in zip(*keys, strict=True):
        assert len(set(of_one)) == len(of_one)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"images": {}}, "images: no channel is named"),
        ({"images": {"t1": "{case}.png", "t2": "{case}.png"}}, "'t1' and 't2' have the same file"),
        ({"images": {"t1": "a.png"}}, r"images\.t1\.path: every case would have the same file"),
        ({"images": {"t1": {"pth": "{case}.png"}}}, r"images\.t1\.pth: .*did you mean path"),
        ({"images": {"t1": "{case}.png", "t2": "{a}/{case}.png"}}, "need the same names in braces"),
        ({"images": "{case}.png", "missing_channels": "zeros"}, "`missing_channels` is for images whose"),
    ],
)
def test_wrong_descriptions_are_refused(more, message, tmp_path):
    with pytest.raises(DataError, match=message):
        describe(tmp_path, **more)


def test_descriptions_survive_being_stored(tmp_path):
    images = {"t1": "{case}_t1.png", "t2": {"path": "{case}_t2.png", "frame": 1, "missing": "zeros"}}
    description = describe(tmp_path, images)
    again = make_description(description.to_config(), base=Path(), where="config.yaml")
    assert again == description
    assert again.optional_channels == ("t2",)


def test_the_number_of_channels_follows_the_files(tmp_path):
    content = {"data": describe(tmp_path), "tasks": [make_task({"kind": "segmentation", "name": "a"})]}
    for preprocess in ({}, {"preprocess": {"shown_channels": [2]}}, {"preprocess": Preprocess(channels=3)}):
        assert Config.model_validate(content | preprocess).preprocess.channels == 3
    expected = r"channels is 1, but `images` of the data set names 3 files for each case \(t1, t2, flair\)"
    for preprocess in ({"channels": 1}, Preprocess(channels=1)):
        with pytest.raises(ValueError, match=expected):
            Config.model_validate(content | {"preprocess": preprocess})


def test_indicators_and_missing_channels_are_not_augmented():
    inputs = make_channel_inputs(describe(Path("/"), missing_channels="zeros"))
    bright = np.full((2, 2, 3), 0.5, np.float32)
    full = add_indicators(bright, inputs, ["t2"])
    assert full[0, 0].tolist() == [0.5, 0.0, 0.5, 0.0, 1.0, 0.0]


def test_files_are_matched_to_the_channels_of_a_run_by_name():
    inputs = make_channel_inputs(describe(Path("/"), {"a": "{case}.png", "b": "b/{case}.png"}))
    files = (ChannelFile("b", Path("b.png")), ChannelFile("a", Path("a.png")))
    assert [file.name for file in match_channels(inputs, files)] == ["a", "b"]
    assert match_channels((), ()) == ()
    for wrong, message in [
        ((files[0],), "reads the channels a, b from a file each, and the data have the channels b"),
        ((), "and the data have one file for all channels"),
        ((files[0], ChannelFile("a", Path("a.png"), missing=True)), "no file of channel 'a' at a.png"),
    ]:
        with pytest.raises(DataError, match=message):
            match_channels(inputs, wrong)


def test_pictures_show_a_channel_that_exists():
    preprocess = Preprocess(channels=2)
    image = np.zeros((2, 2, 2), np.uint8)
    image[..., 1] = 9
    assert preprocess.picture_of(image).max() == 0
    assert preprocess.picture_of(image, missing=[0]).max() == 9
