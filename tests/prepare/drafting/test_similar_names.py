"""Tables name images in many ways; those that do not fit are named with the cure."""

import pandas as pd
import pytest

from unet_mtl.prepare.drafting.affixes import Affix
from unet_mtl.prepare.drafting.similar_names import find_other_zeros

N = 12
DIAGNOSES = ["benign", "malignant"]


def table(names, column="file"):
    rows = [f"{name};{DIAGNOSES[i % 2]};{40 + i}" for i, name in enumerate(names)]
    return "\n".join([f"{column};dx;age", *rows])


@pytest.mark.parametrize(
    "before",
    [
        "C:\\data\\study\\images\\",
        "D:\\images\\",
        "\\\\server\\share\\",
        "C:/data/",
        "/home/me/images/",
        "images\\",
    ],
)
@pytest.mark.parametrize("after", [".png", ""])
def test_paths_of_other_machines(make, draft, before, after):
    names = [f"{before}a{i}{after}" for i in range(N)]
    dataset, config, _, _ = draft(make("images/a{}.png", "masks/a{}.png", n=N, t__csv=table(names)))
    assert dataset.description.names == f"{before}{{case}}{after}"
    assert len(dataset) == N
    assert all(record.masks and record.labels for record in dataset)
    assert [task.name for task in config.tasks] == ["mask", "dx"]


@pytest.mark.parametrize(
    ("image", "cell"),
    [("{:03d}", "{}"), ("{}", "{:03d}"), ("img_{:04d}", "img_{:02d}.png"), ("s{:02d}", "images/s{}.png")],
)
def test_names_that_differ_in_leading_zeros(make, image, cell, tmp_path):
    from unet_mtl import api
    from unet_mtl.prepare.drafting.assembly import draft_folder

    folder = make(
        f"images/{image}.png", f"masks/{image}.png", n=N, t__csv=table(map(cell.format, range(N)), "ID")
    )
    drafted = draft_folder(folder)
    assert drafted.table is not None
    assert drafted.table.case == "ID"
    (doubt,) = drafted.table.doubts
    assert doubt in drafted.notes.unsure
    assert "`unet-mtl check` lists these cases" in doubt
    api.init(folder)
    checkup = api.check(folder)
    (renamed,) = [finding for finding in checkup.findings if finding.name == "image-renamed"]
    assert renamed.kind.repair == "always"
    assert len(renamed.cases) in (10, 12)


@pytest.mark.parametrize(
    ("cells", "cases"),
    [
        (["1", "2"], ["01", "001", "2"]),  # two files
        (["1", "01", "2", "02"], ["001", "002"]),  # two cells
        (["1", "1", "2"], ["01", "02"]),  # repeated
        (["1", "2"], ["1", "2"]),  # equal
        (["41", "42", "7"], ["007", "008", "009", "010", "011"]),  # ages
    ],
)
def test_zeros_are_added_only_if_one_file_fits(cells, cases):
    assert find_other_zeros(pd.DataFrame({"ID": cells}), cases, [Affix()], 0.5) is None


def test_a_column_of_identifiers_goes_first():
    rows = pd.DataFrame({"rank": ["2", "1"], "ID": ["1", "2"]})
    assert find_other_zeros(rows, ["01", "02"], [Affix()], 0.5) == ("ID", {"1": "01", "2": "02"})


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (
            [f"x\\{i}\\A{i}.JPG" for i in range(N)],
            "although file seems to name the images: x\\0\\A0.JPG is not the name of images/a0.png, nor its path in",
        ),
        (["?"] * N, "no column names the images, such as a0 or a0.png for images/a0.png."),
    ],
)
def test_tables_that_are_not_used_are_explained_with_own_names(make, draft, names, reason):
    folder = make("images/a{}.png", n=N, t__csv=table(names))
    dataset, _, notes, _ = draft(folder)
    assert dataset.description.table is None
    assert any(line.startswith("t.csv is not used") and reason in line for line in notes.unsure), notes.unsure
