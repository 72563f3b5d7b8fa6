"""The typer classes behind `unet-mtl`: what the help shows, and how errors are printed."""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from unet_mtl.cli.flags import naming_arguments_of
from unet_mtl.cli.problems import print_problems
from unet_mtl.cli.signals import exit_code
from unet_mtl.errors import UnetMtlError


class Command(TyperCommand):
    """One command of the program."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return all parameters, `--help` included."""
        return _without_metavar(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error that the user can act on is printed and ends it with exit code 1.

        An interruption ends it with 128 plus the number of the signal.
        """
        with naming_arguments_of(self):
            try:
                return super().invoke(ctx)
            except UnetMtlError as error:
                print_problems(str(error).splitlines())
                raise typer.Exit(1) from error
            except KeyboardInterrupt as interruption:
                typer.echo("interrupted", err=True)
                raise typer.Exit(exit_code(interruption)) from None
            except OSError as error:
                # A path that could not even be looked at: no permission, or a name that is too long.
                if error.filename is None or error.strerror is None:
                    raise
                print_problems([f"{error.filename}: {error.strerror}"])
                raise typer.Exit(1) from error


class Group(TyperGroup):
    """The program, which holds the commands."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return all parameters, `--help` included."""
        return _without_metavar(super().get_params(ctx))


def _without_metavar(params: list[Any]) -> list[Any]:
    """Remove the metavar of flags, which would look as if they took a value."""
    for param in params:
        if getattr(param, "is_bool_flag", False):
            param.metavar = ""
    return params
