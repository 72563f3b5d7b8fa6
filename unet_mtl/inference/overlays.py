"""Overlays: an image with what the network answers, and with what is true where that is known."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from unet_mtl.consistency import NO_SPACING, Verdict
from unet_mtl.data.description import DESCRIPTION_FILE, Description
from unet_mtl.data.records import Record, read_dataset
from unet_mtl.errors import DataError
from unet_mtl.inference.columns import require_optional
from unet_mtl.inference.predictor import Answers, Predictor
from unet_mtl.inference.spacing import Spacings
from unet_mtl.plots.overlay import add_legend, draw_image, new_figure, save_figure
from unet_mtl.tasks import Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRAME = "#d62728"
"""Of a picture whose answers contradict each other."""

LINE = 64
"""Letters that fit above a picture of an overview; several numbers take more than a line."""


def draw_overlay(
    axes: "Axes",
    tasks: Sequence[Task[Any, Any]],
    image: NDArray[Any],
    answers: Answers,
    truths: Mapping[str, Any],
    heading: str,
    verdicts: Sequence[Verdict] = (),
) -> None:
    """Draws one case.

    Args:
        axes: Empty ones.
        tasks: Each draws what it can.
        image: (height, width, 1 or 3), original size.
        answers: By task name.
        truths: By task name; unknown ones may be absent.
        heading: First line of the title; the answers follow, with the truth.
        verdicts: Of `Predictor.check`; contradictions end the title and frame the picture in red.
    """
    draw_image(axes, image)
    lines = [heading]
    for task in tasks:
        truth = truths.get(task.name)
        task.draw_case(axes, truth, answers[task.name])
        words = answers[task.name].title()
        if words:
            words += f", true: {task.truth_title(truth)}" if truth is not None else ""
            lines += textwrap.wrap(words, LINE)
    for words in (verdict.words for verdict in verdicts if verdict.words):
        lines += textwrap.wrap(f"CONTRADICTION: {words}", LINE)
        axes.spines[:].set(visible=True, color=FRAME, linewidth=2.5)
    if any(verdict.unknown == NO_SPACING for verdict in verdicts):
        lines.append(f"diameter not checked: {NO_SPACING}")
    axes.set_title("\n".join(lines), fontsize=8)
    add_legend(axes)


def make_overlay(
    tasks: Sequence[Task[Any, Any]],
    image: NDArray[Any],
    answers: Answers,
    truths: Mapping[str, Any],
    heading: str,
    verdicts: Sequence[Verdict] = (),
) -> "Figure":
    """One case as a picture of its own, about as wide as high whatever the image."""
    height, width = image.shape[:2]
    figure = new_figure(5.0 * min(1.8, max(1.0, width / height)), 6.4, images=True)
    draw_overlay(figure.subplots(), tasks, image, answers, truths, heading, verdicts)
    return figure


def write_overlays(
    predictor: Predictor,
    images: Mapping[Path, str],
    out: Path,
    *,
    spacings: Spacings | None = None,
    on_case: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Writes one picture an image (one a case of a file of several), with the truth that a data set knows.

    Args:
        predictor: Of a run.
        images: From `find_images`.
        out: Folder for `<name>.png`, or `<name>_<case>.png` where a file holds several cases.
        spacings: Of images whose data set says none; None: as their headers say.
        on_case: Called after each image.

    Raises:
        DataError: An image is unreadable, or the run reads no images, or columns that are not known.
        WriteError: The disk refused.
    """
    if not predictor.inputs.image:
        raise DataError("the run reads no images; there is nothing to draw on")
    known = KnownTruths()
    shown: list[tuple[Path, Record | None, Description | None]] = []
    for path in images:
        shown += [(path, *truth) for truth in known.find(path)] or [(path, None, None)]
    paths = [path for path, _, _ in shown]
    columns = [predictor.inputs.columns_of(record) if record else {} for _, record, _ in shown]
    if any(record is None for _, record, _ in shown):
        require_optional(predictor.inputs)
    found = predictor.predict(paths, [record.frame if record else None for _, record, _ in shown], columns)
    written: list[Path] = []
    for (_, answers), (path, record, description) in zip(found, shown, strict=True):
        if isinstance(answers, DataError):
            raise answers
        truths, mark = {}, ""
        if record is not None and description is not None:
            truths = {task.name: task.read(record, description) for task in predictor.tasks}
            mark = " (SYNTHETIC data)" if description.synthetic else ""
        name = images[path] + (f"_{record.case}" if record and paths.count(path) > 1 else "")
        image = predictor.preprocess.open(path, record.frame if record else None)
        spacing_mm = record.spacing_mm if record else None
        if spacing_mm is None and any(rule.measures for rule in predictor.rules):
            spacing_mm = (spacings or Spacings()).find(path, images[path])
        verdicts = predictor.check(answers, spacing_mm)
        figure = make_overlay(predictor.tasks, image, answers, truths, f"{name}{mark}", verdicts)
        save_figure(figure, out / f"{name}.png")
        written.append(out / f"{name}.png")
        on_case()
    return written


class KnownTruths:
    """Finds the records of an image by the dataset.yaml in one of the three folders above it."""

    def __init__(self) -> None:
        self._datasets: dict[Path, dict[Path, list[tuple[Record, Description]]]] = {}

    def find(self, image: Path) -> list[tuple[Record, Description]]:
        """The records and what their labels mean; none for an image that no data set describes."""
        for folder in list(image.resolve().parents)[:3]:
            if (folder / DESCRIPTION_FILE).is_file():
                return self._records(folder).get(image.resolve(), [])
        return []

    def _records(self, folder: Path) -> dict[Path, list[tuple[Record, Description]]]:
        if folder not in self._datasets:
            dataset = read_dataset(folder)
            by_image: dict[Path, list[tuple[Record, Description]]] = {}
            for record in dataset:
                if record.image is not None:
                    by_image.setdefault(record.image.resolve(), []).append((record, dataset.description))
            self._datasets[folder] = by_image
        return self._datasets[folder]
