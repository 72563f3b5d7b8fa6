"""How much of a drafted description has to be corrected by hand, for the layouts of public data sets?

    python benchmarks/layouts.py OUT [LAYOUT ...]

Writes small replicas of the layouts into OUT, runs `unet-mtl init` and then `unet-mtl check` on each, and prints for
each layout: the number of errors that `check` finds, the number of lines of dataset.yaml and of tasks that differ from
the right ones, and what the draft says it could not tell. Needs no TensorFlow.
"""

import difflib
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import tifffile  # noqa: E402
import yaml  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from PIL import Image  # noqa: E402

import unet_mtl as um  # noqa: E402
from unet_mtl.errors import UnetMtlError  # noqa: E402

N, SIZE = 12, 40


@dataclass(frozen=True)
class Layout:
    """One layout.

    Attributes:
        write: Writes a replica into a new folder.
        right: The right content of dataset.yaml.
        tasks: The right tasks, as kind and target.
    """

    write: Callable[[Path], None]
    right: Mapping[str, Any]
    tasks: Sequence[tuple[str, str]]


def picture(index: int, channels: int = 3) -> NDArray[np.uint8]:
    """Return noise around a bright disc, so that no two images resemble each other."""
    noise = np.random.default_rng(index).integers(0, 150, (SIZE, SIZE, channels), dtype=np.uint8)
    return noise + (disc(index, 100)[..., None]).astype(np.uint8)


def disc(index: int, value: int = 255, part: int = 0) -> NDArray[np.uint8]:
    """Return the mask of a disc, or of a smaller one beside it."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    radius, column = (4, 31) if part else (7 + index % 4, 13)
    return np.where(np.hypot(rows - 14 - index % 7, columns - column) < radius, value, 0).astype(np.uint8)


def save(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write a file and its folders; the suffix decides on the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        kind = "rgb" if pixels.shape[-1] == 3 else "minisblack"
        tifffile.imwrite(path, pixels, photometric=kind, planarconfig="contig")
    else:
        Image.fromarray(pixels).save(path)


def named(name: str) -> dict[str, Any]:
    """Return the description of a mask of black and white."""
    return {"classes": ["background", name], "values": {0: 0, 255: 1}}


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a table as CSV or as a workbook."""
    table = pd.DataFrame(rows)
    table.to_excel(path, index=False) if path.suffix == ".xlsx" else table.to_csv(path, index=False)


def write_drive(folder: Path, suffix: str = ".gif") -> None:
    """Write train and test folders with one truth of the vessels in train and two in test, and the field of view."""
    for number in range(1, 2 * N + 1):
        side = "test" if number <= N else "training"
        case = f"{number:02d}"
        save(folder / side / "images" / f"{case}_{side}.tif", picture(number))
        save(folder / side / "1st_manual" / f"{case}_manual1{suffix}", disc(number))
        save(
            folder / side / "mask" / f"{case}_{side}_mask{suffix}",
            np.pad(np.full((34, 34), 255, np.uint8), 3),
        )
        if side == "test":
            save(folder / side / "2nd_manual" / f"{case}_manual2{suffix}", disc(number + 1))


def write_ph2(folder: Path) -> None:
    """Write three folders per case whose names repeat it, and a workbook."""
    rows = []
    for number in range(2, 2 + 2 * N):
        case = f"IMD{number:03d}"
        images = folder / "PH2 Dataset images" / case
        save(images / f"{case}_Dermoscopic_Image" / f"{case}.bmp", picture(number))
        save(images / f"{case}_lesion" / f"{case}_lesion.bmp", disc(number))
        for part in range(number % 3):
            save(images / f"{case}_roi" / f"{case}_R{part + 1}_Label4.bmp", disc(number, part=1))
        diagnosis = ["common nevus", "atypical nevus", "melanoma"][number % 3]
        rows.append({"Image Name": case, "Histological Diagnosis": diagnosis, "Asymmetry": number // 3 % 3})
    write_table(folder / "PH2_dataset.xlsx", rows)


def write_busi(folder: Path) -> None:
    """Write folders of classes with masks beside the images, of which some images have two."""
    for start, kind in enumerate(("benign", "malignant", "normal")):
        for number in range(1, N + 1):
            name = folder / kind / f"{kind} ({number}).png"
            save(name, picture(100 * start + number))
            mask = disc(number) if kind != "normal" else np.zeros((SIZE, SIZE), np.uint8)
            save(name.with_name(f"{name.stem}_mask.png"), mask)
            if number % 5 == 3 and kind != "normal":
                save(name.with_name(f"{name.stem}_mask_1.png"), disc(number, part=1))


COLOURS = {"background": (0, 0, 0), "nevus": (170, 20, 60), "melanoma": (34, 139, 34)}


def write_cvat(folder: Path) -> None:
    """Write the export "Segmentation mask 1.1" of CVAT: masks in colour, object colours, and labelmap.txt."""
    palette = np.array(list(COLOURS.values()), np.uint8)
    names = [f"scan_{number:03d}" for number in range(N)]
    for number, name in enumerate(names):
        classes = disc(number, 1) + disc(number, 2, part=1) * (number % 2)
        save(folder / "JPEGImages" / f"{name}.jpg", picture(number))
        save(folder / "SegmentationClass" / f"{name}.png", palette[classes])
        objects = np.array([(0, 0, 0), (128, 0, 0), (0, 128, 0)], np.uint8)[classes]
        save(folder / "SegmentationObject" / f"{name}.png", objects)
    lines = [f"{name}:{','.join(map(str, colour))}::" for name, colour in COLOURS.items()]
    (folder / "labelmap.txt").write_text("\n".join(["# label:color_rgb:parts:actions", *lines, ""]))
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "default.txt").write_text("\n".join(names))


SEQUENCES = ("flair", "t1", "t2")


def write_case_folders(folder: Path) -> None:
    """Write a folder per case with several sequences and one mask, named after the case, and a table."""
    rows = []
    for number in range(2 * N):
        case = f"Brain_{number:03d}"
        for part, sequence in enumerate(SEQUENCES):
            save(folder / case / f"{case}_{sequence}.png", picture(100 * part + number, 1)[..., 0])
        save(folder / case / f"{case}_seg.png", disc(number, 1))
        rows.append({"subject": case, "grade": ["HGG", "LGG"][number % 2], "age": 40 + number % 9})
    write_table(folder / "subjects.csv", rows)


def write_sequences(folder: Path) -> None:
    """Write all sequences and masks into one folder; every fourth case lacks one, and the first lacks the first one."""
    for number in range(2 * N):
        for part, sequence in enumerate(SEQUENCES):
            if number % 4 or part != number // 4 % 3:
                save(folder / f"scan{number:03d}-{sequence}.png", picture(100 * part + number, 1)[..., 0])
        save(folder / f"scan{number:03d}-seg.png", disc(number))


def write_class_folders(folder: Path) -> None:
    """Write parts of a split with folders of classes, without masks."""
    for start, (side, n) in enumerate((("train", 2 * N), ("val", N), ("test", N))):
        for number in range(n):
            kind = ("NORMAL", "PNEUMONIA")[number % 2]
            save(folder / side / kind / f"{side}_{number:03d}.jpeg", picture(1000 * start + number))


def write_objects(folder: Path) -> None:
    """Write a flat folder of images, and a folder per image with one mask for each object."""
    for number in range(N):
        save(folder / "images" / f"TCGA-{number:02d}.png", picture(number))
        for part in range(2):
            save(folder / "masks" / f"TCGA-{number:02d}" / f"nucleus_{part}.png", disc(number, part=part))


def write_channels(folder: Path) -> None:
    """Write TIFF files of four channels with masks of class indices."""
    for number in range(N):
        save(folder / "images" / f"cell_{number:02d}.tif", picture(number, 4))
        save(folder / "labels" / f"cell_{number:02d}.png", disc(number, 1))


def write_table_alone(folder: Path) -> None:
    """Write a table without images, with columns that are administrative."""
    rows = [
        {
            "id": f"p{number:03d}",
            "age": 30 + number % 23,
            "sex": "FM"[number % 2],
            "marker": f"{(number * 37 % 50) / 10:.1f}",
            "license": ["CC0", "CC-BY"][number // 2 % 2],
            "url": f"https://example.org/{number}",
            "diagnosis": ["benign", "malignant"][number // 3 % 2],
        }
        for number in range(5 * N)
    ]
    folder.mkdir(parents=True)
    write_table(folder / "patients.csv", rows)


LAYOUTS = {
    "DRIVE": Layout(
        write_drive,
        {
            "images": "{split}/images/{case}_{split}.tif",
            "masks": {"1st_manual": {"path": "{split}/1st_manual/{case}_manual1.gif"} | named("vessel")},
            "split": "split",
        },
        [("segmentation", "1st_manual")],
    ),
    "PH2": Layout(
        write_ph2,
        {
            "table": "PH2_dataset.xlsx",
            "case": "Image Name",
            "images": "PH2 Dataset images/{case}/{case}_Dermoscopic_Image/{case}.bmp",
            "masks": {
                "lesion": {"path": "PH2 Dataset images/{case}/{case}_lesion/{case}_lesion.bmp"}
                | named("lesion"),
                "mask": {"path": "PH2 Dataset images/{case}/{case}_roi/{case}_R*_Label4.bmp"}
                | named("region"),
            },
            "columns": {
                "Histological Diagnosis": {"classes": ["melanoma", "common nevus", "atypical nevus"]},
                "Asymmetry": {"classes": [0, 1, 2]},
            },
        },
        [("segmentation", "lesion"), ("classification", "Histological Diagnosis")],
    ),
    "BUSI": Layout(
        write_busi,
        {
            "images": "{diagnosis}/{case}.png",
            "masks": {"mask": {"path": "{diagnosis}/{case}_mask*.png"} | named("lesion")},
            "columns": {"diagnosis": {"classes": ["normal", "benign", "malignant"]}},
        },
        [("segmentation", "mask"), ("classification", "diagnosis")],
    ),
    "CVAT masks": Layout(
        write_cvat,
        {
            "images": "JPEGImages/{case}.jpg",
            "masks": {
                "mask": {
                    "path": "SegmentationClass/{case}.png",
                    "classes": list(COLOURS),
                    "colours": {name: "#{:02x}{:02x}{:02x}".format(*rgb) for name, rgb in COLOURS.items()},
                }
            },
        },
        [("segmentation", "mask")],
    ),
    "case folders": Layout(
        write_case_folders,
        {
            "table": "subjects.csv",
            "case": "subject",
            "images": {name: f"{{case}}/{{case}}_{name}.png" for name in SEQUENCES},
            "masks": {"mask": {"path": "{case}/{case}_seg.png", "classes": ["background", "lesion"]}},
            "columns": {"grade": {"classes": ["HGG", "LGG"]}, "age": {"unit": "years"}},
        },
        [("segmentation", "mask"), ("classification", "grade")],
    ),
    "sequences, some missing": Layout(
        write_sequences,
        {
            "images": {name: f"{{case}}-{name}.png" for name in SEQUENCES},
            "missing_channels": "zeros",
            "masks": {"mask": {"path": "{case}-seg.png"} | named("lesion")},
        },
        [("segmentation", "mask")],
    ),
    "class folders": Layout(
        write_class_folders,
        {
            "images": "{split}/{diagnosis}/{case}.jpeg",
            "columns": {"diagnosis": {"classes": ["NORMAL", "PNEUMONIA"]}},
            "split": "split",
        },
        [("classification", "diagnosis")],
    ),
    "a mask per object": Layout(
        write_objects,
        {
            "images": "images/{case}.png",
            "masks": {"mask": {"path": "masks/{case}/nucleus_*.png"} | named("lesion")},
        },
        [("segmentation", "mask")],
    ),
    "multi-channel TIFF": Layout(
        write_channels,
        {
            "images": "images/{case}.tif",
            "masks": {"mask": {"path": "labels/{case}.png", "classes": ["background", "lesion"]}},
        },
        [("segmentation", "mask")],
    ),
    "a table alone": Layout(
        write_table_alone,
        {
            "table": "patients.csv",
            "case": "id",
            "columns": {
                "age": {"unit": "years"},
                "sex": {"classes": ["F", "M"]},
                "marker": {},
                "diagnosis": {"classes": ["benign", "malignant"]},
            },
        },
        [("classification", "diagnosis")],
    ),
}


@dataclass(frozen=True)
class Result:
    """The result for one layout.

    Attributes:
        errors: The errors of `check`, or the error of `init`.
        edits: The lines of dataset.yaml and of the tasks to change, with + for a line to add and - for one to remove.
        lines: The number of lines that dataset.yaml has without comments.
        unsure: What the draft says it could not tell.
    """

    errors: Sequence[str]
    edits: Sequence[str]
    lines: int
    unsure: Sequence[str]


def measure(layout: Layout, folder: Path) -> Result:
    """Write a replica, draft it and check it."""
    shutil.rmtree(folder, ignore_errors=True)
    layout.write(folder)
    try:
        drafted = um.init(folder)
        content = yaml.safe_load(drafted.files[0].read_text(encoding="utf-8"))
        config = yaml.safe_load(drafted.files[1].read_text(encoding="utf-8"))
        read = um.load_config(drafted.files[1])
        errors = um.check(read.data, read.tasks, read.split, read.preprocess).problems
    except UnetMtlError as error:
        return Result([str(error)], [], 0, [])
    tasks = [(task["kind"], task.get("target", task["name"])) for task in config["tasks"]]
    found = _lines(content, tasks)
    expected = _lines(layout.right, layout.tasks)
    changes = difflib.unified_diff(found, expected, lineterm="", n=0)
    edits = [line for line in changes if not line.startswith(("---", "+++", "@@"))]
    return Result(errors, edits, len(found) - len(tasks), drafted.notes.unsure)


def _lines(content: Mapping[str, Any], tasks: Sequence[tuple[str, str]]) -> list[str]:
    text = yaml.safe_dump(_sorted(content), sort_keys=False, default_flow_style=None, width=200)
    return [*text.splitlines(), *(f"task {kind} of {target}" for kind, target in tasks)]


def _sorted(content: Any) -> Any:
    """Return the content with sorted keys, and without the order of those in braces."""
    if not isinstance(content, dict):
        return content
    return {key: _sorted(content[key]) for key in sorted(content, key=str)}


def to_edit(edits: Sequence[str]) -> int:
    """Return the number of lines to edit, where a line that is replaced counts once."""
    removed = sum(line.startswith("-") for line in edits)
    return max(removed, len(edits) - removed)


def main(out: str, *names: str) -> None:
    """Run the benchmark."""
    print(f"{'layout':24} {'errors':>6} {'lines':>6} {'to edit':>8}  the draft could not tell")
    for name in names or LAYOUTS:
        result = measure(LAYOUTS[name], Path(out) / name.replace(" ", "_"))
        head = f"{name:24} {len(result.errors):6} {result.lines:6} {to_edit(result.edits):8}  "
        told = [f"ERROR {line}" for line in result.errors[:3]] + [f"edit {line}" for line in result.edits]
        for number, line in enumerate([*told, *result.unsure] or ["nothing"]):
            rows = textwrap.wrap(line, 90)
            print((head if number == 0 else " " * 48) + f"\n{' ' * 50}".join(rows))
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
