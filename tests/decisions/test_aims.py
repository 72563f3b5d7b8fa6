"""The texts of aims, and which of them a task takes."""

import pytest

from unet_mtl import Classification, Multilabel, OverlappingSegmentation, Segmentation
from unet_mtl.decisions.aims import Aim, Aims
from unet_mtl.errors import ConfigError
from unet_mtl.evaluation.tuning import make_tuners

TWO = Classification(name="side", classes=("left", "right"))
THREE = Classification(name="diagnosis", classes=("normal", "benign", "malignant"))
SIGNS = Multilabel(name="signs", targets=("mass", "scar"))
MASK = Segmentation(name="mask", classes=("background", "lesion"))
LAYERS = OverlappingSegmentation(name="layers", classes=("background", "whole", "core"))


@pytest.mark.parametrize(
    ("text", "aim"),
    [
        ("f1", Aim("f1")),
        (" youden ", Aim("youden")),
        ("sensitivity>=0.95", Aim("sensitivity", 0.95)),
        ("specificity >= .9", Aim("specificity", 0.9)),
        ("cost:1,5", Aim("cost", costs=((1.0, 5.0),))),
        ("cost:0,1,5/1,0,2/9,4,0", Aim("cost", costs=((0, 1, 5), (1, 0, 2), (9, 4, 0)))),
    ],
)
def test_an_aim_is_read_and_written(text, aim):
    assert Aim.parse(text) == aim
    assert Aim.parse(str(aim)) == aim


@pytest.mark.parametrize(
    "text",
    [
        *("", "F2", "sensitivity", "sensitivity>=95", "sensitivity>=0", "sensitivity<=0.9"),
        *("cost:", "cost:1", "cost:1,-1", "cost:0,0", "cost:1,inf", "cost:a,b", "cost:1,2/3,4"),
        "cost:0,1/1,0,2/9,4,0",
    ],
)
def test_another_text_is_refused_with_the_possible_ones(text):
    with pytest.raises(ConfigError, match=r"is not an `aim`; expected f1, youden, sensitivity>=0\.95"):
        Aim.parse(text)


def test_the_nearest_aim_counts():
    parts = {"side": (), "signs": ("mass", "scar")}
    texts = ["youden", "signs=f1", "signs.mass=sensitivity>=0.9", "signs.scar = cost:1,2"]
    aims = Aims(texts, [TWO, SIGNS], parts)
    assert str(aims.of("side")) == "youden"
    assert str(aims.of("signs", "mass")) == "sensitivity>=0.9"
    assert str(aims.of("signs", "scar")) == "cost:1,2"
    assert str(aims.of("signs", "other")) == "f1"
    assert aims.own_parts("signs") == ["mass", "scar"]


@pytest.mark.parametrize(
    ("task", "aim", "words"),
    [
        (TWO, "mask=f1", "there is no task 'mask'; there is side"),
        (TWO, "side.left=f1", "it has one threshold, so write its name alone"),
        (SIGNS, "signs.lump=f1", "no part 'lump'; it has 'mass', 'scar'"),
        (THREE, "sensitivity>=0.9", r"such as 'diagnosis\.malignant=sensitivity>=0\.9'"),
        (THREE, "cost:1,2", "give 3 rows of 3 costs"),
        (THREE, "diagnosis.benign=cost:0,1,5/1,0,2/9,4,0", "give cost:FP,FN"),
        (TWO, "cost:0,1,5/1,0,2/9,4,0", "give cost:FP,FN"),
        (MASK, "mask.lesion=f1", "one threshold"),
        (MASK, "cost:0,1,5/1,0,2/9,4,0", "masks take cost:FP,FN"),
    ],
)
def test_an_aim_that_does_not_fit_is_refused(task, aim, words):
    with pytest.raises(ConfigError, match=words):
        make_tuners([task], [aim], clean_up=False)


def test_two_classes_of_one_task_cannot_both_have_an_aim():
    with pytest.raises(ConfigError, match="its classes exclude each other"):
        make_tuners([THREE], ["diagnosis.benign=f1", "diagnosis.normal=f1"], clean_up=False)
    assert len(make_tuners([LAYERS], ["layers.core=f1", "layers.whole=youden"], clean_up=False)) == 1


def test_all_wrong_aims_are_reported_at_once():
    with pytest.raises(ConfigError) as found:
        make_tuners([TWO], ["no", "lesion=f1"], clean_up=False)
    assert len(str(found.value).splitlines()) == 2
