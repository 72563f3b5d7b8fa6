"""A training with its run folder: checks before a file is written, the screen, and the continuation of a run."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import keras

from unet_mtl.batches.measured_numbers import find_number_faults
from unet_mtl.config import Config, load_config
from unet_mtl.data.case_duplicates import find_case_duplicates
from unet_mtl.data.file_hashes import FileHashes
from unet_mtl.data.inspection import Inspection, inspect_dataset
from unet_mtl.data.observations import texts
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import (
    CaseGroups,
    keeps_duplicates_together,
    split_dataset,
    split_table,
)
from unet_mtl.errors import DataError
from unet_mtl.runs import RunFolder, describe_environment, git_commit
from unet_mtl.training.initial_weights import find_weights
from unet_mtl.training.labels import describe_labels
from unet_mtl.training.limits import describe_end
from unet_mtl.training.progress import ProgressBar
from unet_mtl.training.recipe import describe_recipe
from unet_mtl.training.session import Session, make_session
from unet_mtl.training.split_report import report_split
from unet_mtl.wording import count_of


def run_training(
    config: Config,
    dataset: Dataset,
    path: Path,
    *,
    resume: bool,
    progress: bool,
    heading: str = "",
    inspection: Inspection | None = None,
) -> RunFolder:
    """Check everything, then write the run folder, then train.

    Args:
        config: All settings.
        dataset: The data set that `config.data` describes.
        path: The folder of the run.
        resume: Whether to continue an interrupted run.
        progress: Whether to show a progress bar.
        heading: The words in front of the progress bar, such as "fold 2 of 5".
        inspection: The facts about the files, from `inspect_files`; None: the files are opened.

    Raises:
        UnetMtlError: The conditions are those of `api.train`.
    """
    run = RunFolder(path)
    with ExitStack() as reserved:
        if resume:
            run.require_settings(config.to_config(), lambda path: load_config(path).to_config())
            reserved.enter_context(run.training())
        else:
            run.require_free()
        inspection = inspection or inspect_files(dataset, config)
        session = _prepare(config, dataset, run, inspection, resume=resume, progress=progress)
        if not resume:
            reserved.enter_context(run.training())
        faults = find_number_faults(config.tasks, session.train.dataset, config.preprocess, config.augment)
        with _progress_bar(
            session, [f"warning: {line}" for line in texts(faults)], heading, shown=progress
        ) as callbacks:
            session.fit(run, callbacks=callbacks)
    return run


def _prepare(
    config: Config, dataset: Dataset, run: RunFolder, inspection: Inspection, *, resume: bool, progress: bool
) -> Session:
    """Check everything and return the session; a new run is written, and that of a resumed one must fit."""
    linked = find_linked_cases(dataset, config, inspection)
    parts = split_dataset(dataset, config.split, linked)
    if progress:
        report_split(parts, dataset, config.split, linked, inspection)
    eight_bits = all(kind.startswith("8-bit") for kind in inspection.types)
    # The cache needs the digests that the fingerprint needs, so that each file is hashed once.
    hashes = FileHashes()
    # A checkpoint has all weights, so that a resumed run does without those that it started from.
    is_restored = resume and run.checkpoint.is_file()
    weights = None if is_restored else find_weights(config.network, progress=progress)
    session = make_session(
        config,
        parts,
        image_type="uint8" if eight_bits else "float32",
        file_hashes=hashes,
        weights=weights,
    )
    facts = {
        "seed": config.seed,
        "precision": session.precision,
        "data_hash": dataset.fingerprint(hashes),
    }
    if not is_restored:
        facts["weights"] = dict(weights.facts) if weights else None
    if resume:
        run.require_facts(facts)
    else:
        run.create(
            config=config,
            tasks=session.tasks,
            inputs=session.train.inputs,
            splits=split_table(parts),
            environment=describe_environment(
                **facts,
                data_commit=git_commit(dataset.description.root),
                labels=session.labels,
                outputs={name: tensor.shape[1:] for name, tensor in session.trainer.network.output.items()},
            ),
        )
    return session


def inspect_files(dataset: Dataset, config: Config) -> Inspection:
    """Open every file once, so that an unreadable one is an error before anything is written.

    Raises:
        DataError: A file is unreadable or has another number of channels; the error lists all of them.
    """
    inspection = inspect_dataset(dataset, intensity=config.preprocess.intensity)
    problems = [*inspection.problems, *texts(inspection.wrong_channels(config.preprocess.channels))]
    if problems:
        raise DataError(problems)
    return inspection


def find_linked_cases(dataset: Dataset, config: Config, inspection: Inspection) -> CaseGroups:
    """Return the groups of identical or nearly identical images that `config.split` keeps in one split."""
    if not keeps_duplicates_together(dataset, config.split):
        return []
    return [group.cases for group in find_case_duplicates(inspection)]


@contextmanager
def _progress_bar(
    session: Session, warnings: Sequence[str], heading: str, *, shown: bool
) -> Iterator[list[keras.callbacks.Callback]]:
    if not shown:
        yield []
        return
    bar = ProgressBar(session.monitor, heading)
    cases = f"{len(session.train.dataset)} train, {count_of(len(session.val.dataset), 'validation case')}"
    bar.console.print(
        f"{heading}{': ' if heading else ''}{cases}; computing in {session.precision}; "
        f"monitoring {session.monitor} ({session.mode})"
    )
    recipe = describe_recipe(session.settings, len(session.train))
    for line in [recipe, *describe_labels(session.labels, session.monitored), *warnings]:
        bar.console.print(line, highlight=False, markup=False)
    with bar.progress:
        yield [bar]
    if session.settings.minutes is not None:
        steps = int(session.trainer.optimizer.iterations)
        bar.console.print(describe_end(session.trainer.plan.entries, steps, len(session.train)))
