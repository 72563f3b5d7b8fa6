"""Python arguments in error messages, as the user of a command knows them."""

from pathlib import Path
from typing import Annotated

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

import unet_mtl as um
from unet_mtl.cli import app
from unet_mtl.cli.command import Command
from unet_mtl.cli.flags import to_flags
from unet_mtl.errors import ConfigError, DataError


@pytest.fixture
def call():
    """Runs a command that fails with the given message."""
    small = typer.Typer()

    @small.command(cls=Command)
    def fail(
        message: str,
        folder: Annotated[Path, typer.Argument(metavar="FOLDER|CONFIG")],
        case_column: str = "case",
        out: Annotated[Path, typer.Option("-f", "--fix")] = Path(),
        force: Annotated[bool, typer.Option("--force")] = False,
    ) -> None:
        raise DataError(message)

    return lambda message: CliRunner().invoke(small, [message, "."])


@pytest.mark.parametrize(
    ("message", "printed"),
    [
        ("`case_column` is 'x'", "--case-column is 'x'"),
        ("give `out`, another name than `folder`", "give --fix, another name than FOLDER|CONFIG"),
        ("a `message`", "a MESSAGE"),
        ("use `force=True`", "use --force"),
        ("as in `case_column='{case}_left'`.", 'as in --case-column "{case}_left".'),
        ("as in `case_column={0: 0, 255: 1}`", "as in --case-column 0=0,255=1"),
        ("as in `case_column=['row', 'column']`", "as in --case-column row,column"),
        ("as in `out=FOLDER`", "as in --fix FOLDER"),
        ("`spacing`, case_column, `fix` and `unet-mtl check --fix OUT`", None),
    ],
)
def test_arguments_of_the_running_command_become_what_is_typed(call, message, printed):
    done = call(message)
    assert done.exit_code == 1
    assert done.stderr == f"error: {printed or message}\n"


def test_without_a_command_messages_stay_as_they_are(call):
    call("`out`")
    assert to_flags("`out`") == "`out`"


def test_every_line_of_an_error_is_printed(call):
    assert call("`out`\nand `force`").stderr == "error: --fix\nerror: and --force\n"


def test_the_command_score_names_its_options(tmp_path):
    for side in ("truth", "predicted"):
        (tmp_path / side).mkdir()
        Image.new("1", (2, 2)).save(tmp_path / side / "a.png")
    folders = [str(tmp_path / side) for side in ("truth", "predicted")]
    done = CliRunner().invoke(app, ["score", *folders, "--tolerance", "-1"])
    assert (done.exit_code, done.stderr) == (
        1,
        "error: --tolerance is -1; expected a number above 0 (millimetres, or pixels without a spacing)\n",
    )
    with pytest.raises(ConfigError, match=r"^`tolerance` is -1; expected a number above 0"):
        um.score(*folders, tolerance=-1, progress=False)
    done = CliRunner().invoke(app, ["score", *folders, "--classes", "lesion"])
    assert done.stderr.endswith("the background first, as in --classes background,lesion\n")


def test_the_command_to_nnunet_names_its_options(data_folder, tmp_path):
    done = CliRunner().invoke(app, ["to-nnunet", str(data_folder), str(tmp_path / "raw"), "--target", "x"])
    assert (done.exit_code, done.stderr) == (1, "error: --target is 'x'; expected one of the masks zone\n")
    with pytest.raises(DataError, match=r"^`target` is 'x'; expected one of the masks zone"):
        um.to_nnunet(um.read_dataset(data_folder), tmp_path / "raw", target="x")
