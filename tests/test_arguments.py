"""Arguments of a wrong type in public functions: one message that says what is expected, before anything is done."""

from collections.abc import Sequence
from inspect import signature
from pathlib import Path

import numpy as np
import pytest

import unet_mtl as um
from unet_mtl import api
from unet_mtl.arguments import check_types
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
        ("evaluate", (None,), "`run` is None; expected a RunFolder or a FoldsFolder or a path"),
        ("import_coco", (["a.json"], "out"), "`source` is of the type list; expected a path"),
        (
            "check",
            ("a", ["mask"]),
            "`tasks[0]` is 'mask'; expected a task; give an object such as `Segmentation(name='mask')`",
        ),
        ("train", (DATASET, [TASK, None], "run"), "`tasks[1]` is None; expected a task"),
        ("predict", ("run", ["a.png", None], "out"), "`paths[1]` is None; expected a path"),
        (
            "overlay",
            ("run", [np.zeros((4, 4))], "out"),
            "`paths[0]` is of the type ndarray; expected a path; save it as an image, or give the array to a "
            "`Predictor`",
        ),
        ("load_config", ("a.yaml", [1]), "`overrides[0]` is of the type int; expected text"),
        ("get_weights", (None,), "`encoder` is None; expected text"),
        ("load_config", ("a.yaml", "seed=1"), "`overrides` is 'seed=1'; expected a list; write ['seed=1']"),
    ],
)
def test_a_wrong_type_is_one_message(dataset, name, arguments, message):
    received = [dataset if argument is DATASET else argument for argument in arguments]
    with pytest.raises(ConfigError) as caught:
        getattr(um, name)(*received)
    assert str(caught.value) == message


@pytest.mark.parametrize("wrong", [None, 3, [None], object(), {"a": 1}, np.zeros((2, 2))])
@pytest.mark.parametrize("name", sorted(set(api.__all__) - {"list_weights"}))
def test_every_required_argument_of_a_wrong_type_is_our_error(dataset, tmp_path, name, wrong):
    function = getattr(um, name)
    required = [p.name for p in signature(function).parameters.values() if p.default is p.empty]
    right = {"dataset": dataset, "tasks": [TASK], "paths": [tmp_path / "absent"]}
    for replaced in set(required) - {"settings"}:
        others = {part: right.get(part, str(tmp_path / "absent")) for part in required if part != "settings"}
        with pytest.raises(ConfigError, match=rf"^`{replaced}(\[\d\])?` is "):
            function(**others | {replaced: wrong})


def test_numbers_of_numpy_and_other_collections_are_right():
    @check_types
    def call(
        paths: Sequence[Path | str], n: int = 1, share: float | None = None, *, shown: bool = False
    ) -> int:
        return len(paths)

    assert call(("a", Path("b")), np.int64(2), np.float32(0.5), shown=np.bool_(True)) == 2
    assert call({"a": 1}.keys(), True, 1) == 1
    with pytest.raises(ConfigError, match=r"^`n` is of the type float; expected a whole number$"):
        call([], 0.5)


def test_every_public_function_refuses_them():
    """None of them takes a number where a path, a list or a data set is expected."""
    for name in sorted(set(api.__all__) - {"list_weights"}):  # which takes no argument
        with pytest.raises(ConfigError, match=r"^`\w+` is of the type int; expected "):
            getattr(um, name)(1)


@pytest.mark.parametrize(
    "task", [um.Segmentation(name="m"), um.Classification(name="m"), um.Ordinal(name="m")]
)
def test_a_network_of_tasks_without_classes_says_how_to_get_them(task):
    with pytest.raises(ConfigError, match=r"^1 task without classes: 'm'; .* with `task.adapt\(train\)`"):
        um.build_network([task], size=(16, 16))
