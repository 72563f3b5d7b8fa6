"""Reading config.yaml with overrides, and refusing it with every problem at once."""

from pathlib import Path

import pytest
import yaml

from unet_mtl.config import load_config
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.tasks import TASKS as KINDS

ROOT = Path(__file__).parents[1]
DATA = """\
root: .
images: images/{case}.png
masks:
  lesion: {path: "masks/{case}.png", classes: [background, lesion], values: {0: 0, 255: 1}}
columns:
  side: {classes: [no, yes]}
  size: {unit: mm}
spacing_mm: 0.2
missing: [unknown, -1]
"""
TASKS = """\
tasks:
  - {kind: segmentation, name: lesion}
  - {kind: classification, name: side, class_weights: balanced}
  - {kind: regression, name: diameter, target: size, weight: 0.5}
"""


@pytest.fixture
def write_config(tmp_path):
    """Write a config with its data beside it, and further lines."""

    def write(more: str = "", *, data: str = "data: set\n", tasks: str = TASKS) -> Path:
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / "dataset.yaml").write_text(DATA)
        path = tmp_path / "config.yaml"
        path.write_text(data + tasks + more)
        return path

    return write


def problems_of(path: Path, *overrides: str, kind=ConfigError) -> list[str]:
    with pytest.raises(kind) as caught:
        load_config(path, overrides)
    return str(caught.value).splitlines()


def test_defaults_are_filled_in_and_the_data_found_beside_the_file(write_config):
    path = write_config("network: {width: 4}\n")
    config = load_config(path)
    assert config.data.root == (path.parent / "set").resolve()
    assert config.data.columns["side"].classes == ("no", "yes")
    assert [task.name for task in config.tasks] == ["lesion", "side", "diameter"]
    assert (config.network.width, config.network.levels) == (4, 5)
    assert set(config.arguments()) == {
        "split",
        "preprocess",
        "augment",
        "network",
        "delivery",
        "training",
        "precision",
        "seed",
        "inputs",
        "consistency",
    }


def test_data_may_be_written_into_the_file(write_config):
    inline = "data:\n" + "".join(f"  {line}\n" for line in DATA.replace("root: .", "root: set").splitlines())
    assert load_config(write_config(data=inline)).data == load_config(write_config()).data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "data: expected a folder with dataset.yaml, or the content of one; received None"),
        ("data: 3\n", "received 3"),
        ("data: nowhere\n", "nowhere: no such folder"),
        ("data: {root: set}\n", "config.yaml: data: neither `images` nor `table`"),
    ],
)
def test_wrong_data_are_reported(write_config, data, message):
    (problem,) = problems_of(write_config(data=data), kind=DataError)
    assert message in problem


def test_every_problem_comes_at_once_with_its_place_and_value(write_config):
    path = write_config(
        "trainin: {epochs: 3}\n"
        "training: {epochs: 0, batch_size: many}\n"
        "network: {widht: 8, dropout: 1.5}\n"
        "split: {train: 0.9}\n"
        "precision: half\n",
        data="data: nowhere\n",
        tasks="tasks:\n  - {kind: segmentation, name: 1x}\n  - {kind: detection, name: boxes}\n  - {name: y}\n",
    )
    expected = [
        ("nowhere: no such folder", ""),
        ("trainin: there is no such setting", ""),
        ("training.epochs: ", "(received 0)"),
        ("training.batch_size: ", "(received 'many')"),
        ("network.widht: there is no such setting", ""),
        ("network.dropout: ", "(received 1.5)"),
        ("split: train + val + test must be 1, received 1.3", ""),
        ("precision: ", "(received 'half')"),
        ("tasks.1x.name: ", "(received '1x')"),
        ("tasks.boxes: 'kind' is 'detection'; there is ", ", ".join(map(repr, KINDS))),
        ("tasks.y: the setting 'kind' is missing", ""),
    ]
    problems = problems_of(path)
    assert len(problems) == len(expected)
    for place, value in expected:
        (line,) = [problem for problem in problems if place in problem]
        assert value in line
        assert str(path) in line or "nowhere" in line


def test_two_tasks_of_one_name_are_refused(write_config):
    again = TASKS + "  - {kind: regression, name: side, target: size}\n"
    (problem,) = problems_of(write_config(tasks=again))
    assert "tasks: two tasks are named 'side'" in problem


def test_no_task_is_refused(write_config):
    assert "tasks: this setting is missing" in problems_of(write_config(tasks=""))[0]
    assert "tasks: there must be at least one task" in problems_of(write_config(tasks="tasks: []\n"))[0]


def test_a_file_that_is_absent_or_not_a_mapping_is_reported(tmp_path):
    with pytest.raises(
        DataError, match="this is a folder; expected a YAML file: give the name of a file in it"
    ):
        load_config(tmp_path)
    assert "cannot be read (No such file" in problems_of(tmp_path / "c.yaml", kind=DataError)[0]
    (tmp_path / "c.yaml").write_text("[1, 2]")
    assert (
        "expected `key: value` lines, received a list" in problems_of(tmp_path / "c.yaml", kind=DataError)[0]
    )
    (tmp_path / "c.yaml").write_text("a: [1\nb: {\n")
    assert len(problems_of(tmp_path / "c.yaml", kind=DataError)) == 1


def test_a_key_with_nothing_behind_it_is_as_good_as_none(write_config):
    assert load_config(write_config("network:\n#  width: 3\n")) == load_config(write_config())
    assert load_config(write_config("network:\n"), ["network.width=3"]).network.width == 3


def test_overrides_reach_settings_and_tasks(write_config):
    config = load_config(
        write_config("training: {epochs: 7, batch_size: 3}\n"),
        [
            "training.epochs=2",
            "training.learning_rate=1e-4",
            "tasks.diameter.weight=0.25",
            "tasks.diameter.loss=mse",
            "network.width=8",
            "preprocess.size=[64, 96]",
            "augment=none",
            "training.patience=null",
        ],
    )
    assert (config.training.epochs, config.training.batch_size, config.training.patience) == (2, 3, None)
    assert config.training.learning_rate == 1e-4
    assert (config.tasks[2].weight, config.tasks[2].loss_kind) == (0.25, "mse")
    assert config.tasks[0].weight == 1.0
    assert (config.network.width, config.preprocess.size, config.augment) == (8, (64, 96), "none")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs", "expected key=value, received 'training.epochs'"),
        ("=3", "expected key=value"),
        ("tasks.size.weight=2", "no task 'size'; there is lesion, side, diameter"),
        ("tasks.lesion=2", "name the task's setting too"),
        ("seed.deep=2", "seed is 3, which has no settings"),
        ("data.root=x", "data is 'set', which has no settings"),
        ("training.epochs=[1", "the value is not YAML"),
        ("training.epoch=3", "training.epoch: there is no such setting; did you mean epochs"),
        ("training.epochs=many", "training.epochs: .*received 'many'"),
    ],
)
def test_bad_overrides_are_reported(write_config, override, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(write_config("seed: 3\n"), [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("more", ["", "augment: [{HorizontalFlip: {p: 0.5}}]\nsplit: {stratify: side}\n"])
def test_resolved_config_loads_again_to_the_same_from_anywhere(write_config, tmp_path, monkeypatch, more):
    config = load_config(write_config(more), ["tasks.side.class_weights=[1, 2]"])
    elsewhere = tmp_path / "else" / "where"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    Path("resolved.yaml").write_text(yaml.safe_dump(config.to_config()))
    assert load_config("resolved.yaml") == config
    assert config.data.masks["lesion"].values == {0: 0, 255: 1}


@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob("benchmarks/recipes/*.yaml")), ROOT / "data_samples/phantom/config.yaml"]
)
def test_our_own_configs_are_right(path, tmp_path):
    config = load_config(path)
    (tmp_path / "resolved.yaml").write_text(yaml.safe_dump(config.to_config()))
    assert load_config(tmp_path / "resolved.yaml") == config


def test_an_unknown_preset_and_an_unsuitable_size_are_seen_without_keras(write_config):
    (problem,) = problems_of(write_config("augment: lite\n"))
    assert (
        ": augment: there is no preset 'lite'; the presets are none, light, light_without_zoom, any_direction"
        in problem
    )
    assert problem.count("augment") == 1
    (problem,) = problems_of(write_config("preprocess: {size: [100, 256]}\n"))
    assert "divisible by 16, received 100x256; the nearest that are: 96x256 and 112x256" in problem


def test_a_problem_of_an_override_says_so(write_config):
    path = write_config()
    with pytest.raises(ConfigError, match=r"config.yaml with training.epoch=2: training.epoch: there is no"):
        load_config(path, ["training.epoch=2"])


def test_a_bare_off_is_a_word(write_config):
    """YAML 1.1 reads it as a truth value."""
    config = load_config(write_config("delivery: {cache: off}\n"))
    assert config.delivery.cache == config.to_config()["delivery"]["cache"] == "off"
    assert load_config(write_config(), ["delivery.cache=disk"]).delivery.cache == "disk"
    (problem,) = problems_of(write_config(), "delivery.cache=on")
    assert "delivery.cache" in problem
