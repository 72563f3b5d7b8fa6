"""The result of a check as one HTML page with numbers and pictures."""

from pathlib import Path

from unet_mtl.arguments import check_types
from unet_mtl.data.counts import count_patients
from unet_mtl.html.album import Album
from unet_mtl.html.page import render_template, write_html
from unet_mtl.html.pictures import SIDE
from unet_mtl.prepare.doctor.checkup import Checkup
from unet_mtl.prepare.doctor.figures import draw_figures
from unet_mtl.prepare.doctor.sheets import SheetMaker, list_colours
from unet_mtl.wording import count_of

_MOST_TARGETS = 100
_REPAIRS = {
    "": "",
    "always": "A repaired copy corrects this.",
    "on request": "A repaired copy corrects this if you request it.",
}


@check_types
def write_page(checkup: Checkup, path: Path | str) -> Path:
    """Write the result of a check as one HTML page that opens offline and sends nothing.

    Args:
        checkup: The result of `check`.
        path: The file; its folder is created if needed, and an existing file is replaced.

    Returns:
        The path.

    Raises:
        WriteError: `path` is a folder, or the operating system refused to write; no partial file is left.
    """
    return write_html(render_page(checkup), path)


def render_page(checkup: Checkup) -> str:
    """Return the page as text."""
    dataset, labels = checkup.dataset, checkup.tables()["labels"]
    description = dataset.description
    album = Album(dataset)
    maker = SheetMaker(checkup, album)
    return render_template(
        "unet_mtl.prepare.doctor",
        "page.html.jinja",
        name=description.title,
        kind="Data set check",
        source=str(description.root),
        synthetic=description.synthetic,
        counts=_count_files(checkup),
        targets=labels[:_MOST_TARGETS],
        more_targets=max(0, len(labels) - _MOST_TARGETS),
        verdict=_judge(checkup),
        ordinary=maker.ordinary(),
        sheets=[maker.sheet(finding) for finding in checkup.findings],
        repairs=_REPAIRS,
        legend=list_colours(album, checkup),
        figures=draw_figures(checkup),
        side=SIDE,
    )


def _count_files(checkup: Checkup) -> dict[str, str]:
    dataset = checkup.dataset
    images = sum(record.image is not None and record.image.is_file() for record in dataset)
    return {
        "cases": f"{len(dataset):,}",
        "patients": f"{count_patients(dataset):,}" if dataset.description.patient else "not named",
        "image files": f"{images:,}",
        "readable images": f"{len(checkup.inspection.images):,}",
    }


def _judge(checkup: Checkup) -> dict[str, str]:
    """Return whether a training would start, and the number of findings by severity."""
    counts = dict.fromkeys(("error", "warning", "note"), 0)
    for finding in checkup.findings:
        counts[finding.kind.severity] += 1
    return {
        "sentence": "A training would NOT start." if checkup.problems else "A training would start.",
        "counts": ", ".join(count_of(n, severity) for severity, n in counts.items()),
        "worst": next((severity for severity, n in counts.items() if n), "none"),
    }
