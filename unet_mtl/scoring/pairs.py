"""Two folders of masks: which file of one belongs to which of the other, by name."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from unet_mtl.data.readers import raster_suffixes
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

UNREAD = {
    ".npy": 'numpy.load("{name}")',
    ".npz": 'next(iter(numpy.load("{name}").values()))',
    **dict.fromkeys(
        (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".dcm"),
        'SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("{name}"))[0]',
    ),
}
"""Types that masks come in and that are not read here, and what makes an array of one slice."""


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

    def measured(self, missing: Missing) -> list[str]:
        """The cases that are measured.

        Args:
            missing: What becomes of a truth without a prediction. "empty": it counts as if nothing had been found.
                "leave-out": it is not measured.

        Raises:
            ConfigError: Another word.
        """
        if missing not in get_args(Missing):
            words = " and ".join(map(repr, get_args(Missing)))
            raise ConfigError(f"missing is {missing!r}; there is {words}")
        return self.cases if missing == "empty" else self.paired

    @property
    def hint(self) -> str:
        """What would pair the names that are left over; empty if nothing is known."""
        missing, extra = self.missing, self.extra
        for option, folder, shorter, longer in (
            ("--prediction-names", self.prediction, missing, extra),
            ("--truth-names", self.truth, extra, missing),
        ):
            affix = common_affix(shorter, longer)
            if affix is not None:
                pattern = folder.pattern.replace(ANY_NAME, f"{affix[0]}{ANY_NAME}{affix[1]}")
                return f'say how they are named with {option} "{pattern}"'
        alike = find_lookalikes(missing, extra)
        if alike is None:
            return ""
        what, true, predicted = alike
        names = f"{self.truth.files[true].name} and {self.prediction.files[predicted].name}"
        return f"rename one side, since {names} differ in {what} alone"


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
        what = "a file; give the folder that it is in" if path.exists() else f"no such folder{_nearest(path)}"
        raise DataError(f"{path}: {what}")
    files: dict[str, Path] = {}
    problems: list[str] = []
    others: Counter[str] = Counter()
    for file in sorted(path.iterdir()):
        if file.name.startswith(".") or file.is_dir():
            continue
        if file.suffix.lower() not in raster_suffixes():
            others[_describe_type(file)] += 1
            continue
        case = fit_name(pattern, file.stem)
        if case is None:
            others[f'not named "{pattern}"'] += 1
        elif case in files:
            problems.append(
                f"{path}: two masks of case {case!r}: {files[case].name} and {file.name}; keep one"
            )
        else:
            files[case] = file
    below = _masks_below(path)
    passed_over = dict(others) | _describe_below(below)
    if not files and not problems:
        problems.append(_no_mask(path, pattern, passed_over, below))
    if problems:
        raise DataError(problems)
    return Folder(path, pattern, files, passed_over)


def _nearest(path: Path) -> str:
    """What there is where a folder is not; empty if that cannot be seen."""
    try:
        there = next(part for part in path.absolute().parents if part.is_dir())
        names = sorted(part.name for part in there.iterdir() if part.is_dir())
    except OSError:
        return ""
    known = [name for name in names if not name.startswith(".")]
    return f"; {there} has {f'the folders {name_some(known, 5)}' if known else 'no folder'}"


def _type_of(file: Path) -> str:
    name = file.name.lower()
    return next((suffix for suffix in UNREAD if name.endswith(suffix)), file.suffix.lower())


def _describe_type(file: Path) -> str:
    kind = _type_of(file)
    unread = " (not read by score; PNG is)" if kind in UNREAD else ""
    return f"of type {kind}{unread}" if kind else "of no type"


def _masks_below(path: Path) -> Counter[str]:
    """Number of masks in each folder below."""
    found = (file.relative_to(path) for file in path.rglob("*") if file.suffix.lower() in raster_suffixes())
    return Counter(
        str(file.parent)
        for file in sorted(found)
        if len(file.parts) > 1 and not any(part.startswith(".") for part in file.parts)
    )


def _describe_below(below: Mapping[str, int]) -> dict[str, int]:
    return {f"in folders below ({name_some(list(below), 3)})": sum(below.values())} if below else {}


_MASK_WORDS = ("mask", "label", "seg", "pred")


def _no_mask(path: Path, pattern: str, passed_over: Mapping[str, int], below: Mapping[str, int]) -> str:
    named = "" if pattern == ANY_NAME else f' named "{pattern}"'
    said = f"{path}: no mask{named} in this folder (known are {', '.join(raster_suffixes())})"
    if passed_over:
        said += f"; it has {count_files(passed_over)}"
    else:
        said += "; it is empty: give the folder that the masks were written into"
    if below:
        likely = max(below, key=lambda name: (any(word in name.lower() for word in _MASK_WORDS), below[name]))
        return f"{said}: give the folder itself, as in {path / likely}"
    unread = next((file for file in sorted(path.iterdir()) if _type_of(file) in UNREAD), None)
    if unread is not None:
        array = UNREAD[_type_of(unread)].format(name=unread.name)
        picture = f"{unread.name[: -len(_type_of(unread))]}.png"
        said += (
            f': write a PNG a slice, as PIL.Image.fromarray({array}.astype("uint8")).save("{picture}") does'
        )
    return said


def _no_pair(pairs: Pairs) -> str:
    sides = []
    for folder in (pairs.truth, pairs.prediction):
        names = [path.name for path in folder.files.values()]
        sides.append(f"{count_files({f'in {folder.path}': len(names)})} ({name_some(names, 2)})")
    cure = pairs.hint or (
        "say how they are named with --truth-names and --prediction-names, as in "
        f'--prediction-names "{ANY_NAME}_pred"'
    )
    return f"no truth has a prediction of its name: {sides[0]}, {sides[1]}; {cure}"
