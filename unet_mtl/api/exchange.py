"""Import and export of data sets of other tools."""

from pathlib import Path
from typing import TYPE_CHECKING

from unet_mtl.arguments import check_types
from unet_mtl.data.records import Dataset

if TYPE_CHECKING:
    from unet_mtl.prepare.exchange import Exported, Imported
    from unet_mtl.prepare.exchange.coco import Crowd
    from unet_mtl.prepare.exchange.shapes import Nested


@check_types
def import_coco(
    source: Path | str,
    out: Path | str,
    *,
    images: Path | str | None = None,
    target: str = "mask",
    nested: "Nested" = "hole",
    crowd: "Crowd" = "class",
) -> "Imported":
    """Import the annotations of a COCO file as one mask of classes, in which the background is class 0.

    Crowd regions are drawn first, then all annotations in the order of the file, later ones over earlier ones. An
    image without annotations gets an empty mask, since COCO lists the images that were annotated.

    Args:
        source: The COCO file (annotations.json). It is only read.
        out: The new folder, which gets images, masks, cases.csv and dataset.yaml; it must be absent or empty.
        images: The folder that `file_name` is relative to; None for `images` beside the COCO file, or its own folder.
        target: The name of the mask.
        nested: The meaning of an outline inside another one of the same annotation: "hole", or "part", which is
            filled as pycocotools does.
        crowd: The meaning of `iscrowd` regions: "class" for their class, "ignore" for pixels that are left out of
            training and scores.

    Returns:
        The folder, the number of cases and of masks, and notes on decisions that were made.

    Raises:
        DataError: The file or an image is not usable; every problem is listed with its image or annotation id, and
            nothing is written.
        WriteError: The operating system refused the write.
    """
    from unet_mtl.prepare import exchange

    folder = None if images is None else Path(images)
    return exchange.import_coco(
        Path(source), Path(out), images=folder, target=target, nested=nested, crowd=crowd
    )


@check_types
def import_label_studio(
    source: Path | str, out: Path | str, *, images: Path | str | None = None, target: str | None = None
) -> "Imported":
    """Import a JSON export of Label Studio: polygons and brush strokes, choices and numbers.

    Regions become masks, choices columns of classes, numbers columns of numbers. Of several annotations of a task,
    the latest one that is not cancelled counts. A task without annotations has no mask and no labels; in an annotated
    task, pixels outside all regions are background. Classes are in alphabetical order.

    Args:
        source: The export in the format "JSON" (not JSON-MIN). It is only read.
        out: The new folder, which gets images, masks, cases.csv and dataset.yaml; it must be absent or empty.
        images: The folder of the images; None for `images` beside the export, or its own folder.
        target: The name of one mask for all regions; None for one mask for each labelling tag, with the tag's name.

    Returns:
        The folder, the number of cases and of masks, and notes on decisions that were made.

    Raises:
        DataError: The export or an image is not usable; every problem is listed with its task and annotation id, and
            nothing is written.
        WriteError: The operating system refused the write.
    """
    from unet_mtl.prepare import exchange

    folder = None if images is None else Path(images)
    return exchange.import_label_studio(Path(source), Path(out), images=folder, target=target)


@check_types
def import_labelme(
    source: Path | str, out: Path | str, *, images: Path | str | None = None, target: str = "mask"
) -> "Imported":
    """Import the shapes of LabelMe as one mask of classes, and the flags of images as columns of yes and no.

    Polygons, rectangles, circles and masks are drawn in the order of the file, later ones over earlier ones; the label
    `__ignore__` marks pixels to ignore. An image whose JSON file has no shape gets an empty mask, and an image without
    a JSON file has no mask. Classes are in alphabetical order.

    Args:
        source: The folder of the JSON files, which may be in subfolders. It is only read.
        out: The new folder, which gets images, masks, cases.csv and dataset.yaml; it must be absent or empty.
        images: The folder of the images; None for the places that the JSON files name.
        target: The name of the mask.

    Returns:
        The folder, the number of cases and of masks, and notes on decisions that were made.

    Raises:
        DataError: A JSON file or an image is not usable; every problem is listed with its file, and nothing is
            written.
        WriteError: The operating system refused the write.
    """
    from unet_mtl.prepare import exchange

    folder = None if images is None else Path(images)
    return exchange.import_labelme(Path(source), Path(out), images=folder, target=target)


@check_types
def import_via(
    source: Path | str,
    out: Path | str,
    *,
    images: Path | str | None = None,
    target: str = "mask",
    attribute: str | None = None,
    empty: bool = False,
) -> "Imported":
    """Import the regions of VIA, the VGG Image Annotator, as one mask of classes, and attributes of files as columns.

    Polygons, rectangles, circles and ellipses are drawn in the order of the file, later ones over earlier ones.
    Classes are in alphabetical order.

    Args:
        source: The project of version 1, 2 or 3, or the exported annotations of version 1 or 2, a JSON file. It is only
            read.
        out: The new folder, which gets images, masks, cases.csv and dataset.yaml; it must be absent or empty.
        images: The folder of the images; None for `images` beside the source, or its own folder.
        target: The name of the mask.
        attribute: The attribute of regions that names the class; None for the only one.
        empty: Whether an image without regions gets an empty mask; otherwise it has no mask, since it may not have
            been annotated yet.

    Returns:
        The folder, the number of cases and of masks, and notes on decisions that were made.

    Raises:
        DataError: The file or an image is not usable; every problem is listed with its image and region, and nothing
            is written.
        WriteError: The operating system refused the write.
    """
    from unet_mtl.prepare import exchange

    folder = None if images is None else Path(images)
    return exchange.import_via(
        Path(source), Path(out), images=folder, target=target, attribute=attribute, empty=empty
    )


@check_types
def import_nnunet(source: Path | str, out: Path | str, *, target: str = "mask") -> "Imported":
    """Import a raw data set folder of nnU-Net v2 with 2-D images: imagesTr with labelsTr, and imagesTs.

    If the folder has splits_final.json, its first fold becomes train and val, and imagesTs becomes test. Otherwise,
    the column `folder` of the table contains the folder of each case. Labels in labelsTs are used if they exist.

    Args:
        source: The folder DatasetXXX_Name. It is only read.
        out: The new folder, which gets images, masks, cases.csv and dataset.yaml; it must be absent or empty.
        target: The name of the mask.

    Returns:
        The folder, the number of cases and of masks, and notes on decisions that were made.

    Raises:
        DataError: The folder is not usable: 3-D files, labels that are regions, neither one nor three channels, or a
            pixel value outside the labels; every problem is listed with its file, and nothing is written.
        WriteError: The operating system refused the write.
    """
    from unet_mtl.prepare import exchange

    return exchange.import_nnunet(Path(source), Path(out), target=target)


@check_types
def to_nnunet(
    dataset: Dataset,
    out: Path | str,
    *,
    target: str | None = None,
    number: int = 501,
    name: str | None = None,
) -> "Exported":
    """Write one mask of a data set as a raw data set folder of nnU-Net v2.

    Images and masks become PNG files; pixels to ignore get the highest label. If the description names a split
    column, test cases are written into imagesTs and labelsTs, and train and val into splits_final.json. Other
    columns, patients and spacings are not exported, since nnU-Net has no place for them.

    Args:
        dataset: The data set, as `read_dataset` returns it.
        out: The folder nnUNet_raw, in which DatasetXXX_Name is made.
        target: The name of the mask; None for the only one.
        number: The number XXX, 1 to 999; no data set in `out` may have it.
        name: The name after the number; None for the name of the data set or of its folder.

    Returns:
        The folder, the number of training and test cases, and notes on what was not exported.

    Raises:
        DataError: The mask, the number or a case is not usable; every problem is listed, and nothing is written.
        WriteError: The operating system refused the write.
    """
    from unet_mtl.prepare import exchange

    return exchange.to_nnunet(dataset, Path(out), target=target, number=number, name=name)
