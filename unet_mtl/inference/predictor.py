"""Answers for new images, in the user's terms."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.batches.inputs.columns import Labels
from unet_mtl.batches.inputs.inputs import IMAGE, Inputs
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.consistency import Rule, Verdict, said_by_answers
from unet_mtl.device import choose_precision
from unet_mtl.errors import DataError, RunError
from unet_mtl.inference.tiling import predict_tiles
from unet_mtl.network import in_precision
from unet_mtl.runs import RunFolder
from unet_mtl.tasks import Prediction, Task

Answers = dict[str, Prediction]
Fitted = tuple[NDArray[Any], tuple[int, int]]
"""An image at the network's size, and its original (height, width)."""


class Predictor:
    """A trained network with everything around it that answers depend on.

    Args:
        network: From `build_network`, trained.
        tasks: Adapted ones, by which its outputs are understood.
        preprocess: The fixed steps that it was trained with.
        inputs: What it reads; None: an image alone.
        batch_size: Cases a step.
        rules: What its answers must not contradict.
    """

    def __init__(
        self,
        network: Any,
        tasks: Sequence[Task[Any, Any]],
        preprocess: Preprocess,
        inputs: Inputs | None = None,
        *,
        batch_size: int = 8,
        rules: Sequence[Rule] = (),
    ) -> None:
        self.network = network
        self.tasks = tuple(tasks)
        self.preprocess = preprocess
        self.inputs = inputs or Inputs()
        self.batch_size = batch_size
        self.rules = tuple(rules)

    @classmethod
    def load(cls, run: RunFolder | Path | str, *, batch_size: int = 8) -> "Predictor":
        """Loads the best network of a run, in the precision it was trained in if this machine is fast at that.

        Raises:
            RunError: Not a run folder, or without a network.
        """
        import keras

        run = RunFolder.open(run)
        try:
            network = keras.saving.load_model(run.network, compile=False)
        except (OSError, ValueError) as error:
            raise RunError(f"{run.network} cannot be loaded ({error}); train again") from error
        trained_in = run.read_environment()["precision"]
        if trained_in not in ("float32", choose_precision("auto")):
            network = in_precision(network, "float32")
        return cls(
            network,
            run.read_tasks(),
            run.read_preprocess(),
            run.read_inputs(),
            batch_size=batch_size,
            rules=run.read_consistency(),
        )

    def __call__(
        self,
        image: Path | str | NDArray[Any] | None = None,
        frame: int | None = None,
        columns: Labels | None = None,
    ) -> Answers:
        """Answers for one case.

        Args:
            image: A path; or an array (height, width, 1 or 3), uint8 or floating point in 0..1. Where the run was
                trained with an `intensity` of its own, an array holds the numbers of a file, of any type, and gets
                the same.
                None: the network reads no image.
            frame: Which picture of a file that has several.
            columns: Words and numbers of the table by column, for a network that reads some; what is not there is
                unknown.

        Returns:
            A prediction by task name; masks at the image's own size.

        Raises:
            DataError: The file is not a readable image, or the array none, or the network reads an image and there
                is none.
        """
        row = columns or {}
        if image is None or not self.inputs.image:
            if self.inputs.image:
                raise DataError("the network reads an image, and none was given")
            return self._answer([None], [row])[0]
        if isinstance(image, np.ndarray):
            numbers = _checked(image, of_any_range=self.preprocess.intensity != "auto")
            fitted = self.preprocess.fit_image(self.preprocess.convert(numbers))
        else:
            fitted = self.preprocess.read(Path(image), frame)
        return self._answer([fitted], [row])[0]

    def predict(
        self,
        paths: Sequence[Path | None],
        frames: Sequence[int | None] | None = None,
        columns: Sequence[Labels] | None = None,
    ) -> Iterator[tuple[Path | None, Answers | DataError]]:
        """Answers for many cases, in their order; for an unreadable image the error, so that the rest goes on.

        Args:
            paths: Of the images; one may stand there several times, with other frames. None where there is none.
            frames: Which picture of each file; None: the usual one of all.
            columns: Of each case, as of `__call__`; None: nothing is known of any.
        """
        chosen = [None] * len(paths) if frames is None else list(frames)
        rows: Sequence[Labels] = [{}] * len(paths) if columns is None else columns
        with ThreadPoolExecutor(2) as pool:
            for start in range(0, len(paths), self.batch_size):
                part = slice(start, start + self.batch_size)
                read = list(pool.map(self._read, paths[part], chosen[part]))
                good = [i for i, fitted in enumerate(read) if not isinstance(fitted, DataError)]
                fitted = [one for one in read if not isinstance(one, DataError)]
                answers = dict(zip(good, self._answer(fitted, [rows[start + i] for i in good]), strict=True))
                for i, path in enumerate(paths[part]):
                    error = read[i]
                    yield path, error if isinstance(error, DataError) else answers[i]

    def check(self, answers: Answers, spacing_mm: tuple[float, float] | None = None) -> list[Verdict]:
        """Looks for what the answers for one case contradict.

        Args:
            answers: For the case.
            spacing_mm: (row, column) distance of its pixels; None: unknown, and diameters are not checked.

        Returns:
            What each of `rules` finds; nothing for a run without rules.
        """
        said = said_by_answers(answers, spacing_mm)
        return [rule.check(said) for rule in self.rules]

    def _read(self, path: Path | None, frame: int | None) -> Fitted | DataError | None:
        if not self.inputs.image:
            return None
        if path is None:
            return DataError("the network reads an image, and this case has none")
        try:
            return self.preprocess.read(path, frame)
        except DataError as error:
            return error

    def _answer(self, fitted: Sequence[Fitted | None], columns: Sequence[Labels]) -> list[Answers]:
        if not fitted:
            return []
        rows = {table.name: np.stack([table.encode(row) for row in columns]) for table in self.inputs.tables}
        images = [self.preprocess.scale(one[0]) for one in fitted if one is not None]
        if images and self.preprocess.fit == "crops":
            raws = [
                self._predict_whole(image, {name: row[i] for name, row in rows.items()})
                for i, image in enumerate(images)
            ]
        else:
            outputs = self._outputs(({IMAGE: np.stack(images)} if images else {}) | rows)
            raws = [{name: output[i] for name, output in outputs.items()} for i in range(len(fitted))]
        sizes = [None if one is None else one[1] for one in fitted]
        return [
            {task.name: self._decode(task, raw[task.name], size) for task in self.tasks}
            for raw, size in zip(raws, sizes, strict=True)
        ]

    def _outputs(self, batch: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        # Not `predict`, which waits at its end for tf.data to wind down.
        outputs: dict[str, NDArray[np.float32]] = self.network.predict_on_batch(batch)
        return outputs

    def _predict_whole(
        self, image: NDArray[np.float32], row: dict[str, NDArray[np.float32]]
    ) -> dict[str, NDArray[np.float32]]:
        def outputs(tiles: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
            rows = {name: np.repeat(values[None], len(tiles), axis=0) for name, values in row.items()}
            return self._outputs({IMAGE: tiles} | rows)

        return predict_tiles(
            outputs,
            image,
            size=self.preprocess.size,
            overlap=self.preprocess.crops.overlap,
            spatial={task.name for task in self.tasks if task.spatial},
            batch_size=self.batch_size,
        )

    def _decode(
        self, task: Task[Any, Any], raw: NDArray[np.float32], size: tuple[int, int] | None
    ) -> Prediction:
        whole = self.preprocess.restore(raw, size) if task.spatial and size is not None else raw
        prediction: Prediction = task.decode(whole)
        return prediction


def _checked(image: NDArray[Any], *, of_any_range: bool) -> NDArray[Any]:
    if image.ndim == 3 and image.shape[-1] in (1, 3) and image.size:
        if image.dtype == np.uint8 or (of_any_range and image.dtype.kind in "buif"):
            return image
        if image.dtype.kind == "f" and image.min() >= 0 and image.max() <= 1:
            return image.astype(np.float32)
    received = f"{image.dtype} {image.shape}" + (f" up to {image.max():g}" if image.size else "")
    raise DataError(
        f"expected an array (height, width, 1 or 3), uint8 or floating point in 0..1; received {received}"
    )
