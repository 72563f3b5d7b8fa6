"""Settings from Python: objects or mappings, unknown names, and every field on its way to the disk and back."""

import pytest
import yaml
from typer.testing import CliRunner

import unet_mtl as um
from unet_mtl import NetworkSettings, Preprocess, Segmentation, TrainingSettings
from unet_mtl.cli import app
from unet_mtl.config import make_config
from unet_mtl.errors import ConfigError
from unet_mtl.tasks import TASKS
from unet_mtl.training.session import Session

ZONE = [Segmentation(name="zone")]

# A value other than the default; a field that is not here is tested with its default.
VALUES = {
    "inputs": {"clinical": ["side"]},
    "split": {"column": "ratio", "train": 0.5, "val": 0.25, "test": 0.25},
    "preprocess": {"size": [32, 32], "channels": 1},
    "augment": [{"HorizontalFlip": {"p": 0.25}}],
    "network": {"width": 4, "levels": 3},
    "training": {"epochs": 3, "batch_size": 2, "balancing": "uncertainty"},
    "delivery": {"cache": "off"},
    "precision": "float32",
    "seed": 11,
    "consistency": [{"mask": "zone", "needs": {"task": "diagnosis", "is_not": "normal"}}],
}


def test_mappings_are_what_a_config_has_there(dataset):
    training = {"epochs": 3, "balancing": "dwa", "sampling": {"task": "zone"}}
    given = make_config(
        dataset.description, ZONE, preprocess={"size": [64, 32]}, network={"width": 8}, training=training
    )
    made = make_config(
        dataset.description,
        ZONE,
        preprocess=Preprocess(size=(64, 32)),
        network=NetworkSettings(width=8),
        training=TrainingSettings(**training),
        split=None,
    )
    assert given == made
    assert given.split == make_config(dataset.description, ZONE).split


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"preprocess": {"sice": 3}}, "preprocess.sice: there is no such setting; correct its name"),
        ({"training": {"epochs": 0}}, r"training.epochs: .*greater than or equal to 1 \(received 0\)"),
        (
            {"training": {"sampling": "zone"}},
            r"training.sampling: expected settings by name.*received 'zone'",
        ),
        (
            {"training": {"balancing": "gradnrom"}},
            "training.balancing: 'name' is 'gradnrom'; there is 'fixed'",
        ),
        ({"network": 3}, r"network: expected settings by name.*\(received 3\)"),
        ({"trainin": {}}, r"^trainin: there is no such setting; did you mean training\?$"),
        ({"epochs": 3}, r"^epochs: there is no such setting; did you mean training\.epochs\?$"),
        ({"network": {"widht": 3}}, r"network\.widht: there is no such setting; did you mean width\?$"),
        ({"consistency": [{"mask": "zone"}]}, r"consistency\.0: a rule has `mask` and either"),
        ({"preprocess": {"size": (30, 32)}}, "divisible by 16, received 30x32"),
    ],
)
def test_wrong_settings_are_named_before_anything_is_read(dataset, tmp_path, wrong, words):
    with pytest.raises(ConfigError, match=words):
        um.train(dataset, ZONE, tmp_path / "run", **wrong)
    assert not list(tmp_path.iterdir())


def test_all_wrong_settings_come_at_once(dataset):
    with pytest.raises(ConfigError) as caught:
        um.show(dataset, ZONE, trainin=3, seed=-1, precision="half", network={"widht": 3, "levels": 1})
    places = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert places == ["network.levels", "network.widht", "precision", "seed", "trainin"]
    with pytest.raises(ConfigError) as caught:
        um.show(
            dataset,
            ZONE,
            inputs={"clinical": ["agee"]},
            preprocess={"size": (30, 32)},
            augment=[{"Transpose": {}}],
            consistency=[{"mask": "zone", "diameter": "size", "tolerance": 0.1}],
        )
    assert len(str(caught.value).splitlines()) == 4


def test_a_kind_of_task_that_is_not_registered_is_refused(dataset, monkeypatch):
    class Other(um.Classification):
        kind: str = "other"

    with pytest.raises(ConfigError, match=r"tasks\.0: 'kind' is 'other'; there is 'segmentation', "):
        make_config(dataset.description, [Other(name="side")])
    monkeypatch.setitem(TASKS, "other", Other)
    config = make_config(dataset.description, [Other(name="side")])
    assert type(config.tasks[0]) is Other
    assert um.Config.model_validate(config.to_config() | {"data": config.data}) == config


@pytest.fixture(scope="module")
def run(dataset, tasks, tmp_path_factory):
    """A run folder of which only the training itself is left out, with every field of `Config` as a keyword."""
    fields = um.Config.model_fields
    settings = {
        name: VALUES.get(name, field.default) for name, field in fields.items() if not field.is_required()
    }
    # The input has the column of the task `side`.
    chosen = [task for task in tasks if task.name != "side"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "fit", lambda self, run, callbacks=(): None)
        path = tmp_path_factory.mktemp("settings") / "run"
        return um.train(dataset, chosen, path, **settings, progress=False)


def test_every_field_is_stored_and_read_back_equal(run, dataset, tasks):
    stored = yaml.safe_load(run.config.read_text())
    assert list(stored) == list(um.Config.model_fields)
    chosen = [task for task in tasks if task.name != "side"]
    config = um.load_config(run.config)
    assert config == make_config(dataset.description, chosen, **VALUES)
    default = make_config(dataset.description, chosen)
    assert {name for name in VALUES if getattr(config, name) == getattr(default, name)} == set()
    assert run.read_config() == stored == config.to_config()


def test_every_field_is_shown(run):
    result = CliRunner().invoke(app, ["show", str(run.config)])
    assert result.exit_code == 0, result.output
    shown = yaml.safe_load(result.stdout.partition("\n\n")[0])
    assert shown == um.load_config(run.config).to_config()
    assert list(shown) == list(um.Config.model_fields)
    for name, field in um.Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, um.SplitSettings.__bases__[0]):
            assert set(shown[name]) == {f.alias or key for key, f in field.annotation.model_fields.items()}


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ([33], "preprocess.size: expected a list of 2 entries (received [33])"),
        ([], "preprocess.size: expected a list of 2 entries (received [])"),
        ([32, 32, 32], "preprocess.size: expected at most 2 entries (received [32, 32, 32])"),
    ],
)
def test_a_list_of_another_length_is_one_error_that_gives_the_length(dataset, size, message):
    with pytest.raises(ConfigError) as caught:
        make_config(dataset.description, ZONE, preprocess={"size": size})
    assert str(caught.value) == message
