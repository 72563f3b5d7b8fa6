"""unet-mtl check: the file of the page, and the last lines of a repair."""

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

import unet_mtl as um
from unet_mtl.cli import app
from unet_mtl.errors import WriteError
from unet_mtl.prepare.doctor.page import write_page


@pytest.fixture
def folder(write_data, tmp_path):
    path = tmp_path / "tiny"
    write_data(path)
    return path


def call(*words):
    return CliRunner().invoke(app, ["check", *map(str, words)], env={"COLUMNS": "200"})


def test_a_folder_is_no_page(folder, tmp_path):
    done = call(folder, "--html", tmp_path, "--fix", tmp_path / "copy")
    assert done.exit_code == 2
    assert "is a folder" in done.output
    assert not (tmp_path / "copy").exists()
    with pytest.raises(WriteError, match=r"is a folder; give the name of a file, .*check\.html"):
        write_page(um.check(folder), tmp_path)


def test_a_repair_on_request_is_named(folder, tmp_path):
    content = yaml.safe_load((folder / "dataset.yaml").read_text())
    content["masks"]["zone"].update(classes=["background", "lesion"], values={0: 0, 255: 1})
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content))
    for path in (folder / "masks").iterdir():
        drawn = np.zeros((32, 32), np.uint8)
        drawn[10:20, 8:18] = 255
        Image.fromarray(255 - drawn if path.stem == "case_05" else drawn).save(path)
    done = call(folder, "--fix", tmp_path / "copy")
    assert done.exit_code == 0
    assert "mask-inverted is repaired on request, after you have looked: --mend mask-inverted" in done.output
    done = call(folder, "--fix", tmp_path / "repaired", "--mend", "mask-inverted")
    assert "--mend" not in done.output


def test_that_nothing_was_written_is_the_last_line(folder, tmp_path):
    for path in (folder / "images").iterdir():
        path.unlink()
    done = call(folder, "--fix", tmp_path / "copy")
    *_, more, last = done.stderr.splitlines()
    assert more.startswith("error: and 2 more like: case 'case_00'")
    assert last.startswith("error: nothing was written: ")
