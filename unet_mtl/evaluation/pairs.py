"""Two folders of masks: which file of one belongs to which of the other, by name."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unet_mtl.data.images import IMAGE_SUFFIXES
from unet_mtl.errors import DataError
from unet_mtl.evaluation.names import ANY_NAME, MOST_NAMES, check_pattern, fit_name, name_some


@dataclass(frozen=True)
class Folder:
    """One folder of masks.

    Attributes:
        path: Where.
        pattern: File name without its suffix, `{case}` for the name of the case.
        files: Mask of each case.
        passed_over: How many files are not masks to measure, by the reason.
    """

    path: Path
    pattern: str
    files: dict[str, Path]
    passed_over: dict[str, int]

    @property
    def rest(self) -> str:
        """What was passed over, in words; empty if nothing was."""
        return count_files(self.passed_over)


@dataclass(frozen=True)
class Pairs:
    """What is measured against what.

    Attributes:
        truth: The folder that is right.
        prediction: The folder that is measured.
    """

    truth: Folder
    prediction: Folder

    @property
    def cases(self) -> list[str]:
        """Those with a truth, predicted or not."""
        return list(self.truth.files)

    @property
    def paired(self) -> list[str]:
        """Cases with both."""
        return [case for case in self.truth.files if case in self.prediction.files]

    @property
    def missing(self) -> list[str]:
        """Cases with a truth and no prediction."""
        return [case for case in self.truth.files if case not in self.prediction.files]

    @property
    def extra(self) -> list[str]:
        """Cases with a prediction and no truth."""
        return [case for case in self.prediction.files if case not in self.truth.files]

    @property
    def hint(self) -> str:
        """The pattern that would pair what is left over; empty if none would."""
        missing, extra = self.missing, self.extra
        for option, folder, shorter, longer in (
            ("--prediction-names", self.prediction, missing, extra),
            ("--truth-names", self.truth, extra, missing),
        ):
            affix = _common_affix(shorter, longer)
            if affix is not None:
                pattern = folder.pattern.replace(ANY_NAME, f"{affix[0]}{ANY_NAME}{affix[1]}")
                return f'{option} "{pattern}"'
        return ""


def pair_masks(
    truth: Path, prediction: Path, *, truth_names: str = ANY_NAME, prediction_names: str = ANY_NAME
) -> Pairs:
    """Finds masks and pairs them by case name; suffixes may differ.

    Only files right in a folder are taken: programs keep intermediate results in folders below, and hidden files
    are not anyone's masks.

    Args:
        truth: Folder of the masks that are right.
        prediction: Folder of the masks to measure.
        truth_names: File names without suffix, `{case}` in place of the case's name.
        prediction_names: The same for the predictions.

    Raises:
        ConfigError: A pattern without `{case}`.
        DataError: No such folder, no mask in it, two masks of one case, or no case in both.
    """
    problems: list[str] = []
    folders: list[Folder] = []
    sides = (("--truth-names", truth, truth_names), ("--prediction-names", prediction, prediction_names))
    for option, path, pattern in sides:
        try:
            folders.append(_scan(path, pattern, option))
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(problems)
    if truth.resolve() == prediction.resolve() and folders[0].pattern == folders[1].pattern:
        raise DataError(
            f"{truth}: each mask would be measured against itself; name two folders, or two patterns"
        )
    pairs = Pairs(*folders)
    if not pairs.paired:
        raise DataError(_no_pair(pairs))
    return pairs


def _scan(path: Path, pattern: str, option: str) -> Folder:
    pattern = check_pattern(pattern, option)
    if not path.is_dir():
        raise DataError(f"{path}: no such folder")
    files: dict[str, Path] = {}
    problems: list[str] = []
    passed_over: Counter[str] = Counter()
    for file in sorted(path.iterdir()):
        if file.name.startswith("."):
            continue
        if file.is_dir():
            passed_over["in folders below"] += _count_below(file)
            continue
        if file.suffix.lower() not in IMAGE_SUFFIXES:
            passed_over["of another type"] += 1
            continue
        case = fit_name(pattern, file.stem)
        if case is None:
            passed_over[f'not named "{pattern}"'] += 1
        elif case in files:
            problems.append(
                f"{path}: two masks of case {case!r}: {files[case].name} and {file.name}; keep one"
            )
        else:
            files[case] = file
    passed_over = +passed_over
    if not files and not problems:
        problems.append(_no_mask(path, pattern, passed_over))
    if problems:
        raise DataError(problems)
    return Folder(path, pattern, files, dict(passed_over))


def _count_below(folder: Path) -> int:
    return sum(
        path.suffix.lower() in IMAGE_SUFFIXES
        for path in folder.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(folder.parent).parts)
    )


def _no_mask(path: Path, pattern: str, passed_over: Mapping[str, int]) -> str:
    named = "" if pattern == ANY_NAME else f' named "{pattern}"'
    others = f"; it has {count_files(passed_over)}" if passed_over else ""
    return f"{path}: no mask{named} in this folder (known are {', '.join(IMAGE_SUFFIXES)}){others}"


def count_files(counts: Mapping[str, int]) -> str:
    """Numbers of files by what they are, in words.

    >>> count_files({"of another type": 1, "in folders below": 2})
    '1 file of another type, 2 files in folders below'
    """
    return ", ".join(f"{n:,} {'file' if n == 1 else 'files'} {what}" for what, n in counts.items())


def _no_pair(pairs: Pairs) -> str:
    sides = []
    for folder in (pairs.truth, pairs.prediction):
        names = [path.name for path in folder.files.values()]
        sides.append(f"{count_files({f'in {folder.path}': len(names)})} ({name_some(names, 2)})")
    cure = pairs.hint or f'--truth-names and --prediction-names, as in --prediction-names "{ANY_NAME}_pred"'
    return (
        f"no truth has a prediction of its name: {sides[0]}, {sides[1]}; say how they are named with {cure}"
    )


def _common_affix(shorter: Sequence[str], longer: Collection[str]) -> tuple[str, str] | None:
    """What stands before and after the names of `shorter` in those of `longer`, if for half of them."""
    known = set(longer)
    votes: Counter[tuple[str, str]] = Counter()
    for name in shorter[:MOST_NAMES]:
        around = {tuple(other.split(name, 1)) for other in longer if name in other and other != name}
        votes.update((before, after) for before, after in around)
    for (before, after), _ in votes.most_common(MOST_NAMES):
        n = sum(f"{before}{name}{after}" in known for name in shorter)
        if 2 * n >= min(len(shorter), len(longer)):
            return before, after
    return None
