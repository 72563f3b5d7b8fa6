"""The synthetic sample set: documented guarantees and the physics of its images."""

import csv
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion
from scipy.spatial.distance import pdist
from skimage.measure import find_contours

import metrics
from unet_mtl.errors import DataError, WriteError
from unet_mtl.phantom import cases as phantom_cases
from unet_mtl.phantom import make_case, write_phantom
from unet_mtl.phantom.cases import CASES_PER_BLOCK, DIAGNOSES, identify_case
from unet_mtl.phantom.fields import Grid, smooth_noise
from unet_mtl.phantom.lesion import draw_cyst, draw_malignant
from unet_mtl.phantom.scanner import Scanner, path_loss_db, speckle

SIZE = (96, 80)
CASES = 30
COLUMNS = ["case", "patient", "diagnosis", "lesion_diameter_mm", "pixel_spacing_mm", "age"]
SCANNER = Scanner(
    axial_mm=0.12,
    lateral_mm=0.22,
    widening=0.012,
    compensated=0.9,
    noise_db=-50.0,
    dynamic_range_db=60.0,
    brightness=75.0,
    slider_db=0.0,
    looks=1,
    gamma=1.5,
    clutter_db=-20.0,
    black=8.0,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("phantom") / "set"
    write_phantom(made, cases=CASES, size=SIZE)
    return made


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "cases.csv").open(newline="") as table:
        return list(csv.DictReader(table))


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_arguments_give_the_same_bytes_with_any_number_of_workers(folder, tmp_path):
    write_phantom(tmp_path / "again", cases=CASES, size=SIZE)
    write_phantom(tmp_path / "shared", cases=CASES, size=SIZE, workers=2)
    assert fingerprint(tmp_path / "again") == fingerprint(folder)
    assert fingerprint(tmp_path / "shared") == fingerprint(folder)


def test_another_seed_gives_other_images(folder, tmp_path):
    write_phantom(tmp_path / "other", cases=3, seed=8, size=SIZE)
    mine, other = fingerprint(folder), fingerprint(tmp_path / "other")
    assert all(mine[f"images/case_000{i}.png"] != other[f"images/case_000{i}.png"] for i in (1, 2, 3))


def test_the_folder_holds_what_the_description_says(folder):
    description = yaml.safe_load((folder / "dataset.yaml").read_text())
    rows = rows_of(folder)
    assert list(rows[0]) == COLUMNS
    assert description["synthetic"] is True
    assert description["columns"]["diagnosis"]["classes"] == list(DIAGNOSES)
    assert {path.name for path in folder.iterdir()} == {
        "images",
        "masks",
        "cases.csv",
        "dataset.yaml",
        "README.md",
    }
    assert [row["case"] for row in rows] == [f"case_{i:04d}" for i in range(1, CASES + 1)]
    for row in rows:
        with Image.open(folder / description["images"].format(case=row["case"])) as image:
            assert (image.mode, image.size, image.format) == ("L", SIZE[::-1], "PNG")
        assert 18 <= int(row["age"]) <= 90
        assert 31 / SIZE[0] - 1e-3 < float(row["pixel_spacing_mm"]) < 46 / SIZE[0] + 1e-3
        assert row["diagnosis"] in ("", *DIAGNOSES)


def test_masks_are_palette_images_with_the_three_classes(folder):
    values = set()
    for path in (folder / "masks").iterdir():
        with Image.open(path) as mask:
            assert (mask.mode, mask.size) == ("P", SIZE[::-1])
            assert mask.getpalette()[:3] == [0, 0, 0]
            values |= set(np.unique(np.asarray(mask)).tolist())
    assert values == {0, 1, 2}


def test_the_readme_says_synthetic_first_and_how_it_was_made(folder):
    text = (folder / "README.md").read_text()
    assert "SYNTHETIC" in text.splitlines()[0]
    assert f"unet-mtl phantom OUT --cases {CASES} --seed 7" in text
    assert "{" not in text


def test_the_table_agrees_with_the_cases(folder):
    for index, row in enumerate(rows_of(folder)):
        made = make_case(index, size=SIZE)
        with Image.open(folder / "images" / f"{row['case']}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), made.image)
        assert row["patient"] == made.patient
        assert row["diagnosis"] in ("", made.diagnosis)
        assert row["lesion_diameter_mm"] in ("", f"{made.lesion_diameter_mm}")


@pytest.mark.parametrize(
    ("cases", "masks", "diagnoses", "diameters"),
    [(20, 0.15, 0.10, 0.20), (7, 0.0, 1.0, 0.5), (5, 1.0, 0.0, 1.0), (9, 0.0, 0.0, 0.0)],
)
def test_missing_shares_are_exact(tmp_path, cases, masks, diagnoses, diameters):
    made = tmp_path / "set"
    write_phantom(
        made,
        cases=cases,
        size=(64, 64),
        missing_masks=masks,
        missing_diagnoses=diagnoses,
        missing_diameters=diameters,
    )
    rows = rows_of(made)
    lesions = [i for i in range(cases) if identify_case(i, 7).diagnosis != "normal"]
    without = [i for i in lesions if rows[i]["lesion_diameter_mm"] == ""]
    assert cases - len(list((made / "masks").iterdir())) == round(masks * cases)
    assert sum(row["diagnosis"] == "" for row in rows) == round(diagnoses * cases)
    assert len(without) == round(diameters * len(lesions))
    assert all(rows[i]["lesion_diameter_mm"] == "" for i in set(range(cases)) - set(lesions))


def test_progress_is_told_after_each_case(tmp_path):
    heard = []
    write_phantom(tmp_path / "set", cases=3, size=(64, 64), progress=lambda *done: heard.append(done))
    assert heard == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"cases": 0}, "`cases` is 0; expected 1 or more"),
        ({"seed": -1}, "`seed` is -1"),
        ({"workers": 0}, "`workers` is 0"),
        ({"size": (63, 256)}, r"`size` is \(63, 256\); .*64 or more"),
        ({"size": (64, 256)}, "more than twice"),
        ({"missing_masks": 1.5}, "`missing_masks` is 1.5; expected a share from 0 to 1"),
        ({"missing_diagnoses": -0.1}, "`missing_diagnoses` is -0.1"),
        ({"missing_diameters": float("nan")}, "`missing_diameters` is nan"),
    ],
)
def test_bad_arguments_are_named_with_a_cure(tmp_path, wrong, words):
    with pytest.raises(ValueError, match=words):
        write_phantom(tmp_path / "set", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="is not empty; choose a new folder"):
        write_phantom(tmp_path, cases=1, size=(64, 64))
    with pytest.raises(DataError, match="is a file"):
        write_phantom(tmp_path / "notes.txt", cases=1, size=(64, 64))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path):
    made = tmp_path / "set"
    made.mkdir()
    write_phantom(made, cases=1, size=(64, 64))
    assert (made / "cases.csv").is_file()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch, error):
    save, count = Image.Image.save, [0]

    def fail_later(self, path, *args, **kwargs):
        count[0] += 1
        if count[0] == 4:
            raise error
        save(self, path, *args, **kwargs)

    monkeypatch.setattr(Image.Image, "save", fail_later)
    expected = WriteError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        write_phantom(tmp_path / "set", cases=5, size=(64, 64))
    assert count[0] == 4
    assert list(tmp_path.iterdir()) == []
    if expected is WriteError:
        assert "No space left on device" in str(caught.value)
        assert str(tmp_path / "set") in str(caught.value)


def test_patients_have_one_or_two_views_and_one_diagnosis():
    patients: dict[int, list] = {}
    for index in range(10 * CASES_PER_BLOCK):
        who = identify_case(index, 3)
        patients.setdefault(who.patient, []).append(who)
    assert list(patients) == list(range(200))
    assert {len(views) for views in patients.values()} == {1, 2}
    for views in patients.values():
        assert [who.view for who in views] == list(range(len(views)))
        assert len({who.diagnosis for who in views}) == 1
    drawn = [views[0].diagnosis for views in patients.values()]
    assert [drawn.count(name) / 200 for name in DIAGNOSES] == [0.25, 0.40, 0.35]


def test_two_views_share_the_patient_and_differ_in_the_picture():
    first = next(
        i
        for i in range(60)
        if identify_case(i + 1, 7).view == 1 and identify_case(i, 7).diagnosis != "normal"
    )
    one, two = (make_case(index, size=SIZE) for index in (first, first + 1))
    assert (one.patient, one.age, one.diagnosis) == (two.patient, two.age, two.diagnosis)
    assert 0.7 < two.lesion_diameter_mm / one.lesion_diameter_mm < 1.2
    assert np.corrcoef(one.image.ravel(), two.image.ravel())[0, 1] < 0.9


def test_a_case_does_not_depend_on_how_many_there_are(folder, tmp_path):
    write_phantom(tmp_path / "few", cases=5, size=SIZE)
    few, many = fingerprint(tmp_path / "few"), fingerprint(folder)
    shared = [name for name in few if name.startswith(("images/", "masks/")) and name in many]
    assert len([name for name in shared if name.startswith("images/")]) == 5
    assert all(few[name] == many[name] for name in shared)


def test_a_case_far_into_the_set_is_made_at_once():
    assert make_case(1_000_000, size=(64, 64)).case == "case_1000001"


@pytest.mark.parametrize("size", [(64, 64), (128, 64), (64, 128), (160, 160)])
def test_diameter_is_the_feret_diameter_of_the_mask(size):
    for index in range(6):
        made = make_case(index, size=size)
        lesion = made.mask == 1
        if made.diagnosis == "normal":
            assert made.lesion_diameter_mm is None
            assert not made.mask.any()
            continue
        outline = np.concatenate(find_contours(np.pad(lesion, 1).astype(float), 0.5))
        feret_px = pdist(outline).max()
        assert made.lesion_diameter_mm == pytest.approx(feret_px * made.pixel_spacing_mm, abs=0.051)
        assert 5.5 <= made.lesion_diameter_mm <= 20.5


def test_feret_of_a_rectangle_is_its_diagonal_between_outline_points():
    mask = np.zeros((20, 30), bool)
    mask[5:8, 4:24] = True
    # Outline points lie half a pixel outside the first and last pixel centres: 20 px across, 2 px down.
    assert metrics.feret_diameter(mask, (0.5, 0.5)) == pytest.approx(0.5 * np.hypot(20, 2))


def test_malignant_patients_are_older_but_not_all():
    ages = {name: [] for name in DIAGNOSES}
    for index in range(0, 120):
        made = make_case(index, size=(64, 64))
        ages[made.diagnosis].append(made.age)
    assert np.mean(ages["malignant"]) > np.mean(ages["benign"]) + 5
    assert min(ages["malignant"]) < max(ages["benign"])


@pytest.mark.parametrize("lengths", [(0.3, 2.0), (2.0, 4.0), (0.1, 30.0)])
def test_texture_has_sd_1_everywhere_at_any_length(lengths):
    rng, grid = np.random.default_rng(0), Grid(20, 30, 0.15)
    fields = np.stack([smooth_noise(rng, grid, *lengths) for _ in range(1500)])
    assert fields.shape[1:] == (20, 30)
    np.testing.assert_allclose(fields.std(axis=0), 1.0, atol=0.12)
    np.testing.assert_allclose(fields.mean(axis=0), 0.0, atol=0.12)


def homogeneous(seed: int, height: int = 400, width: int = 400):
    grid = Grid(height, width, 0.1)
    flat = np.ones((height, width), np.float32)
    return speckle(np.random.default_rng(seed), flat, np.zeros_like(flat), SCANNER, grid)


def test_speckle_of_uniform_tissue_is_rayleigh():
    echoes = np.stack([homogeneous(seed) for seed in range(3)])
    envelope = np.abs(echoes)
    assert envelope.mean() / envelope.std() == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.03)  # 1.91
    assert np.mean(envelope**2) == pytest.approx(1.0, rel=0.05)
    assert abs(np.mean(echoes)) < 0.05


def lateral_correlation(echoes: np.ndarray, lag: int) -> float:
    return float(np.abs(np.mean(echoes[:, lag:] * echoes[:, :-lag].conj())) / np.mean(np.abs(echoes) ** 2))


def test_speckle_widens_with_depth_as_the_beam_does():
    echoes = homogeneous(0)
    top, bottom = lateral_correlation(echoes[:80], 5), lateral_correlation(echoes[-80:], 5)
    # The correlation of a field filtered by a Gaussian of sd s falls to exp(-lag^2 / (4 s^2)).
    for measured, depth_mm in ((top, 4.0), (bottom, 36.0)):
        beam_px = np.hypot(SCANNER.lateral_mm, SCANNER.widening * depth_mm) / 0.1
        assert measured == pytest.approx(np.exp(-25 / (4 * beam_px**2)), abs=0.08)
    assert bottom > top + 0.2


def test_loss_in_uniform_tissue_is_path_times_frequency():
    grid = Grid(100, 60, 0.2)
    loss = path_loss_db(np.full((100, 60), 0.5, np.float32), grid)
    # 2 cm deep, both ways, 0.5 dB/cm/MHz, 5 MHz.
    np.testing.assert_allclose(loss[-1], 10.0, rtol=1e-3)
    assert (np.diff(loss, axis=0) > 0).all()


def test_shadow_fills_in_from_its_sides_with_depth():
    grid = Grid(200, 200, 0.2)
    attenuation = np.full((200, 200), 0.5, np.float32)
    attenuation[40:60, 85:115] = 2.5
    extra = path_loss_db(attenuation, grid) - path_loss_db(np.full_like(attenuation, 0.5), grid)
    core = (extra > 5).sum(axis=1)
    assert core[65] > core[195]
    assert extra[65].max() == pytest.approx(2 * 5 * 0.4 * 2.0, rel=1e-3)
    assert np.all(extra[:40] == 0)


def grey_below(made) -> float:
    """Return the grey level in the posterior region minus that at its sides, row by row."""
    region, image = made.mask == 2, made.image.astype(float)
    differences = []
    for row in np.flatnonzero(region.any(axis=1)):
        columns = np.flatnonzero(region[row])
        gap, reach = 5, len(columns)
        left = image[row, max(columns[0] - gap - reach, 0) : max(columns[0] - gap, 0)]
        right = image[row, columns[-1] + gap : columns[-1] + gap + reach]
        differences.append(image[row, columns].mean() - np.concatenate([left, right]).mean())
    return float(np.mean(differences))


def posterior_greys(monkeypatch, draw: Callable, count: int) -> list[float]:
    monkeypatch.setattr(phantom_cases, "draw_lesion", lambda rng, diagnosis: draw(rng))
    lesions = [
        i for i in range(60) if identify_case(i, 5).diagnosis != "normal" and identify_case(i, 5).view == 0
    ]
    made = [make_case(index, seed=5, size=(128, 128)) for index in lesions[:count]]
    return [grey_below(each) for each in made if (each.mask == 2).sum() > 100]


def test_malignant_lesions_shadow_and_cysts_enhance(monkeypatch):
    malignant = posterior_greys(monkeypatch, draw_malignant, 12)
    cysts = posterior_greys(monkeypatch, draw_cyst, 12)
    assert len(malignant) >= 6
    assert len(cysts) >= 6
    assert np.mean(malignant) < -5
    assert np.mean(cysts) > 5


def test_the_posterior_region_lies_below_the_lesion():
    seen = 0
    for index in range(12):
        mask = make_case(index, size=(128, 128)).mask
        if not (mask == 2).any():
            continue
        seen += 1
        assert np.argwhere(mask == 2)[:, 0].min() > np.argwhere(mask == 1)[:, 0].mean() - 1
        deepest = np.where((mask == 1).any(axis=0), 127 - (mask == 1)[::-1].argmax(axis=0), -1)
        rows, columns = np.nonzero(mask == 2)
        assert (rows > deepest[columns]).all()
    assert seen >= 3


def edge_contrast(image: np.ndarray, lesion: np.ndarray) -> float:
    """Return the grey level just outside the margin of a lesion minus that just inside."""
    outside = binary_dilation(lesion, iterations=4) & ~binary_dilation(lesion)
    inside = lesion & ~binary_erosion(lesion, iterations=4)
    return float(image[outside].mean() - image[inside].mean())


def test_mask_and_image_lie_on_each_other(monkeypatch):
    def plain_lesion(rng, diagnosis):
        # Bright walls, and enhancement that is only behind, would bias the fit upwards.
        return replace(draw_cyst(rng), wall=0.0, attenuation=0.75)

    monkeypatch.setattr(phantom_cases, "draw_lesion", plain_lesion)
    made = [make_case(i, size=(192, 192)) for i in range(16) if identify_case(i, 7).diagnosis != "normal"]
    contrast = {
        shift: np.mean([edge_contrast(each.image, np.roll(each.mask == 1, shift, (0, 1))) for each in made])
        for shift in [(0, 0), (0, 2), (0, -2), (2, 0), (-2, 0)]
    }
    assert max(contrast, key=contrast.get) == (0, 0)
    assert contrast[0, 0] > 20
