"""Answers for new images, in the user's terms."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.errors import DataError, RunError
from unet_mtl.network import IMAGE, in_precision
from unet_mtl.pipeline.device import choose_precision
from unet_mtl.pipeline.preprocess import Preprocess
from unet_mtl.prediction.tiling import predict_tiles
from unet_mtl.runs import RunFolder
from unet_mtl.tasks import Prediction, Task

Answers = dict[str, Prediction]


class Predictor:
    """A trained network with everything around it that answers depend on.

    Args:
        network: From `build_network`, trained.
        tasks: Adapted ones, by which its outputs are understood.
        preprocess: The fixed steps that it was trained with.
        batch_size: Images a step.
    """

    def __init__(
        self, network: Any, tasks: Sequence[Task[Any, Any]], preprocess: Preprocess, *, batch_size: int = 8
    ) -> None:
        self.network = network
        self.tasks = tuple(tasks)
        self.preprocess = preprocess
        self.batch_size = batch_size

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
        return cls(network, run.read_tasks(), run.read_preprocess(), batch_size=batch_size)

    def __call__(self, image: Path | str | NDArray[Any], frame: int | None = None) -> Answers:
        """Answers for one image.

        Args:
            image: A path; or an array (height, width, 1 or 3), uint8 or floating point in 0..1. Where the run was
                trained with an `intensity` of its own, an array holds the numbers of a file, of any type, and gets
                the same.
            frame: Which picture of a file that has several.

        Returns:
            A prediction by task name; masks at the image's own size.

        Raises:
            DataError: The file is not a readable image, or the array none.
        """
        if isinstance(image, np.ndarray):
            numbers = _checked(image, of_any_range=self.preprocess.intensity != "auto")
            fitted = self.preprocess.fit_image(self.preprocess.convert(numbers))
        else:
            fitted = self.preprocess.read(Path(image), frame)
        return self._answer([fitted])[0]

    def predict(
        self, paths: Sequence[Path], frames: Sequence[int | None] | None = None
    ) -> Iterator[tuple[Path, Answers | DataError]]:
        """Answers for many files, in their order; for an unreadable one the error, so that the rest goes on.

        Args:
            paths: One may stand there several times, with other frames.
            frames: Which picture of each file; None: the usual one of all.
        """
        chosen = [None] * len(paths) if frames is None else list(frames)
        with ThreadPoolExecutor(2) as pool:
            for start in range(0, len(paths), self.batch_size):
                chunk = paths[start : start + self.batch_size]
                read = list(pool.map(self._read, chunk, chosen[start : start + self.batch_size]))
                answers = iter(self._answer([fitted for fitted in read if not isinstance(fitted, DataError)]))
                for path, fitted in zip(chunk, read, strict=True):
                    yield path, fitted if isinstance(fitted, DataError) else next(answers)

    def _read(self, path: Path, frame: int | None) -> tuple[NDArray[Any], tuple[int, int]] | DataError:
        try:
            return self.preprocess.read(path, frame)
        except DataError as error:
            return error

    def _answer(self, fitted: Sequence[tuple[NDArray[Any], tuple[int, int]]]) -> list[Answers]:
        if not fitted:
            return []
        if self.preprocess.fit == "crops":
            raws = [self._predict_whole(self.preprocess.scale(image)) for image, _ in fitted]
        else:
            outputs = self._outputs(np.stack([self.preprocess.scale(image) for image, _ in fitted]))
            raws = [{name: output[i] for name, output in outputs.items()} for i in range(len(fitted))]
        return [
            {task.name: self._decode(task, raw[task.name], size) for task in self.tasks}
            for raw, (_, size) in zip(raws, fitted, strict=True)
        ]

    def _outputs(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        # Not `predict`, which waits at its end for tf.data to wind down.
        outputs: dict[str, NDArray[np.float32]] = self.network.predict_on_batch({IMAGE: batch})
        return outputs

    def _predict_whole(self, image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return predict_tiles(
            self._outputs,
            image,
            size=self.preprocess.size,
            overlap=self.preprocess.crops.overlap,
            spatial={task.name for task in self.tasks if task.spatial},
            batch_size=self.batch_size,
        )

    def _decode(self, task: Task[Any, Any], raw: NDArray[np.float32], size: tuple[int, int]) -> Prediction:
        prediction: Prediction = task.decode(self.preprocess.restore(raw, size) if task.spatial else raw)
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
