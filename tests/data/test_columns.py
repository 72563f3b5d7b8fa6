"""Types of columns, and data sets without images."""

import pytest

from unet_mtl.data.description import Description
from unet_mtl.data.records import read_dataset
from unet_mtl.errors import DataError

HEAD = "case,patient,diagnosis,size,spacing,split\n"


@pytest.mark.parametrize(
    ("drop", "words"),
    [
        (("images",), "`masks` needs images"),
        (("images", "masks"), "`spacing_mm` needs images"),
        (("images", "masks", "spacing_mm", "table"), "neither `images` nor `table`"),
    ],
)
def test_what_makes_no_sense_without_images(write_set, drop, words):
    with pytest.raises(DataError, match=words):
        read_dataset(write_set(drop=drop))


def test_a_table_alone(write_set):
    a, b, c, d = read_dataset(write_set(drop=("images", "masks", "spacing_mm")))
    assert [record.image for record in (a, b, c, d)] == [None] * 4
    assert a.labels == {"diagnosis": "benign", "size": 1.5}
    with pytest.raises(DataError, match="case 'a' has no image"):
        a.require_image()


def test_columns_have_types(write_set):
    rows = "a,p1,Y,1,,\nb,p2,0.0,2,,\nc,p3,TRUE,,,\nd,p4,,4,,\n"
    columns = {"diagnosis": {"type": "yes/no"}, "size": {"type": "category"}}
    dataset = read_dataset(write_set(HEAD + rows, columns=columns))
    assert [record.labels.get("diagnosis") for record in dataset] == ["yes", "no", "yes", None]
    assert [record.labels.get("size") for record in dataset] == ["1", "2", None, "4"]
    assert dataset.description.columns["diagnosis"].classes == ("no", "yes")
    again = Description.model_validate(dataset.description.model_dump(mode="json"))
    assert again == dataset.description


def test_a_word_that_is_neither_yes_nor_no(write_set):
    folder = write_set(f"{HEAD}a,p1,perhaps,1,,\n", columns={"diagnosis": {"type": "yes/no"}})
    with pytest.raises(
        DataError, match=r"diagnosis is 'perhaps', which is not among its classes \(no, yes\)"
    ):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"type": "number", "classes": ["a", "b"]}, "`type` is number, which has no `classes`"),
        ({"type": "yes/no", "classes": ["a", "b"]}, "has the classes no and yes"),
        ({"type": "text"}, "expected|should be"),
    ],
)
def test_types_that_contradict_the_rest(write_set, column, words):
    folder = write_set(columns={"diagnosis": column})
    with pytest.raises(DataError, match=words):
        read_dataset(folder)
