"""Two folders of masks, paired by file name."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from unet_mtl.data.file_listing import Reason, list_files
from unet_mtl.data.readers import split_suffix, suffixes
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.scoring.names import (
    ANY_NAME,
    check_pattern,
    common_affix,
    count_files,
    find_lookalikes,
    fit_name,
)
from unet_mtl.wording import name_some

Missing = Literal["empty", "leave-out"]


@dataclass(frozen=True)
class Folder:
    """One folder of masks.

    Attributes:
        path: The folder.
        pattern: The pattern of file names without suffix, with `{case}` for the case name.
        files: The mask file of each case.
        ignored_files: The numbers of files that are ignored, by reason.
    """

    path: Path
    pattern: str
    files: dict[str, Path]
    ignored_files: dict[str, int]

    @property
    def ignored(self) -> str:
        """A description of the files that are ignored; empty if there are none."""
        return count_files(self.ignored_files)


@dataclass(frozen=True)
class Pairs:
    """The masks of two folders, by case name.

    Attributes:
        truth: The folder of true masks.
        prediction: The folder of predicted masks.
    """

    truth: Folder
    prediction: Folder

    @property
    def cases(self) -> list[str]:
        """The cases with a true mask, in order."""
        return list(self.truth.files)

    @property
    def paired(self) -> list[str]:
        """The cases with both masks."""
        return [case for case in self.truth.files if case in self.prediction.files]

    @property
    def missing(self) -> list[str]:
        """The cases with a true mask and no prediction."""
        return [case for case in self.truth.files if case not in self.prediction.files]

    @property
    def extra(self) -> list[str]:
        """The cases with a prediction and no true mask."""
        return [case for case in self.prediction.files if case not in self.truth.files]

    def measured(self, missing: Missing) -> list[str]:
        """Return the cases that are measured.

        Args:
            missing: The treatment of a true mask without a prediction. "empty": it counts as an empty prediction.
                "leave-out": it is not measured.

        Raises:
            ConfigError: `missing` is another word.
        """
        if missing not in get_args(Missing):
            options = " or ".join(map(repr, get_args(Missing)))
            raise ConfigError(f"`missing` is {missing!r}; expected {options}")
        return self.cases if missing == "empty" else self.paired

    @property
    def hint(self) -> str:
        """A suggestion that would pair the remaining names; empty if there is none."""
        missing, extra = self.missing, self.extra
        for argument, folder, shorter, longer in (
            ("prediction_names", self.prediction, missing, extra),
            ("truth_names", self.truth, extra, missing),
        ):
            affix = common_affix(shorter, longer)
            if affix is not None:
                pattern = folder.pattern.replace(ANY_NAME, f"{affix[0]}{ANY_NAME}{affix[1]}")
                return f"give the pattern of the file names: `{argument}={pattern!r}`"
        alike = find_lookalikes(missing, extra)
        if alike is None:
            return ""
        difference, true, predicted = alike
        names = f"{self.truth.files[true].name} and {self.prediction.files[predicted].name}"
        return f"rename one side, since {names} differ only in {difference}"


def pair_masks(
    truth: Path, prediction: Path, *, truth_names: str = ANY_NAME, prediction_names: str = ANY_NAME
) -> Pairs:
    """Find masks and pair them by case name; suffixes may differ.

    Folders below and hidden files are ignored: programs keep intermediate results in the former, and the latter are
    made by the operating system.

    Args:
        truth: Folder of the true masks.
        prediction: Folder of the predicted masks.
        truth_names: The pattern of the names of true masks without suffix, with `{case}` for the case name.
        prediction_names: The pattern of the names of predicted masks.

    Raises:
        ConfigError: A pattern does not contain `{case}` exactly once.
        DataError: A folder does not exist or has no mask, a case has two masks, or no case is in both folders.
    """
    problems: list[str] = []
    folders: list[Folder] = []
    sides = (("truth_names", truth, truth_names), ("prediction_names", prediction, prediction_names))
    for argument, path, pattern in sides:
        try:
            folders.append(find_masks(path, pattern, argument))
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(problems)
    if truth.resolve() == prediction.resolve() and folders[0].pattern == folders[1].pattern:
        raise DataError(
            f"{truth}: each mask would be compared with itself; give two folders, or two patterns of names"
        )
    pairs = Pairs(*folders)
    if not pairs.paired:
        raise DataError(_no_pair(pairs))
    return pairs


def find_masks(path: Path, pattern: str, argument: str) -> Folder:
    """Find the masks in a folder.

    Args:
        path: The folder; folders below it are not searched.
        pattern: The pattern of file names without suffix, with `{case}` for the case name.
        argument: The argument that gives the pattern, for error messages.

    Raises:
        ConfigError: The pattern does not contain `{case}` exactly once.
        DataError: The folder does not exist or has no mask, or a case has two.
    """
    pattern = check_pattern(pattern, argument)
    if not path.is_dir():
        problem = "is a file; give its folder" if path.exists() else f"no such folder{_folders_near(path)}"
        raise DataError(f"{path}: {problem}")
    files: dict[str, Path] = {}
    problems: list[str] = []
    listing = list_files(path)
    others: Counter[str] = Counter()
    reasons = Counter(listing.others[f] for f in listing.others if f.parent == path)
    others |= {_describe(reason, n): n for reason, n in reasons.items() if reason.what == "file"}
    for file in (file for file in listing.pictures if file.parent == path):
        case = fit_name(pattern, split_suffix(file.name)[0])
        if case is None:
            others[f'not named "{pattern}"'] += 1
        elif case in files:
            problems.append(
                f"{path}: two masks of case {case!r}: {files[case].name} and {file.name}; keep one"
            )
        else:
            files[case] = file
    below = Counter(str(f.parent.relative_to(path)) for f in listing.pictures if f.parent != path)
    ignored_files = dict(others) | _describe_below(below)
    if not files and not problems:
        problems.append(_no_mask(path, pattern, ignored_files, below))
    if problems:
        raise DataError(problems)
    return Folder(path, pattern, files, ignored_files)


def _describe(reason: Reason, n: int) -> str:
    return f"{reason.explain(n)}{f' ({reason.advise(n)})' if reason.cure else ''}"


def _folders_near(path: Path) -> str:
    """List the folders in the nearest folder above that exists; empty if it cannot be read."""
    try:
        parent = next(part for part in path.absolute().parents if part.is_dir())
        names = sorted(part.name for part in parent.iterdir() if part.is_dir())
    except OSError:
        return ""
    visible = [name for name in names if not name.startswith(".")]
    return f"; {parent} has {f'the folders {name_some(visible, 5)}' if visible else 'no folder'}"


def _describe_below(below: Mapping[str, int]) -> dict[str, int]:
    return {f"in folders below ({name_some(list(below), 3)})": sum(below.values())} if below else {}


_MASK_WORDS = ("mask", "label", "seg", "pred")


def _no_mask(path: Path, pattern: str, ignored_files: Mapping[str, int], below: Mapping[str, int]) -> str:
    named = "" if pattern == ANY_NAME else f' named "{pattern}"'
    message = f"{path}: no mask{named} in this folder (known types: {', '.join(suffixes())})"
    if ignored_files:
        message += f"; it has {count_files(ignored_files)}"
    else:
        message += "; it is empty: give the folder that the masks were written into"
    if below:
        likely = max(below, key=lambda name: (any(word in name.lower() for word in _MASK_WORDS), below[name]))
        return f"{message}: give the folder of the masks itself, such as {path / likely}"
    return message


def _no_pair(pairs: Pairs) -> str:
    sides = []
    for folder in (pairs.truth, pairs.prediction):
        names = [path.name for path in folder.files.values()]
        sides.append(f"{count_files({f'in {folder.path}': len(names)})} ({name_some(names, 2)})")
    cure = pairs.hint or (
        "give the patterns of the file names with `truth_names` and `prediction_names`, as in "
        f"`prediction_names='{ANY_NAME}_pred'`"
    )
    return f"no true mask has a prediction of the same name: {sides[0]}, {sides[1]}; {cure}"
