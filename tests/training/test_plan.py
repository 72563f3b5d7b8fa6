"""What may be given to a training from Python."""

import pytest

from unet_mtl import NetworkSettings, Preprocess, Segmentation, TrainingSettings
from unet_mtl.errors import ConfigError
from unet_mtl.training.plan import Plan

TASKS = [Segmentation(name="zone")]


def test_mappings_are_what_a_config_has_there():
    training = {"epochs": 3, "balancing": "dwa", "sampling": {"task": "zone"}}
    given = Plan.of(TASKS, preprocess={"size": [64, 32]}, network={"width": 8}, training=training)
    made = Plan.of(
        TASKS,
        preprocess=Preprocess(size=(64, 32)),
        network=NetworkSettings(width=8),
        training=TrainingSettings(**training),
    )
    assert given == made
    assert given.split == Plan.of(TASKS).split


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"preprocess": {"sice": 3}}, "preprocess: sice: there is no such setting"),
        ({"training": {"epochs": 0}}, r"training: epochs: .*greater than or equal to 1 \(received 0\)"),
        (
            {"training": {"sampling": "zone"}},
            r"training: sampling: expected settings by name.*received 'zone'",
        ),
        (
            {"training": {"balancing": "gradnrom"}},
            "training: balancing: 'name' is 'gradnrom'; there is 'fixed'",
        ),
        ({"network": 3}, r"network: expected settings by name.*\(received 3\)"),
    ],
)
def test_what_is_wrong_in_them_is_named(wrong, words):
    with pytest.raises(ConfigError, match=words):
        Plan.of(TASKS, **wrong)
