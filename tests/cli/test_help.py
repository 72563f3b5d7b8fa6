"""The help of each command at the width of a narrow terminal, and the function behind each command."""

import pytest
from typer.testing import CliRunner

import unet_mtl as um
from unet_mtl.cli import app

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]
FLAGS = {
    "ablate": ["--resume"],
    "init": ["--overwrite"],
    "split": ["--overwrite"],
    "train": ["--resume"],
    "check": ["--leave-out"],
    "import": ["--fill-holes", "--ignore-crowds"],
}


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_flags_do_not_look_as_if_they_took_a_value(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "bool" not in result.output.lower()
    words = result.output.split()
    for flag in ("--help", *FLAGS.get(command, ())):
        after = words[words.index(flag) + 1]
        assert after[0].isupper() or after == "With"
        assert not after.isupper() or after == "COCO:"


FUNCTIONS = {
    "import": ["import_coco", "import_label_studio", "import_nnunet"],
    "phantom": ["write_phantom"],
    "runs": ["list_runs"],
    "show": ["show", "show_augment"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_a_public_function(command):
    for name in FUNCTIONS.get(command, [command.replace("-", "_")]):
        assert name in um.__all__
        assert callable(getattr(um, name))
