"""The charts of the page, by section."""

from collections import Counter

from markupsafe import Markup

from unet_mtl.data.counts import count_classes
from unet_mtl.html.charts import Chart, draw_counts, draw_histogram, draw_shares
from unet_mtl.prepare.doctor.checkup import Checkup
from unet_mtl.wording import count_of

MOST_CHARTS = 40
"""Maximum number of charts in a section, since some tables have a thousand columns."""


def draw_figures(checkup: Checkup) -> dict[str, list[Chart]]:
    """Return the charts by the heading of their section; sections without charts are left out."""
    sections = {
        "Splits and patients": _splits(checkup) + _patients(checkup),
        "Labels and masks": _labels(checkup) + _masks(checkup),
        "Images": _images(checkup),
    }
    return {title: charts[:MOST_CHARTS] for title, charts in sections.items() if charts}


def _splits(checkup: Checkup) -> list[Chart]:
    rows = {
        row["split"]: {str(part): int(row[part]) for part in checkup.parts}
        for row in checkup.tables()["splits"]
    }
    return [draw_shares("Cases in each part of the split", rows)] if rows else []


def _labels(checkup: Checkup) -> list[Chart]:
    dataset = checkup.dataset
    charts = []
    for name, counts in list(count_classes(dataset).items())[:MOST_CHARTS]:
        charts.append(draw_counts(name, counts, unlabelled=len(dataset) - sum(counts.values())))
    numeric = [name for name, column in dataset.description.columns.items() if column.is_number]
    for name in numeric[:MOST_CHARTS]:
        values = [float(record.labels[name]) for record in dataset if name in record.labels]
        unit = dataset.description.columns[name].unit
        charts.append(draw_histogram(name, values, unit=unit, items="cases"))
    return charts


def _masks(checkup: Checkup) -> list[Chart]:
    charts = []
    for target, description in checkup.dataset.description.masks.items():
        masks = checkup.inspection.masks[target]
        for index, name in list(enumerate(description.classes))[1 : MOST_CHARTS + 1]:
            shares = [
                100 * mask.pixels[index] / mask.labelled for mask in masks.values() if index in mask.pixels
            ]
            title = f"{target}: share of {name} in the image"
            chart = draw_histogram(title, shares, unit="%", items="masks with it")
            without = len(masks) - len(shares)
            note = (
                f"{chart.note}; {count_of(without, 'mask')} without it" if without and shares else chart.note
            )
            charts.append(Chart(title, chart.svg, note))
    return charts


def _images(checkup: Checkup) -> list[Chart]:
    images = checkup.inspection.images.values()
    if not images:
        return []
    charts = _sizes(checkup)
    spacings = [record.spacing_mm[0] for record in checkup.dataset if record.spacing_mm is not None]
    if spacings:
        charts.append(draw_histogram("Pixel spacing", spacings, unit="mm", items="cases"))
    means = (sum(image.coarse) / len(image.coarse) / 2.55 for image in images)
    charts += [
        draw_histogram("Mean brightness (0 % is black)", means, unit="%"),
        draw_histogram("Darkest pixel (0 % is black)", (100 * image.low for image in images), unit="%"),
        draw_histogram("Brightest pixel (100 % is white)", (100 * image.high for image in images), unit="%"),
    ]
    if len(checkup.inspection.types) > 1:
        charts.append(draw_counts("Type", checkup.inspection.types, items="images"))
    return charts


def _sizes(checkup: Checkup) -> list[Chart]:
    sizes = checkup.inspection.sizes
    if len(sizes) == 1:
        [((height, width), n)] = sizes.items()
        note = f"{height} x {width} pixels (height x width) in {'all ' * (n > 1)}{count_of(n, 'image')}"
        return [Chart("Size", Markup(""), note)]
    heights, widths = zip(*sizes.elements(), strict=True)
    return [
        draw_histogram("Height", heights, unit="pixels"),
        draw_histogram("Width", widths, unit="pixels"),
    ]


def _patients(checkup: Checkup) -> list[Chart]:
    if checkup.dataset.description.patient is None:
        return []
    views = Counter(record.patient for record in checkup.dataset)
    return [draw_histogram("Images per patient", views.values(), unit="images", items="patients")]
