"""Each file belongs to one case: what several cases, classes or uses claim is an error."""

import numpy as np
import pytest
import yaml

from unet_mtl.data.records import read_dataset, scan_dataset
from unet_mtl.errors import DataError


def write(folder, files, *, table=None, **content):
    """Write empty files and a description, and return the folder."""
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if table is not None:
        (folder / "cases.csv").write_text("\n".join(table) + "\n")
        content["table"] = "cases.csv"
    content.setdefault("images", "images/{case}.png")
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def lesion(path, **more):
    return {"lesion": {"path": path, "classes": ["background", "lesion"]} | more}


def claims_of(folder):
    return [o for o in scan_dataset(folder)[1] if o.kind in ("image-claimed", "mask-claimed")]


def test_masks_of_img10_are_not_masks_of_img1(tmp_path):
    numbers = range(1, 13)
    files = [f"{kind}/img{k}.png" for k in numbers for kind in ("images", "masks")]
    folder = write(tmp_path, files, masks=lesion("masks/{case}*.png"))
    found = claims_of(folder)
    assert [(o.kind, set(o.cases)) for o in found] == [
        ("mask-claimed", {"img1", f"img{k}"}) for k in (10, 11, 12)
    ]
    pattern = "the mask 'lesion' of case {!r} (`masks/{{case}}*.png`)"
    assert found[0].text == (
        f"{tmp_path / 'masks/img10.png'}: this file is {pattern.format('img1')} and {pattern.format('img10')}; "
        "write `masks/{case}.png` in dataset.yaml, which fits one case"
    )
    with pytest.raises(DataError, match=r"img10\.png") as error:
        read_dataset(folder)
    assert len(error.value.problems) == 3


@pytest.mark.parametrize("between", ["_", "-", " ", "."])
def test_the_advice_is_a_pattern_that_works(tmp_path, between):
    names = ["img1", "img10", "img1_2", "a", "ab", "a b", "x[1]", "x[1]0"]
    files = [f"images/{name}.png" for name in names]
    files += [f"masks/{name}{between}{k}.png" for name in names[:2] + names[3:5] + names[6:] for k in (1, 2)]
    folder = write(tmp_path, files, masks=lesion("masks/{case}*.png"))
    found = claims_of(folder)
    assert found
    (advice,) = {o.text.partition("write `")[2].partition("`")[0] for o in found}
    write(tmp_path, [], masks=lesion(advice))
    assert claims_of(folder) == []
    used = [file.path.name for record in read_dataset(folder) for file in record.masks.get("lesion", ())]
    assert len(used) == 12


def test_names_that_no_pattern_separates_are_to_be_renamed(tmp_path):
    files = ["images/a.png", "images/ab.png", "masks/a.png", "masks/a1.png", "masks/ab.png"]
    (found,) = claims_of(write(tmp_path, files, masks=lesion("masks/{case}*.png")))
    assert found.text.endswith("write a pattern in dataset.yaml that fits one case, or rename the files")


@pytest.mark.parametrize("seed", range(20))
def test_exactly_the_files_of_several_cases_are_reported(tmp_path, seed):
    """Compared with prefixes of names, which need no patterns."""
    rng = np.random.default_rng(seed)
    stems = {"".join(rng.choice(list("ab01_ "), rng.integers(1, 4))).strip() for _ in range(12)}
    cases = sorted(stem for stem in stems if stem)
    masks = sorted({case + str(rng.choice(["", "_m", "1", "b"])) for case in cases})
    files = [f"images/{case}.png" for case in cases] + [f"masks/{mask}.png" for mask in masks]
    found = claims_of(write(tmp_path, files, masks=lesion("masks/{case}*.png")))
    expected = {mask: {case for case in cases if mask.startswith(case)} for mask in masks}
    assert {o.text.partition(".png:")[0].rpartition("/")[2]: set(o.cases) for o in found} == {
        mask: owners for mask, owners in expected.items() if len(owners) > 1
    }


def test_two_rows_with_one_image(tmp_path):
    table = ["case,file", "left,1.png", "right,1.png", "other,2.png"]
    folder = write(tmp_path, ["images/1.png", "images/2.png"], table=table, images="images/{file}")
    (found,) = claims_of(folder)
    assert (found.kind, found.cases) == ("image-claimed", ("left", "right"))
    assert "the image of case 'left' (`images/{file}`) and the image of case 'right'" in found.text
    assert found.text.endswith("keep one row for each image, or correct its path")


def test_an_image_that_is_its_own_mask(tmp_path):
    files = ["1.png", "1_tumor.png", "2.png", "2_tumor.png"]
    content = {"table": ["case", "1", "2"], "images": "{case}.png"}
    found = claims_of(write(tmp_path, files, **content, masks=lesion("{case}*.png")))
    assert [o.cases for o in found] == [("1",), ("2",)]
    assert (
        "this file is the image of case '1' (`{case}.png`) and the mask 'lesion' of case '1'" in found[0].text
    )
    assert found[0].text.endswith("write `{case}_*.png` in dataset.yaml, which fits one case")


def test_a_file_of_two_classes(tmp_path):
    files = {"wall": "masks/{case}_w*.png", "wallet": "masks/{case}_wallet*.png"}
    described = {"m": {"files": files, "classes": ["background", "wall", "wallet"]}}
    paths = ["images/1.png", "masks/1_wallet1.png", "masks/1_wall.png"]
    (found,) = claims_of(write(tmp_path, paths, masks=described))
    assert "mask 'm' for 'wall' of case '1'" in found.text
    assert "mask 'm' for 'wallet' of case '1'" in found.text


def test_what_is_shared_on_purpose_is_no_error(tmp_path):
    table = ["case,patient", "t1,ann", "t2,ann", "t3,bob"]
    images = [f"images/t{k}.png" for k in (1, 2, 3)]
    content = {"table": table, "patient": "patient"}
    masks = lesion("masks/{patient}.png") | {"rim": lesion("masks/{patient}.png")["lesion"]}
    folder = write(tmp_path, [*images, "masks/ann.png", "masks/bob.png"], **content, masks=masks)
    assert claims_of(folder) == []
    table = ["case,volume,slice", "a,v,0", "b,v,1"]
    content = {"table": table, "images": "{volume}.tif", "frame": "slice"}
    folder = write(tmp_path / "frames", ["v.tif", "v_mask.tif"], **content, masks=lesion("{volume}_mask.tif"))
    assert claims_of(folder) == []


def test_one_mask_of_two_patients_is_an_error(tmp_path):
    table = ["case,patient,mask", "t1,ann,m1.png", "t2,bob,m1.png"]
    content = {"table": table, "patient": "patient", "masks": lesion("masks/{mask}")}
    (found,) = claims_of(write(tmp_path, ["images/t1.png", "images/t2.png", "masks/m1.png"], **content))
    assert found.cases == ("t1", "t2")
