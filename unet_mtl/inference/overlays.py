"""Overlays: images with the predicted contours and answers, and with the true ones where they are known."""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unet_mtl.data.description import DESCRIPTION_FILE, Description
from unet_mtl.data.frames import describe_frames
from unet_mtl.data.records import Record, read_dataset
from unet_mtl.errors import DataError
from unet_mtl.inference.case_result import Case, CaseResult
from unet_mtl.inference.columns import require_optional
from unet_mtl.inference.files import plain_cases
from unet_mtl.inference.frame_column import Frames
from unet_mtl.inference.predictor import Predictor
from unet_mtl.inference.spacing import Spacings
from unet_mtl.plots.overlay import add_legend, draw_image, new_figure, save_figure
from unet_mtl.tasks import Task
from unet_mtl.wording import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE = 64
"""Number of characters that fit above a picture; longer lines, such as those of several numbers, are wrapped."""


def draw_overlay(axes: "Axes", tasks: Sequence[Task[Any, Any]], result: CaseResult, heading: str) -> None:
    """Draw one case.

    The title has the heading, the answers with the true ones where they are known, and the lines of the add-ons.

    Args:
        axes: Empty axes.
        tasks: Tasks of the run; each draws what it can.
        result: Result with an image.
        heading: First line of the title.
    """
    if result.image is None:
        raise DataError(f"case {result.case.name!r} has no image to draw on")
    draw_image(axes, result.image if result.picture is None else result.picture)
    lines = [heading]
    for task in tasks:
        truth, answer = result.truths.get(task.name), result.answers[task.name]
        task.draw_case(axes, truth, answer, tasks)
        title = answer.title()
        if title:
            title += f", true: {task.truth_title(truth)}" if truth is not None else ""
            lines += textwrap.wrap(title, LINE)
    for marks in (extra.marks() for extra in result.extras.values()):
        lines += [part for line in marks.lines for part in textwrap.wrap(line, LINE)]
        if marks.frame:
            axes.spines[:].set(visible=True, color=marks.frame, linewidth=2.5)
    axes.set_title("\n".join(lines), fontsize=8)
    add_legend(axes)


def make_overlay(tasks: Sequence[Task[Any, Any]], result: CaseResult, heading: str) -> "Figure":
    """Draw one case as a figure of its own, about as wide as high whatever the aspect ratio of the image.

    Args:
        tasks: Tasks of the run.
        result: Result with an image.
        heading: First line of the title.
    """
    height, width = (1, 1) if result.image is None else result.image.shape[:2]
    figure = new_figure(5.0 * min(1.8, max(1.0, width / height)), 6.4, images=True)
    draw_overlay(figure.subplots(), tasks, result, heading)
    return figure


def write_overlays(
    predictor: Predictor,
    images: Mapping[Path, str] | Sequence[Case],
    out: Path,
    *,
    trained_on: Description | None = None,
    spacings: Spacings | None = None,
    frame: int | None = None,
    on_case: Callable[[], None] = lambda: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> list[Path]:
    """Write one picture for each image, with the truth that a data set has for it.

    Args:
        predictor: The predictor of a run.
        images: Names by path, in the form that `find_images` returns; or cases whose channels are separate files.
        out: Folder for the pictures: `<name>.png`, or `<name>_<case>.png` if a file holds several cases.
        trained_on: Description of the data that the run was trained on, for the truth of its own cases.
        spacings: Source of the pixel spacing of images without a spacing in a data set; None for their headers.
        frame: Index of the picture to read from files that hold several, unless a data set describes them; None for the
            usual one.
        on_case: Callback after each picture.
        on_note: Function that receives a sentence about files that hold several pictures.

    Returns:
        Paths of the pictures.

    Raises:
        DataError: An image is unreadable, or the run reads no images, or columns that are not known.
        WriteError: The system refused to write a file.
    """
    if not predictor.inputs.image:
        raise DataError("the run reads no images; there is nothing to draw on")
    cases = list(_cases(predictor, plain_cases(images, Frames(otherwise=frame)), KnownTruths(trained_on)))
    if any(case.record is None for case in cases):
        require_optional(predictor.inputs)
    note = describe_frames(picture for case in cases for picture in case.pictures())
    if note:
        on_note(f"{note}; `frame` selects another one")
    written: list[Path] = []
    spaced = (spacings or Spacings()).fill(cases, needed=predictor.needs_spacing)
    for result in predictor.predict(spaced):
        case = result.require().case
        mark = " (SYNTHETIC data)" if case.description is not None and case.description.synthetic else ""
        if case.frames > 1:
            mark += f" (picture {case.frame} of 0 to {case.frames - 1})"
        path = out / f"{case.name}.png"
        save_figure(make_overlay(predictor.tasks, result, f"{printable(case.name)}{mark}"), path)
        written.append(path)
        del result  # releases the image and the masks before those of the next case are made
        on_case()
    return written


def _cases(predictor: Predictor, plain: Iterable[Case], truths: "KnownTruths") -> Iterator[Case]:
    """Yield the cases with the labels that a data set has for them."""
    for case in plain:
        records = [] if case.image is None else truths.find(case.image)
        if not records:
            yield case
        for record, description in records:
            yield Case(
                name=f"{case.name}_{record.case}" if len(records) > 1 else case.name,
                image=case.image,
                frame=record.frame,
                channels=record.channels,
                columns=predictor.inputs.columns_of(record),
                spacing_mm=record.spacing_mm,
                record=record,
                description=description,
            )


class KnownTruths:
    """Finds the records of an image in a data set that describes it.

    This is the data set of the dataset.yaml in one of the three folders above the image or, for an image that it does
    not contain, the data set that the run was trained on, whose dataset.yaml may be anywhere.

    Args:
        trained_on: Description of the latter; None for no such data set.
    """

    def __init__(self, trained_on: Description | None = None) -> None:
        self.trained_on = trained_on
        self._datasets: dict[Path, dict[Path, list[tuple[Record, Description]]]] = {}

    def find(self, image: Path) -> list[tuple[Record, Description]]:
        """Return the records of an image with the description of their data set.

        Args:
            image: Path of the image.

        Returns:
            One pair for each case of the file; empty if no data set describes the image.

        Raises:
            DataError: The data set cannot be read.
        """
        for where, source in self._sources(image):
            if records := self._records(where, source).get(image.resolve()):
                return records
        return []

    def _sources(self, image: Path) -> Iterator[tuple[Path, Path | Description]]:
        files = (folder / DESCRIPTION_FILE for folder in list(image.resolve().parents)[:3])
        near = next((file for file in files if file.is_file()), None)
        if near is not None:
            yield near, near.parent
        # The training data may be gone, and are not needed for images of other folders.
        if self.trained_on is not None and self.trained_on.root.resolve() in (
            *image.absolute().parents,
            *image.resolve().parents,
        ):
            yield Path(), self.trained_on

    def _records(
        self, where: Path, source: Path | Description
    ) -> dict[Path, list[tuple[Record, Description]]]:
        if where not in self._datasets:
            dataset = read_dataset(source)
            by_image: dict[Path, list[tuple[Record, Description]]] = {}
            for record in dataset:
                if record.image is not None:
                    by_image.setdefault(record.image.resolve(), []).append((record, dataset.description))
            self._datasets[where] = by_image
        return self._datasets[where]
