"""The pattern of the paths of the images, and the meaning of its fields in braces."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from unet_mtl.data.split_words import read_split_word
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.affixes import NO_AFFIX, Affix, affixes_of
from unet_mtl.prepare.drafting.files import Entry
from unet_mtl.prepare.drafting.marks import fill_marks, literal, mark, mark_values
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.vocabulary import DIAGNOSES, GRADE_WORDS, has_word
from unet_mtl.wording import count_of, name_some

_MOST_CLASSES = 20


@dataclass(frozen=True)
class Layout:
    """The layout of the images.

    Attributes:
        images: The images that follow the pattern.
        fields: Name of the field in braces, by the position of a folder with different names.
        repeats: Name of the folder with marked fields, by the position of a folder that repeats the name of a field or
            of the case, such as `IMD002_lesion`.
        in_stems: The fields that the file names of all images repeat.
        affix: The text around the name of the case in the file name, with marked fields.
        stem: The file name without suffix, if each case is a folder with the same file name; otherwise None.
        suffix: The suffix of all images, or None if it differs.
    """

    images: tuple[Entry, ...]
    fields: dict[int, str] = field(default_factory=dict)
    repeats: dict[int, str] = field(default_factory=dict)
    in_stems: frozenset[str] = frozenset()
    affix: Affix = NO_AFFIX
    stem: str | None = None
    suffix: str | None = None

    @property
    def by_folder(self) -> bool:
        """Return whether the folders are named after the cases."""
        return "case" in self.fields.values()

    @property
    def has_fixed_affix(self) -> bool:
        """Return whether the case is known from names of folders, so that masks do not determine the affix."""
        return self.by_folder or any(mark("case") in part for part in self.repeats.values())

    def case_of(self, entry: Entry) -> str:
        """Return the name of the case of an image."""
        values = self.values_in(entry.folder)
        if "case" in values:
            return values["case"]
        inner = self.affix.strip(self.marked_stem(entry.stem, values))
        return fill_marks(inner, values) if inner else entry.stem

    def marked_stem(self, stem: str, values: Mapping[str, str]) -> str:
        """Return the name of a file in which the fields that all images repeat are marked."""
        return mark_values(stem, {name: values[name] for name in self.in_stems if name in values})

    def values_in(self, folder: Sequence[str]) -> dict[str, str]:
        """Return the values of the fields in the folder of an image."""
        return {name: folder[position] for position, name in self.fields.items()}

    @property
    def cases(self) -> dict[str, Entry]:
        """Return the images by name of the case."""
        return {self.case_of(entry): entry for entry in self.images}

    @property
    def folder(self) -> tuple[str, ...]:
        """Return the names of the folders of the images, with fields in braces where they differ."""
        marked = {i: mark(name) for i, name in self.fields.items()} | self.repeats
        return tuple(literal(marked.get(i, name)) for i, name in enumerate(self.images[0].folder))

    @property
    def pattern(self) -> str:
        """Return the pattern for the setting `images`."""
        before, after = literal(self.affix.before), literal(self.affix.after)
        stem = f"{before}{{case}}{after}" if self.stem is None else literal(self.stem)
        return "/".join((*self.folder, stem + (".{suffix}" if self.suffix is None else literal(self.suffix))))

    def with_one_suffix(self) -> "Layout":
        """Return the layout with the most frequent suffix."""
        suffix = Counter(entry.suffix for entry in self.images).most_common(1)[0][0]
        return replace(self, suffix=suffix)

    def values(self, name: str) -> dict[str, int]:
        """Return the values of a field with their number of images, most frequent first."""
        position = next(i for i, field_name in self.fields.items() if field_name == name)
        return dict(Counter(entry.folder[position] for entry in self.images).most_common())


def find_layout(images: Sequence[Entry], notes: Notes, masks: Sequence[Entry] = ()) -> Layout:
    """Find the pattern of most images.

    Args:
        images: The images.
        notes: Receives what could not be determined.
        masks: The masks, which tell whether a folder with several images is one case.

    Raises:
        DataError: Images in different folders have the same name, and nothing distinguishes them.
    """
    kept = _leave_copies_out(_with_suffix_or_without(_of_one_depth(images, notes), notes), notes)
    kept = _keep_one_image_per_case(kept, masks, notes)
    fields, repeats, affix = _name_fields(kept)
    suffixes = Counter(entry.suffix for entry in kept)
    suffix = next(iter(suffixes)) if len(suffixes) == 1 else None
    stems = {entry.stem for entry in kept}
    by_folder = "case" in fields.values()
    stem = next(iter(stems)) if by_folder and len(stems) == 1 else None
    layout = Layout(tuple(kept), fields, repeats, affix=affix, stem=stem, suffix=suffix)
    layout = replace(layout, in_stems=frozenset() if by_folder else _fields_in_stems(layout))
    _require_different_names(layout)
    return layout


def note_fields(layout: Layout, notes: Notes, *, in_braces: bool) -> None:
    """Add the meanings of folder names to the notes, and the suffixes if the pattern has a field for them."""
    if in_braces and layout.suffix is None:
        suffixes = {entry.suffix: None for entry in layout.images}
        notes.guess("images.{suffix}", name_some(suffixes), "the images have several formats")
    for name in layout.fields.values():
        values = layout.values(name)
        because = {
            "case": "each folder holds the files of one case",
            "split": "the folders are named after parts of a split",
            "patient": "many folders with few images, named with numbers",
        }.get(name, "the images are in a few folders, as for classes")
        notes.guess(f"images.{{{name}}}", name_some(values), because)


def _of_one_depth(images: Sequence[Entry], notes: Notes) -> list[Entry]:
    depths = Counter(len(entry.folder) for entry in images)
    depth = depths.most_common(1)[0][0]
    others = [entry for entry in images if len(entry.folder) != depth]
    if others:
        notes.doubt(
            f"{count_of(len(others), 'image')} at another folder depth than the other {depths[depth]:,} will not be "
            f"used: {name_some((entry.path for entry in others), 3)}."
        )
    return [entry for entry in images if len(entry.folder) == depth]


def _with_suffix_or_without(images: list[Entry], notes: Notes) -> list[Entry]:
    """Keep the images with a suffix or those without, since no pattern fits both."""
    named = [entry for entry in images if entry.suffix]
    bare = [entry for entry in images if not entry.suffix]
    kept, others = (named, bare) if len(named) >= len(bare) else (bare, named)
    if others:
        notes.doubt(
            f"{count_of(len(others), 'image')} {'without' if kept is named else 'with'} a suffix will not be used, "
            f"because no pattern fits both: {name_some((entry.path for entry in others), 3)}."
        )
    return kept


def _leave_copies_out(images: list[Entry], notes: Notes) -> list[Entry]:
    """Keep one of several folders that hold the same file names, such as modalities."""
    by_folder: dict[tuple[str, ...], set[str]] = {}
    for entry in images:
        by_folder.setdefault(entry.folder, set()).add(entry.stem)
    first = next(iter(by_folder))
    same = [folder for folder, stems in by_folder.items() if stems == by_folder[first]]
    if len(same) < 2 or len(same) < len(by_folder) or len(by_folder[first]) < 2 or len(same) > 6:
        return images
    if _divides_cases(list(by_folder)):
        return images
    others = name_some("/".join(folder) for folder in same[1:])
    notes.doubt(
        f"Only {'/'.join(first)} is used, since the file names in {others} are the same. If they are channels of one "
        "image, give each its pattern: `images: {NAME: ..., NAME: ...}`."
    )
    return [entry for entry in images if entry.folder == first]


def _divides_cases(folders: Sequence[tuple[str, ...]]) -> bool:
    """Return whether the folders are named after diagnoses, grades or splits, so that each image is another case."""
    different = [set(names) for names in zip(*folders, strict=True) if len(set(names)) > 1]
    return any(
        all(map(read_split_word, names))
        or all(has_word(name, DIAGNOSES) or has_word(name, GRADE_WORDS) for name in names)
        for names in different
    )


_MOST_IMAGES_PER_CASE = 8


def _keep_one_image_per_case(images: list[Entry], masks: Sequence[Entry], notes: Notes) -> list[Entry]:
    """Keep one of several images of a case, such as the sequences of an MRI scan, if each folder is one case."""
    by_folder: dict[tuple[str, ...], dict[str, Entry]] = {}
    for entry in images:
        kind = mark_values(entry.stem, {"case": entry.folder[-1]}) if entry.folder else entry.stem
        by_folder.setdefault(entry.folder, {})[kind] = entry
    kinds = {frozenset(entries) for entries in by_folder.values()}
    if len(by_folder) < 2 or len(kinds) > 1 or not 2 <= len(next(iter(kinds))) <= _MOST_IMAGES_PER_CASE:
        return images
    names = sorted(next(iter(kinds)))
    words = [fill_marks(name, {"case": ""}).strip("_-. ") for name in names]
    told_apart = all(any(letter.isalpha() for letter in word) for word in words)
    same_names = all(mark("case") not in name for name in names)
    if not told_apart or not (same_names or _have_one_mask_per_folder(by_folder, masks)):
        return images
    notes.doubt(
        f"Each folder has the images {name_some(words, 8)}. Only {words[0]} is used; change `images` to use another "
        "one, or to `images: {NAME: ..., NAME: ...}` if they are channels of one image."
    )
    return [entries[names[0]] for entries in by_folder.values()]


def _have_one_mask_per_folder(
    by_folder: Mapping[tuple[str, ...], Mapping[str, Entry]], masks: Sequence[Entry]
) -> bool:
    """Return whether folders have masks that are not named after one of their images."""
    depth = len(next(iter(by_folder)))
    found = [(by_folder.get(mask.folder[:depth], {}), mask.stem) for mask in masks]
    of_cases = [stem for entries, stem in found if entries]
    named = [stem for entries, stem in found if stem in {entry.stem for entry in entries.values()}]
    return len(of_cases) >= len(by_folder) / 2 and not named


def _name_fields(images: Sequence[Entry]) -> tuple[dict[int, str], dict[int, str], Affix]:
    """Return the fields and the repeated names by position, and the affix of file names that a folder repeats."""
    fields: dict[int, str] = {}
    repeats: dict[int, str] = {}
    stems = [entry.stem for entry in images]
    affix, cases = NO_AFFIX, list[str]()
    for position in range(len(images[0].folder)):
        values = [entry.folder[position] for entry in images]
        if len(set(values)) == 1:
            continue
        known = [{name: entry.folder[i] for i, name in fields.items()} for entry in images]
        if "case" not in fields.values():
            affix, cases = (affix, cases) if cases else _case_in_folders(values, stems)
            known = [row | {"case": case} for row, case in zip(known, cases, strict=True)] if cases else known
        forms = {mark_values(value, row) for value, row in zip(values, known, strict=True)}
        if len(forms) == 1 and forms != {mark("case")}:
            repeats[position] = forms.pop()
            continue
        name = "case" if forms == {mark("case")} else _name_field(values, stems)
        fields[position] = name if name not in fields.values() else f"{name}{position}"
    return fields, repeats, affix


def _case_in_folders(values: Sequence[str], stems: Sequence[str]) -> tuple[Affix, list[str]]:
    """Return the affix without which each file name is a part of the name of its folder, and these parts."""
    if len(set(values)) < len(values):
        return NO_AFFIX, []
    for affix in affixes_of(set(stems)):
        cases = [affix.strip(stem) or "" for stem in stems]
        if len({mark_values(v, {"case": c}) for v, c in zip(values, cases, strict=True)}) == 1 and all(cases):
            return affix, cases
    return NO_AFFIX, []


def _fields_in_stems(layout: Layout) -> frozenset[str]:
    """Return the fields whose value is a word in every file name, such as the split in 21_training.tif."""
    found = set()
    for name in layout.fields.values():
        values = [(entry.stem, {name: layout.values_in(entry.folder)[name]}) for entry in layout.images]
        if all(mark_values(stem, value) != stem for stem, value in values):
            found.add(name)
    return frozenset(found)


def _name_field(values: Sequence[str], stems: Sequence[str]) -> str:
    different = set(values)
    if len(different) == len(values) and len(set(stems)) == 1:
        return "case"
    if all(map(read_split_word, different)):
        return "split"
    numbered = all(any(letter.isdigit() for letter in value) for value in different)
    if len(different) > _MOST_CLASSES or (
        numbered and len(different) > 2 and not any(has_word(v, GRADE_WORDS) for v in different)
    ):
        return "patient"
    return "diagnosis" if any(has_word(value, DIAGNOSES) for value in different) else "class"


def _require_different_names(layout: Layout) -> None:
    if len(layout.cases) == len(layout.images):
        return
    names = Counter(layout.case_of(entry) for entry in layout.images)
    name = names.most_common(1)[0][0]
    first, second, *_ = (entry for entry in layout.images if layout.case_of(entry) == name)
    part = next((a for a, b in zip(first.folder, second.folder, strict=True) if a != b), "")
    example = f", such as {first.path} to {part}_{first.name}" if part else ""
    raise DataError(
        f"the same file name as another one: {count_of(len(layout.images) - len(names), 'image')} "
        f"({first.path}, {second.path}), but a case is named after its file, and other cases must not share its name; "
        f"rename the images and their masks{example}, or draft one of the folders only"
    )
