"""The pattern of the paths of the images, and the meaning of its fields in braces."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.affixes import NO_AFFIX, Affix
from unet_mtl.prepare.drafting.files import Entry
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.vocabulary import DIAGNOSES, GRADE_WORDS, SPLIT_WORDS, has_word
from unet_mtl.wording import count_of, name_some

_MOST_CLASSES = 20


@dataclass(frozen=True)
class Layout:
    """The layout of the images.

    Attributes:
        images: The images that follow the pattern.
        fields: Name of the field in braces, by the position of a folder with different names.
        affix: The text around the name of the case in the file name.
        stem: The file name without suffix, if each case is a folder with the same file name; otherwise None.
        suffix: The suffix of all images, or None if it differs.
    """

    images: tuple[Entry, ...]
    fields: dict[int, str] = field(default_factory=dict)
    affix: Affix = NO_AFFIX
    stem: str | None = None
    suffix: str | None = None

    @property
    def by_folder(self) -> bool:
        """Return whether the folders are named after the cases."""
        return "case" in self.fields.values()

    def case_of(self, entry: Entry) -> str:
        """Return the name of the case of an image."""
        for position, name in self.fields.items():
            if name == "case":
                return entry.folder[position]
        return self.affix.strip(entry.stem) or entry.stem

    @property
    def cases(self) -> dict[str, Entry]:
        """Return the images by name of the case."""
        return {self.case_of(entry): entry for entry in self.images}

    @property
    def folder(self) -> tuple[str, ...]:
        """Return the names of the folders of the images, with fields in braces where they differ."""
        names = self.images[0].folder
        return tuple(
            f"{{{self.fields[i]}}}" if i in self.fields else literal(name) for i, name in enumerate(names)
        )

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


def literal(text: str) -> str:
    """Return a text in which the braces are escaped for a pattern."""
    return text.replace("{", "{{").replace("}", "}}")


def find_layout(images: Sequence[Entry], notes: Notes) -> Layout:
    """Find the pattern of most images.

    Raises:
        DataError: Images in different folders have the same name, and nothing distinguishes them.
    """
    kept = _leave_copies_out(_with_suffix_or_without(_of_one_depth(images, notes), notes), notes)
    fields = _name_fields(kept)
    suffixes = Counter(entry.suffix for entry in kept)
    suffix = next(iter(suffixes)) if len(suffixes) == 1 else None
    stems = {entry.stem for entry in kept}
    by_folder = "case" in fields.values()
    stem = next(iter(stems)) if by_folder and len(stems) == 1 else None
    layout = Layout(tuple(kept), fields, stem=stem, suffix=suffix)
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
    others = name_some("/".join(folder) for folder in same[1:])
    notes.doubt(
        f"Only {'/'.join(first)} is used, because a case has one image and the file names in {others} are the same."
    )
    return [entry for entry in images if entry.folder == first]


def _name_fields(images: Sequence[Entry]) -> dict[int, str]:
    fields: dict[int, str] = {}
    for position in range(len(images[0].folder)):
        values = [entry.folder[position] for entry in images]
        if len(set(values)) > 1:
            name = _name_field(values, [entry.stem for entry in images])
            fields[position] = name if name not in fields.values() else f"{name}{position}"
    return fields


def _name_field(values: Sequence[str], stems: Sequence[str]) -> str:
    different = set(values)
    if len(different) == len(values) and (len(set(stems)) == 1 or list(values) == list(stems)):
        return "case"
    if all(value.lower() in SPLIT_WORDS for value in different):
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
    same = [entry.path for entry in layout.images if layout.case_of(entry) == name]
    raise DataError(
        f"the same file name as another one: {count_of(len(layout.images) - len(names), 'image')} "
        f"({name_some(same, 2)}), but a case is named after its file; rename the files, or draft one of the folders "
        "only"
    )
