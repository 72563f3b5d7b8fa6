"""The trainings of a study: its folder, and runs that are trained, continued, or kept if they have ended."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from unet_mtl.config import Config
from unet_mtl.data.records import Dataset
from unet_mtl.errors import RunError
from unet_mtl.runs import RunFolder
from unet_mtl.training.run import run_training


def require_folder(folder: Path, *, resume: bool) -> None:
    """Check that a new study may be written, or that there is one to resume.

    Raises:
        RunError: The folder of a new study is in use, or that of a resumed one does not exist.
    """
    if not resume:
        RunFolder(folder).require_free()
    elif not folder.is_dir():
        raise RunError(f"{folder}: no such folder, so there is nothing to resume; leave `resume` out")


def finish_run(
    config: Config,
    dataset: Dataset,
    path: Path,
    *,
    is_finished: Callable[[RunFolder], bool],
    resume: bool,
    **options: Any,
) -> RunFolder:
    """Train one network, with `resume` from its last finished epoch; a finished run is returned as it is.

    Args:
        config: All settings of the run.
        dataset: The data set that `config.data` describes.
        path: The folder of the run.
        is_finished: Tells whether a run that exists has ended its training.
        resume: Whether the study is continued, so that the run may exist.
        **options: Further arguments of `run_training`.

    Raises:
        UnetMtlError: The conditions are those of `api.train`; or a finished run has other settings or data.
    """
    run = RunFolder(path)
    started = resume and run.config.is_file()
    if not (started and is_finished(run)):
        return run_training(config, dataset, path, resume=started, **options)
    run.require_settings(config.to_config())
    run.require_facts({"data_hash": dataset.fingerprint()})
    return run
