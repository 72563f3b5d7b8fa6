"""Arguments of a wrong type in public functions: one message that says what is expected, before anything is done."""

from pathlib import Path

import pytest

import unet_mtl as um
from unet_mtl.errors import ConfigError

TASK = um.Classification(name="diagnosis")
DATASET = "dataset"  # stands for the data set of the fixture


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "train",
            ("a/b", [TASK], "run"),
            "`dataset` is 'a/b'; expected a data set; give `read_dataset('a/b')`",
        ),
        (
            "show",
            (Path("a"), []),
            "`dataset` is of the type PosixPath; expected a data set; give `read_dataset('a')`",
        ),
        (
            "train",
            (DATASET, TASK, "run"),
            "`tasks` is of the type Classification; expected a list; put it in brackets",
        ),
        (
            "ablate",
            (DATASET, "diagnosis", "out"),
            "`tasks` is 'diagnosis'; expected a list; write ['diagnosis']",
        ),
        ("to_nnunet", ("a", "out"), "`dataset` is 'a'; expected a data set; give `read_dataset('a')`"),
        (
            "check",
            (DATASET,),
            "`source` is of the type Dataset; expected a path or a description; give its `description`",
        ),
        ("read_dataset", (None,), "`source` is None; expected a path or a description"),
        ("check", ("a", (), {"seed": 1}), "`split` is of the type dict; expected a SplitSettings or None"),
        ("repair", ("a", "b", (), None, "near"), "`mend` is 'near'; expected a list; write ['near']"),
        (
            "init",
            (DATASET,),
            "`folder` is of the type Dataset; expected a path; give its folder, such as `dataset.description.root`",
        ),
        ("predict", ("run", "a.png", "out"), "`paths` is 'a.png'; expected a list; write ['a.png']"),
        (
            "overlay",
            ("run", DATASET, "out"),
            "`paths` is of the type Dataset; expected a list; put it in brackets",
        ),
        ("evaluate", (None,), "`run` is None; expected a RunFolder or a path"),
        ("import_coco", (["a.json"], "out"), "`source` is of the type list; expected a path"),
        ("load_config", ("a.yaml", "seed=1"), "`overrides` is 'seed=1'; expected a list; write ['seed=1']"),
    ],
)
def test_a_wrong_type_is_one_message(dataset, name, arguments, message):
    received = [dataset if argument is DATASET else argument for argument in arguments]
    with pytest.raises(ConfigError) as caught:
        getattr(um, name)(*received)
    assert str(caught.value) == message


def test_every_public_function_refuses_them():
    """None of them takes a number where a path, a list or a data set is expected."""
    from unet_mtl import api

    for name in api.__all__:
        with pytest.raises(ConfigError, match=r"^`\w+` is of the type int; expected "):
            getattr(um, name)(1)


@pytest.mark.parametrize(
    "task", [um.Segmentation(name="m"), um.Classification(name="m"), um.Ordinal(name="m")]
)
def test_a_network_of_tasks_without_classes_says_how_to_get_them(task):
    with pytest.raises(ConfigError, match=r"^1 task without classes: 'm'; .* with `task.adapt\(train\)`"):
        um.build_network([task], size=(16, 16))
