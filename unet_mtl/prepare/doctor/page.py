"""A checkup as one page: a file that needs no other, shows numbers and pictures, and runs nothing."""

import re
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from unet_mtl.data.counts import count_patients
from unet_mtl.errors import WriteError
from unet_mtl.files import folder_instead, write_text
from unet_mtl.prepare.doctor.checkup import Checkup
from unet_mtl.prepare.doctor.figures import draw_figures
from unet_mtl.prepare.doctor.pictures import SIDE, Album
from unet_mtl.prepare.doctor.sheets import Binder, legend

_MOST_TARGETS = 100
_MENDS = {
    "": "",
    "always": "`--fix OUT` mends it in a copy.",
    "on request": "`--fix OUT` mends it in a copy, where you ask for it.",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")


def write_page(checkup: Checkup, path: Path | str) -> Path:
    """Writes what was found as one HTML page that opens offline and sends nothing.

    Args:
        checkup: From `check`.
        path: File to be; its folder is made where it is absent, an existing file is replaced.

    Returns:
        The path.

    Raises:
        WriteError: It is a folder, or the operating system refused; nothing half-written is left then.
    """
    path = Path(path)
    if path.is_dir():
        raise WriteError(folder_instead(path))
    write_text(path, render_page(checkup))
    return path


def render_page(checkup: Checkup) -> str:
    """The page as text."""
    template = files("unet_mtl.prepare.doctor").joinpath("page.html.jinja").read_text(encoding="utf-8")
    # names of files and cells of tables come from strangers: whatever is filled in is escaped
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    html = environment.from_string(template).render(_content(checkup))
    # a name of bytes that are no text, or of letters that no page may have
    return _CONTROL.sub("\ufffd", html.encode("utf-8", "backslashreplace").decode("utf-8"))


def _content(checkup: Checkup) -> dict[str, Any]:
    dataset, tables = checkup.dataset, checkup.tables()
    description = dataset.description
    album = Album(dataset)
    binder = Binder(checkup, album)
    images = sum(record.image is not None and record.image.is_file() for record in dataset)
    patients = f"{count_patients(dataset):,}" if description.patient else "not named"
    return {
        "name": description.title,
        "synthetic": description.synthetic,
        "folder": str(description.root),
        "date": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "version": _version(),
        "counts": {
            "cases": f"{len(dataset):,}",
            "patients": patients,
            "image files": f"{images:,}",
            "images that could be read": f"{len(checkup.inspection.images):,}",
        },
        "targets": tables["labels"][:_MOST_TARGETS],
        "more_targets": max(0, len(tables["labels"]) - _MOST_TARGETS),
        "verdict": _verdict(checkup),
        "ordinary": binder.ordinary(),
        "sheets": [binder.sheet(finding) for finding in checkup.findings],
        "mends": _MENDS,
        "legend": legend(album, checkup),
        "figures": draw_figures(checkup),
        "side": SIDE,
    }


def _verdict(checkup: Checkup) -> dict[str, Any]:
    """Whether a training would start, and how much there is to look at."""
    numbers = dict.fromkeys(("error", "warning", "note"), 0)
    for finding in checkup.findings:
        numbers[finding.kind.severity] += 1
    words = [f"{n} {severity}{'s' * (n != 1)}" for severity, n in numbers.items()]
    lines = len(checkup.problems)
    return {
        "starts": not lines,
        "sentence": "A training would NOT start." if lines else "A training would start.",
        "counts": ", ".join(words),
        "worst": next((severity for severity, n in numbers.items() if n), "none"),
    }


def _version() -> str:
    try:
        return version("unet-mtl")
    except PackageNotFoundError:
        return ""
