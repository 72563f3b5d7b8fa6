"""Predictions for new cases, in the user's terms."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unet_mtl.arguments import check_types
from unet_mtl.batches.inputs.channels import add_indicators, match_channels
from unet_mtl.batches.inputs.columns import Labels
from unet_mtl.batches.inputs.inputs import IMAGE, Inputs
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.consistency import Rule, Verdict, needs_spacing
from unet_mtl.data.channel_files import ChannelFile, missing_names
from unet_mtl.data.images import read_spacing
from unet_mtl.data.view import View
from unet_mtl.decisions.stored import Decisions
from unet_mtl.errors import ConfigError, DataError, NotFiniteError, RunError
from unet_mtl.inference.add_on import AddOn
from unet_mtl.inference.array_checks import require_finite, require_image
from unet_mtl.inference.case_result import Answers, Case, CaseResult
from unet_mtl.inference.contradictions import Contradictions
from unet_mtl.inference.engine import Engine, Outputs
from unet_mtl.inference.engines import ENGINES
from unet_mtl.inference.tiling import predict_tiles
from unet_mtl.runs import RunFolder
from unet_mtl.tasks import Prediction, Task, learned_tasks

_READERS = 2
"""Number of images that are read at the same time, unless they are large."""

_BATCH_BYTES = 2**26
"""Memory of the images in a batch, at their original size, from which on no further one is added to it."""


class _Read(NamedTuple):
    """What was read of one case: the image at its original size and on the network's canvas, and the columns."""

    image: NDArray[Any] | None
    fitted: NDArray[Any] | None
    columns: Labels


class Predictor:
    """A trained run: preprocessing, an engine that computes, and the tasks that decode its outputs.

    Args:
        engine: The engine with the trained network.
        tasks: Adapted tasks, one for each output of the network, and those that are derived from them.
        preprocess: The fixed steps that the network was trained with.
        inputs: Inputs of the network; None for an image alone.
        batch_size: Number of cases in a batch.
        rules: Consistency rules that the answers must not contradict.
        decisions: Thresholds, temperatures and clean-up that replace those of the tasks; None: none.

    Raises:
        RunError: The engine takes inputs of other shapes than `preprocess` and `inputs` give.
    """

    def __init__(
        self,
        engine: Engine,
        tasks: Sequence[Task[Any, Any]],
        preprocess: Preprocess,
        inputs: Inputs | None = None,
        *,
        batch_size: int = 8,
        rules: Sequence[Rule] = (),
        decisions: Decisions | None = None,
    ) -> None:
        self.engine = engine
        self.decisions = decisions or Decisions()
        self._trained = tuple(tasks)
        self.tasks = tuple(self.decisions.apply(tasks))
        self.preprocess = preprocess
        self.inputs = inputs or Inputs()
        self.batch_size = batch_size
        self.rules = tuple(rules)
        self.add_ons: tuple[AddOn, ...] = (Contradictions(self.rules, self.tasks),) if rules else ()
        self._require_sizes()

    @property
    def needs_spacing(self) -> bool:
        """Whether an answer or a rule depends on the pixel spacing."""
        return needs_spacing(self.rules) or any(task.needs_spacing for task in self.tasks)

    def untuned(self) -> "Predictor":
        """Return a predictor with the same engine and the settings of the training in place of decisions."""
        return Predictor(
            self.engine,
            self._trained,
            self.preprocess,
            self.inputs,
            batch_size=self.batch_size,
            rules=self.rules,
        )

    def tasks_of(self, case: Case) -> tuple[Task[Any, Any], ...]:
        """Return the tasks by which a case is scored, which are the same for all cases of a run."""
        return self.tasks

    def _require_sizes(self) -> None:
        expected: dict[str, tuple[int, ...]] = {table.name: (table.width,) for table in self.inputs.tables}
        if self.inputs.image:
            channels = self.preprocess.channels + self.inputs.n_indicators
            expected[IMAGE] = (*self.preprocess.size, channels)
        for name, size in self.engine.sizes.items():
            if size != expected.get(name):
                raise RunError(
                    f"engine {self.engine.name!r} takes {name!r} of shape {size}, and the run gives "
                    f"{expected.get(name, 'no such input')}; export or train the network again"
                )
        lacking = expected.keys() - self.engine.sizes.keys()
        if lacking:
            raise RunError(
                f"engine {self.engine.name!r} takes no {min(lacking)!r}, which the run gives; export or train the "
                "network again"
            )

    @classmethod
    @check_types
    def load(
        cls, run: RunFolder | Path | str, *, batch_size: int = 8, engine: str = "keras", tuned: bool = True
    ) -> "Predictor":
        """Load the best network of a run.

        Args:
            run: A trained run.
            batch_size: Number of cases in a batch.
            engine: Name of the engine, a key of `ENGINES`.
            tuned: Whether the thresholds, temperatures and clean-up that `tune` stored in the run are applied.

        Raises:
            RunError: `run` is not a run folder, or its network is missing or cannot be loaded.
            ConfigError: There is no such engine.
        """
        if engine not in ENGINES:
            raise ConfigError(f"there is no engine {engine!r}; there is {', '.join(ENGINES)}")
        run = RunFolder.open(run)
        # The network comes last, since loading it takes longest.
        tasks, preprocess, inputs = run.read_tasks(), run.read_preprocess(), run.read_inputs()
        rules = run.read_consistency()
        decisions = run.read_decisions() if tuned else Decisions()
        loaded = ENGINES[engine].load(run)
        try:
            return cls(
                loaded, tasks, preprocess, inputs, batch_size=batch_size, rules=rules, decisions=decisions
            )
        except RunError as error:
            raise RunError(f"{run.network} does not fit the other files of its run: {error}") from error

    @check_types
    def __call__(
        self,
        image: Path | str | NDArray[Any] | Mapping[str, Path | str | None] | None = None,
        frame: int | None = None,
        columns: Labels | None = None,
        spacing_mm: tuple[float, float] | None = None,
    ) -> Answers:
        """Predict one case.

        Args:
            image: A path; or an array (height, width, channels), uint8 or floating point in 0..1. If the run was
                trained with an `intensity` other than "auto", an array holds the numbers of a file, of any type, and
                is converted in the same way. For a network that reads each channel from a file of its own: the path of
                each channel by its name, None for a missing one; or an array of all channels. None if the network reads
                no image.
            frame: Index of the picture in a file of several; None for the usual one.
            columns: Words and numbers of the table by column, for a network that reads columns; an absent column is
                unknown.
            spacing_mm: Distance between neighbouring (rows, columns) in mm, for lengths and areas; None for that in
                the header of a file. If neither is known, they are in pixels.

        Returns:
            Predictions by task name; masks at the image's own size.

        Raises:
            ConfigError: An argument has a wrong type, such as a list in place of an array.
            DataError: The file is not a readable image, the array is not an image, the network reads an image and
                none was given, or its output is not finite.
        """
        opened: NDArray[Any] | None = None
        files: tuple[ChannelFile, ...] = ()
        first = next(filter(None, image.values()), None) if isinstance(image, Mapping) else image
        if spacing_mm is None and self.needs_spacing and isinstance(first, Path | str):
            spacing_mm = read_spacing(Path(first), frame)
        if isinstance(image, np.ndarray):
            numbers = require_image(image, self.preprocess)
            opened = self.preprocess.convert(numbers) if self.inputs.image else None
        else:
            if isinstance(image, Mapping):
                files = tuple(
                    ChannelFile(name, Path(path or ""), frame, missing=path is None)
                    for name, path in image.items()
                )
            path = Path(image) if isinstance(image, Path | str) else None
            opened = self._open(Case("this case", path, frame, channels=files))
        (raw,) = self._compute([self._fit(opened, columns or {}, missing_names(files))])
        where = str(image) if isinstance(image, Path | str) else "this case"
        try:
            return self._decode(raw, opened, spacing_mm, where)
        except NotFiniteError as error:
            raise error.explain() from error

    def predict(self, cases: Iterable[Case]) -> Iterator[CaseResult]:
        """Predict many cases, in their order, one batch at a time.

        Each image is decoded once. A case that cannot be predicted gives a result with an error, and the others are
        predicted nevertheless. The memory does not depend on the number of cases: batches of large images are smaller,
        and a result that the caller has dropped is released before the next one is made. docs/runs.md states the
        bytes per pixel.

        Args:
            cases: The cases; read lazily.

        Yields:
            The result of each case.

        Raises:
            ConfigError: An element is not a `Case`.
        """
        cases = iter(cases)
        with ThreadPoolExecutor(_READERS) as pool:
            largest = _BATCH_BYTES  # the first image is read alone, since its size is not known
            while batch := self._read_batch(cases, pool, largest):
                largest = max(_bytes_of(item) for _, item in batch) or largest
                yield from self._predict_batch(batch)

    def _read_batch(
        self, cases: Iterator[Case], pool: ThreadPoolExecutor, largest: int
    ) -> deque[tuple[Case, _Read | DataError]]:
        """Read images until they fill a batch, several at the same time if they fit into it by the `largest` so far."""
        batch: deque[tuple[Case, _Read | DataError]] = deque()
        n_bytes = 0
        # An image that is predicted in tiles fills batches of its own.
        size = self.batch_size if self.preprocess.tile_overlap is None else _READERS
        while len(batch) < size and n_bytes < _BATCH_BYTES:
            at_once = _READERS if n_bytes + _READERS * largest <= _BATCH_BYTES else 1
            following = list(islice(cases, min(at_once, size - len(batch))))
            if not following:
                break
            batch.extend(zip(following, pool.map(self._read, following), strict=True))
            sizes = [_bytes_of(item) for _, item in batch]
            n_bytes, largest = sum(sizes), max(sizes) or largest
        return batch

    def _predict_batch(self, batch: deque[tuple[Case, _Read | DataError]]) -> Iterator[CaseResult]:
        """Yield the results of a batch, which is emptied."""
        raws = self._compute([item._replace(image=None) for _, item in batch if isinstance(item, _Read)])
        while batch:
            case, item = batch.popleft()
            if isinstance(item, DataError):
                yield CaseResult(case, item)
            else:
                yield self._complete(case, item.image, next(raws))

    def decode_again(self, result: CaseResult) -> CaseResult:
        """Return the result of a case with the answers of this predictor for the same outputs of the network."""
        return self._complete(result.case, result.image, dict(result.raw))

    def _complete(self, case: Case, image: NDArray[Any] | None, raw: Outputs) -> CaseResult:
        truths: dict[str, Any] = {}
        try:
            if case.record is not None and case.description is not None:
                truths = {task.name: task.read(case.record, case.description) for task in self.tasks}
            answers = self._decode(raw, image, case.spacing_mm, str(case.image or case.name))
        except DataError as error:
            return CaseResult(case, error)
        picture = None
        if image is not None:
            missing = missing_names(case.channels)
            names = [channel.name for channel in self.inputs.channels]
            picture = self.preprocess.picture_of(image, [names.index(name) for name in missing])
        result = CaseResult(case, None, image, picture, raw, answers, truths)
        return replace(result, extras={add_on.name: add_on.examine(result) for add_on in self.add_ons})

    def check(self, answers: Answers, spacing_mm: tuple[float, float] | None = None) -> tuple[Verdict, ...]:
        """Check whether the answers for one case contradict each other.

        Args:
            answers: Predictions for the case by task name.
            spacing_mm: Distance between neighbouring (rows, columns) in mm; None if unknown, then diameters are not
                checked.

        Returns:
            Verdict of each of `rules`; empty for a run without rules.
        """
        return Contradictions(self.rules, self.tasks).check(answers, spacing_mm)

    def _read(self, case: Case) -> _Read | DataError:
        if not isinstance(case, Case):
            raise ConfigError(
                f"`cases` has an element of the type {type(case).__name__}; expected a Case, as in `cases_of(dataset, "
                "predictor.inputs)`; a path or an array is predicted by calling the predictor with it"
            )
        if isinstance(case.columns, DataError):
            return case.columns
        try:
            image = self._open(case)
        except DataError as error:
            return error
        try:
            return self._fit(image, case.columns, missing_names(case.channels))
        except DataError as error:
            return DataError(f"{case.image}: {error}", kind=error.kind)

    def _open(self, case: Case) -> NDArray[Any] | None:
        if not self.inputs.image:
            return None
        files = match_channels(self.inputs.channels, case.channels)
        if not files and case.image is None:
            raise DataError("the network reads an image, and none was given")
        return self.preprocess.open(case.image or Path(), case.frame, files)

    def _fit(self, image: NDArray[Any] | None, columns: Labels, missing: Sequence[str] = ()) -> _Read:
        fitted = None
        if image is not None:
            fitted = add_indicators(self.preprocess.fit_image(image)[0], self.inputs.channels, missing)
        return _Read(image, fitted, columns)

    def _compute(self, read: Sequence[_Read]) -> Iterator[Outputs]:
        """Yield the outputs of each case, without the axis of cases; of tiled images one after the other."""
        if not read:
            return
        rows = {t.name: np.stack([t.encode(item.columns) for item in read]) for t in self.inputs.tables}
        fitted = [item.fitted for item in read if item.fitted is not None]
        overlap = self.preprocess.tile_overlap
        if fitted and overlap is not None:
            for i, image in enumerate(fitted):
                row = {name: values[i] for name, values in rows.items()}
                yield self._compute_tiles(image, row, overlap)
            return
        images = [self.preprocess.scale(image) for image in fitted]
        outputs = self.engine(({IMAGE: np.stack(images)} if images else {}) | rows)
        for i in range(len(read)):
            yield {name: output[i] for name, output in outputs.items()}

    def _compute_tiles(
        self, image: NDArray[Any], row: dict[str, NDArray[np.float32]], overlap: float
    ) -> Outputs:
        def outputs(tiles: NDArray[Any]) -> Outputs:
            rows = {name: np.repeat(values[None], len(tiles), axis=0) for name, values in row.items()}
            return self.engine({IMAGE: self.preprocess.scale(tiles)} | rows)

        return predict_tiles(
            outputs,
            image,
            size=self.preprocess.size,
            overlap=overlap,
            spatial={task.name for task in self.tasks if task.spatial},
            batch_size=self.batch_size,
        )

    def _decode(
        self, raw: Outputs, image: NDArray[Any] | None, spacing_mm: tuple[float, float] | None, where: str
    ) -> Answers:
        answers: dict[str, Prediction] = {}
        size = None if image is None else (image.shape[0], image.shape[1])
        for task in learned_tasks(self.tasks):
            output = raw[task.name]
            require_finite(output, task, where)
            if task.spatial and size is not None:
                answer = task.decode_resized(self.preprocess.restore(output, size))
            else:
                answer = task.decode(output)
            if task.reads_view and size is not None:
                answer = task.restore(answer, View(self.preprocess.resize_factors(size), spacing_mm))
            answers[task.name] = task.finish(answer, spacing_mm)
            if not task.spatial:
                numbers = [cell for cell in answer.cells().values() if not isinstance(cell, str)]
                require_finite(np.asarray(numbers), task, where)
        derived = {task.name: task.derive(answers, spacing_mm) for task in self.tasks if task.derived}
        return {task.name: (derived if task.derived else answers)[task.name] for task in self.tasks}


def _bytes_of(item: _Read | DataError) -> int:
    return item.image.nbytes if isinstance(item, _Read) and item.image is not None else 0
