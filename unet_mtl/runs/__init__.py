"""The run folder: the only package that has the names of its files."""

from unet_mtl.runs.environment import FORMAT, describe_environment, git_commit
from unet_mtl.runs.folder import RunFolder
from unet_mtl.runs.folds import FoldsFolder
from unet_mtl.runs.reading import reading, require_whole_archive

__all__ = [
    "FORMAT",
    "FoldsFolder",
    "RunFolder",
    "describe_environment",
    "git_commit",
    "reading",
    "require_whole_archive",
]
