"""Targets of `measure` follow fit and zoom: a drawn disc has the diameter that the network is to learn."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import metrics
import unet_mtl as um
from unet_mtl.batches.augment.augment import Augment
from unet_mtl.batches.augment.linear_map import fit_map, make_points
from unet_mtl.batches.augment.presets import PRESETS
from unet_mtl.batches.augment.zoom import find_zoomed_numbers
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.measured_numbers import find_number_faults
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.batches.preprocess.views import Views
from unet_mtl.data.description import ColumnDescription
from unet_mtl.prepare.doctor.catalogue import KINDS
from unet_mtl.tasks import adapt_tasks

ZOOM = [
    {"HorizontalFlip": {"p": 0.5}},
    {"Affine": {"scale": [0.7, 1.4], "rotate": [-90, 90], "keep_ratio": True, "p": 0.8}},
    {"RandomBrightnessContrast": {"p": 0.5}},
    {"OneOf": {"transforms": [{"Affine": {"scale": [1.1, 1.3]}}, {"GaussianBlur": {}}], "p": 0.5}},
]
STRETCHING = [{"Affine": {"scale": [0.8, 1.2]}}]
SHAPES = [(90, 90), (120, 150), (64, 100), (200, 160)]
LENGTH = um.Regression(name="length", target="diameter_mm", measure="length")
AREA = um.Regression(name="area", target="area_mm2", measure="area")
MASK = um.Segmentation(name="disc")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Discs of known diameter, in images of several sizes and spacings."""
    folder = tmp_path_factory.mktemp("discs")
    rng = np.random.default_rng(3)
    rows = ["case,spacing,diameter_mm,area_mm2"]
    for i, shape in enumerate(SHAPES * 2):
        radius, spacing = rng.uniform(0.2, 0.25) * min(shape), rng.uniform(0.1, 0.9)
        y, x = np.mgrid[: shape[0], : shape[1]]
        disc = np.hypot(y - shape[0] / 2 + 0.2, x - shape[1] / 2 + 0.4) <= radius
        for name, pixels in (("images", disc * 200), ("masks", disc)):
            (folder / name).mkdir(exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"c{i}.png")
        rows.append(f"c{i},{spacing},{2 * radius * spacing},{np.pi * (radius * spacing) ** 2}")
    (folder / "cases.csv").write_text("\n".join(rows))
    (folder / "dataset.yaml").write_text(
        "table: cases.csv\nimages: images/{case}.png\nspacing_mm: spacing\n"
        "masks: {disc: {path: 'masks/{case}.png', classes: [background, disc]}}\n"
        "columns: {diameter_mm: {unit: mm}, area_mm2: {unit: mm2}}\n"
    )
    return um.read_dataset(folder)


def make_batches(dataset, tasks, preprocess, augment, **options):
    adapted = adapt_tasks(tasks, dataset, Views(preprocess))
    steps = None if augment is None else Augment(augment)
    return Batches(dataset, adapted, preprocess, batch_size=len(dataset), augment=steps, workers=1, **options)


@pytest.mark.parametrize("augment", [None, ZOOM], ids=["still", "zoomed"])
@pytest.mark.parametrize(
    "preprocess",
    [
        {"size": (128, 128), "fit": "pad"},
        {"size": (96, 128), "fit": "stretch"},
        {"size": (224, 224), "fit": "crops", "crops": {"scale": 1.1}},
    ],
    ids=lambda preprocess: preprocess["fit"],
)
def test_the_target_is_the_size_in_the_image_that_the_network_sees(dataset, preprocess, augment):
    batches = make_batches(dataset, [MASK, LENGTH, AREA], Preprocess(**preprocess), augment)
    length, area = (task.numbers[0].learned for task in batches.tasks[1:])
    zooms = set()
    for epoch in range(3):
        _, targets, weights = batches.make(0, epoch)
        for i in range(len(dataset)):
            disc = targets["disc"][i] == 1
            diameter = length.restore(targets["length"][i, 0, 0])
            square = area.restore(targets["area"][i, 0, 0])
            assert weights["length"][i] == weights["area"][i] == 1
            assert square == pytest.approx(disc.sum(), rel=0.035)
            # A stretched disc is an ellipse, whose diameter by convention is the geometric mean of its axes.
            assert diameter == pytest.approx(np.sqrt(np.prod(metrics.ellipse_axes(disc))), rel=0.02)
            assert square == pytest.approx(np.pi / 4 * diameter**2, rel=1e-4)
            zooms.add(round(diameter, 2))
    assert len(zooms) == len(dataset) * (3 if augment else 1) or augment  # some samples are not zoomed
    assert augment is None or len(zooms) > len(dataset)


def test_the_answer_undoes_resize_and_spacing(dataset):
    preprocess = Preprocess(size=(64, 80), fit="stretch")
    batches = make_batches(dataset, [LENGTH, AREA], preprocess, None)
    _, targets, _ = batches.make(0)
    views = Views(preprocess)
    for i, record in enumerate(dataset):
        for task in batches.tasks:
            answer = task.restore(task.decode(targets[task.name][i, :, 0]), views(record))
            assert answer.value == pytest.approx(record.labels[task.target_name], rel=1e-5)


@pytest.mark.parametrize("augment", [ZOOM, "light", "dermoscopy"], ids=str)
def test_a_measured_number_changes_no_image_mask_or_plain_number(dataset, augment):
    plain = um.Regression(name="plain", target="diameter_mm")
    preprocess = Preprocess(size=(32, 32))
    without = make_batches(dataset, [MASK, plain], preprocess, augment)
    with_it = make_batches(dataset, [MASK, plain, LENGTH], preprocess, augment)
    for epoch in range(2):
        (images, targets, weights), (images_2, targets_2, weights_2) = (
            batches.make(0, epoch) for batches in (without, with_it)
        )
        np.testing.assert_array_equal(images["image"], images_2["image"])
        for name in targets:
            np.testing.assert_array_equal(targets[name], targets_2[name])
            np.testing.assert_array_equal(weights[name], weights_2[name])


def test_unknown_labels_and_spacings_have_weight_0(dataset):
    records = [
        replace(dataset.records[0], labels={}),
        replace(dataset.records[1], spacing_mm=None),
        *dataset.records[2:],
    ]
    batches = make_batches(
        replace(dataset, records=tuple(records)), [LENGTH], Preprocess(size=(16, 16)), ZOOM
    )
    _, targets, weights = batches.make(0)
    assert weights["length"].tolist() == [0, 0, *[1] * 6]
    assert np.isfinite(targets["length"]).all()


def test_a_map_by_points():
    points = make_points((40, 60))
    found = fit_map(points, points @ np.array([[0, 2], [-0.5, 0]]) + 7)
    assert (found.zoom, found.stretch, found.bend) == pytest.approx((1, 4, 0), abs=1e-5)
    assert fit_map(points, points * 1.5).zoom == pytest.approx(1.5)
    assert fit_map(points, points**2).bend > 10


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "none"])
def test_the_zoom_of_a_preset_agrees_with_the_area_of_a_disc(preset):
    y, x = np.mgrid[:96, :96]
    disc = (np.hypot(y - 48, x - 48) < 22).astype(np.uint8)
    points, augment = make_points((96, 96)), Augment(preset)
    image = np.repeat(disc[..., None] * np.uint8(200), 3, -1)
    for seed in range(8):
        moved = augment.move(image, {"disc": disc}, seed, points)
        area = (moved.masks["disc"] == 1).sum() / disc.sum()
        assert fit_map(points, moved.points).zoom ** 2 == pytest.approx(area, rel=0.04)


@pytest.mark.parametrize(
    "step",
    [
        {"Perspective": {"scale": [0.05, 0.1]}},
        {"ElasticTransform": {"alpha": 80, "sigma": 6}},
        {"GridDistortion": {}},
        {"OneOf": {"transforms": [{"OpticalDistortion": {"distort_limit": 0.5}}, {"GaussNoise": {}}]}},
    ],
    ids=lambda step: next(iter(step)),
)
def test_a_step_that_bends_the_image_is_refused(dataset, step):
    (name,) = step
    inner = "OpticalDistortion" if name == "OneOf" else name
    tasks, preprocess = [LENGTH], Preprocess(size=(64, 64))
    with pytest.raises(ValueError, match=f"{inner} enlarges some places of an image more than others"):
        um.Config(data=dataset.description, tasks=tasks, augment=[*ZOOM, step], preprocess=preprocess)
    um.Config(data=dataset.description, tasks=tasks, augment=ZOOM, preprocess=preprocess)
    plain = [um.Regression(name="diameter_mm")]
    um.Config(data=dataset.description, tasks=plain, augment=[step], preprocess=preprocess)


def test_lengths_that_stretch_are_reported_and_plain_numbers_that_zoom():
    columns = {"a": ColumnDescription(unit="mm"), "b": ColumnDescription(unit="mm2")}
    length, area = um.Regression(name="a", measure="length"), um.Regression(name="b", measure="area")
    (found,) = find_zoomed_numbers([length, area], columns, STRETCHING, (64, 64))
    assert found.kind == "number-stretched"
    assert found.text.startswith("a: Affine (up to 1.")
    for kept in PRESETS:
        assert find_zoomed_numbers([length, area], columns, kept, (64, 64)) == []
    (found,) = find_zoomed_numbers([um.Regression(name="a"), area], columns, "light", (64, 64))
    assert found.kind == "number-zoomed"


def test_faults_of_cases_are_counted(dataset):
    (wide, *others) = dataset.records
    records = [replace(wide, spacing_mm=None), replace(others[0], spacing_mm=None), *others[1:]]
    train = replace(dataset, records=tuple(records))
    found = find_number_faults([LENGTH, AREA], train, Preprocess(size=(64, 64), fit="pad"), "none")
    assert [one.kind for one in found] == ["number-unspaced"] * 2
    assert found[0].cases == ("c0", "c1")
    assert found[0].text == (
        "task 'length': 2 of 8 train cases with diameter_mm in mm have no pixel spacing, without which the number is "
        "not learned"
    )
    (stretched,) = find_number_faults([LENGTH, AREA], dataset, Preprocess(size=(64, 64)), "none")
    assert stretched.kind == "number-stretched"
    assert (
        "in 6 of 8 train cases a pixel of the network's input is up to 1.56 times as long" in stretched.text
    )
    plain = um.Regression(name="diameter_mm")
    assert find_number_faults([plain], train, Preprocess(size=(64, 64)), "none") == []


def test_check_reports_them(dataset):
    records = {"c0", "c1"}
    text = (dataset.description.root / "cases.csv").read_text().splitlines()
    rows = [
        ",".join([row.split(",")[0], "", *row.split(",")[2:]]) if row[:2] in records else row for row in text
    ]
    (dataset.description.root / "some_without_spacing.csv").write_text("\n".join(rows))
    description = dataset.description.model_copy(update={"table": "some_without_spacing.csv"})
    split = um.SplitSettings(train=0.8, val=0.2, test=0)
    plain = um.Regression(name="plain", target="diameter_mm")
    checkup = um.check(description, [LENGTH, plain], split, Preprocess(size=(32, 32), fit="pad"), STRETCHING)
    kinds = {finding.kind.title: finding for finding in checkup.findings}
    train = [record.case for record in checkup.parts["train"] if record.case in records]
    zoomed, stretched = (
        kinds[KINDS[kind].title].observations for kind in ("number-zoomed", "number-stretched")
    )
    assert [one.text.split(" stays")[0] for one in zoomed] == ["diameter_mm in mm"]
    assert len(stretched) == 1
    assert train
    (unspaced,) = kinds[KINDS["number-unspaced"].title].observations
    assert sorted(unspaced.cases) == sorted(train)
