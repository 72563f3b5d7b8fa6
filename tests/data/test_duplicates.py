"""Duplicates: copies made with Pillow and NumPy are found, and other images are not."""

import dataclasses
import sys
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from unet_mtl.data import duplicates
from unet_mtl.data.duplicates import NEAR, DuplicateGroup, find_duplicates, fingerprint
from unet_mtl.data.images import read_image
from unet_mtl.data.local_patterns import OUTSIDE, SIDE, find_content, local_pattern
from unet_mtl.errors import DataError
from unet_mtl.phantom.cases import make_case

from .surrounded_images import make_dental, make_fundus

REAL = Path(__file__).parents[3] / "shared/data"
N_PHANTOMS = 12


@cache
def phantom(index):
    return make_case(index).image


@cache
def phantom_prints():
    return {f"case {index}": fingerprint(phantom(index)[..., None]) for index in range(N_PHANTOMS)}


def prints(**images):
    return {
        case: fingerprint(image if image.ndim == 3 else image[..., None]) for case, image in images.items()
    }


def found(**images):
    return find_duplicates(prints(**images))


def clipped(image):
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def compressed(image, quality):
    return cv2.imdecode(
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE
    )


def cropped(image, share):
    down, right = (round(side * share) for side in image.shape)
    return image[down:-down, right:-right]


def blobs(*places, side=256, radius=8):
    image = np.zeros((side, side), np.uint8)
    for place in places:
        cv2.circle(image, place, radius, 200, -1)
    return image


COPIES = {
    "half the size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "another shape": lambda image: cv2.resize(image, (300, 180), interpolation=cv2.INTER_LINEAR),
    "larger": lambda image: cv2.resize(image, None, fx=1.7, fy=1.7, interpolation=cv2.INTER_CUBIC),
    "JPEG of quality 20": lambda image: compressed(image, 20),
    "brighter, clipped at white": lambda image: clipped(image + 40.0),
    "half the contrast": lambda image: clipped(image * 0.5),
    "another gamma": lambda image: clipped(255 * (image / 255) ** 0.6),
    "noise": lambda image: clipped(image + np.random.default_rng(3).normal(0, 10, image.shape)),
    "2 % off every side": lambda image: cropped(image, 0.02),
    "3 % off every side": lambda image: cropped(image, 0.03),
    "3 % off the top": lambda image: image[8:],
    "2.5 % off two sides": lambda image: image[6:, 6:],
    "16 bits": lambda image: (image / np.float32(255)).astype(np.float32),
    "a quarter turn": np.rot90,
    "upside down": np.flipud,
    "mirrored, smaller and JPEG": lambda image: compressed(cv2.resize(image[:, ::-1], (200, 200)), 50),
    "transposed, cropped and brighter": lambda image: clipped(cropped(image.T, 0.015) * 1.2 + 10.0),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copy_is_near_and_close_to_its_original_alone(copy):
    for index in range(N_PHANTOMS):
        made = fingerprint(np.ascontiguousarray(COPIES[copy](phantom(index)))[..., None])
        (group,) = find_duplicates({**phantom_prints(), "copy": made})
        assert (group.kind, group.cases) == ("near", (f"case {index}", "copy"))
        assert 0 <= group.distance <= NEAR


def test_every_turn_and_mirror_image_is_at_distance_zero():
    turned = {
        f"{mirror} {turns}": np.rot90(phantom(0)[:, ::mirror], turns)
        for mirror in (1, -1)
        for turns in range(4)
    }
    (group,) = found(**turned)
    assert group.kind == "near"
    assert group.cases == tuple(turned)
    assert group.distance == pytest.approx(0, abs=1e-3)  # the fine pattern is kept in 8 bits


def test_different_phantoms_are_no_duplicates_even_two_views_of_one_patient():
    assert find_duplicates(phantom_prints()) == []


def test_distance_is_one_minus_the_correlation():
    """Images of noise, compared with the same images plus independent noise of 0.4 times the strength."""
    rng = np.random.default_rng(0)
    distances = []
    for _ in range(20):
        image, noise = (20 / 255 * rng.normal(size=(32, 32, 1)) for _ in range(2))
        (group,) = find_duplicates(prints(a=0.5 + image, b=0.5 + image + 0.4 * noise), max_distance=0.3)
        distances.append(group.distance)
    assert np.mean(distances) == pytest.approx(1 - 1 / np.sqrt(1 + 0.4**2), abs=0.006)


def test_same_pixels_are_identical_whatever_their_channels():
    grey = phantom(1)
    assert found(a=grey, b=phantom(2), c=grey.copy(), d=np.repeat(grey[..., None], 3, axis=-1)) == [
        DuplicateGroup("identical", ("a", "c", "d"), 0.0)
    ]


def test_one_grey_level_of_one_pixel_makes_identical_near():
    other = phantom(1).copy()
    other[100, 100] ^= 1
    (group,) = found(a=phantom(1), b=other)
    assert group.kind == "near"
    assert group.distance == pytest.approx(0, abs=1e-3)


def test_same_bytes_of_another_shape_are_not_identical():
    image = np.arange(64, dtype=np.uint8)
    assert found(a=image.reshape(4, 16), b=image.reshape(16, 4)) == []


def test_identical_images_stand_in_the_near_group_too():
    image = phantom(3)
    smaller = cv2.resize(image, (128, 128), interpolation=cv2.INTER_AREA)
    identical, near = found(z=image, m=smaller, a=image.copy(), other=phantom(4))
    assert identical == DuplicateGroup("identical", ("z", "a"), 0.0)
    assert (near.kind, near.cases) == ("near", ("z", "m", "a"))  # in the order of the fingerprints


def test_chain_is_one_group_and_its_distance_the_largest_link():
    """In a sweep, frame a is near b and b is near c, but a and c are further apart than allowed."""
    frames = {name: phantom(0)[5 * k : 200 + 5 * k, :200] for k, name in enumerate("abc")}
    made = prints(**frames)

    def distance(one, other):
        return find_duplicates({one: made[one], other: made[other]}, max_distance=1.0)[0].distance

    links = distance("a", "b"), distance("b", "c")
    assert max(links) < distance("a", "c")
    (group,) = find_duplicates(made, max_distance=max(links) + 1e-6)
    assert group.cases == ("a", "b", "c")
    assert group.distance == pytest.approx(max(links), abs=1e-6)


def test_groups_come_identical_first_then_closest_first():
    far, close = cropped(phantom(0), 0.02), compressed(phantom(1), 50)
    groups = found(a=phantom(0), b=far, c=phantom(1), d=close, e=phantom(2), f=phantom(2).copy())
    assert [(g.kind, g.cases) for g in groups] == [
        ("identical", ("e", "f")),
        ("near", ("c", "d")),
        ("near", ("a", "b")),
    ]
    assert groups[1].distance < groups[2].distance


BLANKS = {
    "constant": lambda rng: np.full((64, 64), rng.integers(256), np.uint8),
    "one level of noise": lambda rng: rng.integers(99, 102, (256, 256)).astype(np.uint8),
    "one speck at the same place": lambda rng: blobs((100, 60), radius=int(rng.integers(2, 9))),
    "one marker at the same place": lambda rng: cv2.putText(
        np.full((256, 256), rng.integers(0, 50), np.uint8), "L", (10, 30), 0, 1, 255, 2
    ),
    "faint shade to the corners": lambda rng: clipped(
        120 + rng.integers(9) - 3 * (np.hypot(*np.mgrid[-1:1:256j, -1:1:256j]) ** 2)
    ),
}


@pytest.mark.parametrize("blank", BLANKS)
def test_blank_images_are_identical_at_the_most(blank):
    rng = np.random.default_rng(5)
    images = [BLANKS[blank](rng) for _ in range(6)]
    groups = found(**{f"{k}": image for k, image in enumerate([*images, images[0].copy()])})
    assert {group.kind for group in groups} == {"identical"}
    assert {"0", "6"} <= set(groups[0].cases)


def test_a_few_nuclei_on_black_are_distinguished_and_found_again():
    image, other = blobs((60, 60), (200, 90), (128, 180)), blobs((60, 60), (200, 90), (90, 200))
    (group,) = found(a=image, other=other, b=compressed(np.rot90(image), 60))
    assert group.cases == ("a", "b")


def test_faint_12_bit_image_in_a_16_bit_file_is_not_blank():
    faint = phantom(0) * np.float32(0.2 * 4095 / 65535 / 255)
    (group,) = found(a=faint, b=faint[::-1])
    assert group.kind == "near"


def test_images_smaller_than_the_thumbnail_work():
    image = cv2.resize(phantom(0), (20, 40), interpolation=cv2.INTER_AREA)
    (group,) = found(a=image, b=image.T, c=image[:1, :1])
    assert group.cases == ("a", "b")


def test_colour_counts_by_its_luminance():
    rng = np.random.default_rng(2)
    image = cv2.resize(
        rng.integers(0, 256, (12, 12, 3), dtype=np.uint8), (96, 96), interpolation=cv2.INTER_CUBIC
    )
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    (group,) = found(a=image, b=grey)
    assert group.kind == "near"
    assert group.distance < 0.01


@pytest.mark.parametrize("columns", [40, 4096])
def test_many_images_give_the_same_answer_as_pairs_do(monkeypatch, columns):
    """With more images than fit into one step, pairs across steps are found, and nothing else."""
    monkeypatch.setattr(duplicates, "_COLUMNS", columns)
    rng = np.random.default_rng(1)
    images = {
        f"{k}": cv2.resize(
            rng.integers(0, 256, (9, 9), dtype=np.uint8), (48, 48), interpolation=cv2.INTER_CUBIC
        )
        for k in range(150)
    }
    images |= {f"copy of {k}": np.rot90(images[f"{k}"], k % 4)[:, ::-1] for k in range(0, 150, 7)}
    groups = find_duplicates(prints(**images), workers=2)
    assert {group.cases for group in groups} == {(f"{k}", f"copy of {k}") for k in range(0, 150, 7)}
    assert groups == find_duplicates(prints(**images), workers=1)


def test_long_sweep_is_one_group():
    rng = np.random.default_rng(4)
    sweep = {f"{k:03}": clipped(phantom(5)[::2, ::2] + rng.normal(0, 3, (128, 128))) for k in range(100)}
    (group,) = found(**sweep)
    assert group.cases == tuple(sweep)


def test_progress_adds_up_to_the_different_images_with_something_in_them():
    steps = []
    blank = np.zeros((8, 8, 1), np.uint8)
    made = {**phantom_prints(), "again": phantom_prints()["case 0"], "blank": fingerprint(blank)}
    find_duplicates(made, on_compared=steps.append)
    assert sum(steps) == N_PHANTOMS


def test_largest_distance_is_kept():
    made = prints(a=phantom(0), b=cropped(phantom(0), 0.02))
    (group,) = find_duplicates(made, max_distance=1.0)
    assert find_duplicates(made, max_distance=group.distance + 1e-6)
    assert not find_duplicates(made, max_distance=group.distance - 1e-6)


def test_no_image_and_one_image_have_no_duplicates():
    assert find_duplicates({}) == []
    assert found(a=phantom(0)) == []


def test_fingerprint_is_small_comparable_and_a_key():
    made = fingerprint(phantom(0)[..., None])
    assert made == fingerprint(phantom(0)[..., None].copy())
    assert len({made, fingerprint(phantom(1)[..., None])}) == 2
    fields = [getattr(made, field.name) for field in dataclasses.fields(made)]
    assert sum(map(sys.getsizeof, [made, *fields])) < 2500


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4), np.uint8), r"image of shape \(4, 4\); expected \(height, width, channels\)"),
        (np.zeros((4, 4, 0), np.uint8), r"image of shape \(4, 4, 0\); expected"),
        (np.zeros((0, 4, 1), np.uint8), r"image of shape \(0, 4, 1\); expected"),
        (np.zeros((4, 4, 1), np.int32), "image of type int32; expected uint8 or floating point"),
        (np.full((4, 4, 1), np.nan), "image with values that are not finite"),
    ],
)
def test_bad_image_is_refused(image, message):
    with pytest.raises(DataError, match=message):
        fingerprint(image)


@pytest.mark.parametrize("distance", [-0.1, 1.5, float("nan")])
def test_bad_distance_is_refused(distance):
    with pytest.raises(DataError, match=r"max_distance is .*; expected 0\.\.1, 0\.08 by default"):
        find_duplicates({}, max_distance=distance)


@pytest.mark.skipif(not (REAL / "hc18").is_dir(), reason="needs ../shared/data/hc18")
def test_frames_of_one_head_in_hc18_are_found():
    """Each pair is of consecutive files; nine were confirmed by eye, three of them among 482, 483 and 484."""
    pairs = ["306_2HC 308_HC", "889_3HC 890_4HC", "978_3HC 979_4HC", "629_2HC 630_HC", "246_2HC 247_HC"]
    pairs += ["274_2HC 275_HC", "482_2HC 483_3HC 484_HC", "987_2HC 988_HC", "970_3HC 971_4HC"]
    pairs += ["969_2HC 972_HC", "965_2HC 966_HC", "705_2HC 707_HC"]
    numbers = [int(word.split("_")[0]) for pair in pairs for word in pair.split()]
    others = [p for p in (REAL / "hc18/images").glob("*.png") if 0 < int(p.stem.split("_")[0]) - 100 < 100]
    near = [p for p in (REAL / "hc18/images").glob("*.png") if int(p.stem.split("_")[0]) in numbers]
    groups = find_duplicates({p.stem: fingerprint(read_image(p)) for p in sorted(near + others)})
    assert {g.cases for g in groups if g.kind == "near"} == {tuple(pair.split()) for pair in pairs}
    assert [g.cases for g in groups if g.kind == "identical"] == [("482_2HC", "483_3HC")]


def test_images_of_many_channels_are_compared():
    rng = np.random.default_rng(3)
    many = np.kron(rng.integers(0, 256, (8, 8, 5)), np.ones((9, 9, 1))).astype(np.uint8)
    other = np.kron(rng.integers(0, 256, (8, 8, 5)), np.ones((9, 9, 1))).astype(np.uint8)
    prints = {"a": fingerprint(many), "b": fingerprint(np.rot90(many)), "c": fingerprint(other)}
    (group,) = find_duplicates(prints)
    assert (group.kind, group.cases) == ("near", ("a", "b"))


SURROUNDED = {
    "eyes in a black disc": make_fundus,
    "eyes in a disc cut at the sides": lambda index: make_fundus(index, radius=0.53),
    "eyes in a white surround": lambda index: 255 - make_fundus(index),
    "teeth on a sensor": make_dental,
    "faint teeth on a sensor": lambda index: make_dental(index, contrast=15),
}


@pytest.mark.parametrize("surrounded", SURROUNDED)
def test_images_that_share_their_surround_alone_are_no_duplicates(surrounded):
    assert found(**{f"{k}": SURROUNDED[surrounded](k) for k in range(20)}) == []


@pytest.mark.parametrize("surrounded", ["eyes in a black disc", "faint teeth on a sensor"])
def test_their_fine_patterns_alone_would_have_matched(surrounded, monkeypatch):
    monkeypatch.setattr(duplicates, "_LOCAL", np.inf)
    groups = found(**{f"{k}": SURROUNDED[surrounded](k) for k in range(20)})
    assert max(len(group.cases) for group in groups) > 10


@pytest.mark.parametrize("surrounded", SURROUNDED)
def test_copies_of_images_in_a_surround_are_found_as_without_the_local_pattern(surrounded, monkeypatch):
    images = [SURROUNDED[surrounded](k) for k in range(3)]
    made = [{"a": fingerprint(i[..., None])} for i in images]
    copies = [
        (name, original | {"b": fingerprint(np.ascontiguousarray(COPIES[name](image))[..., None])})
        for image, original in zip(images, made, strict=True)
        for name in COPIES
    ]
    confirmed = [name for name, pair in copies if find_duplicates(pair)]
    monkeypatch.setattr(duplicates, "_LOCAL", np.inf)
    assert confirmed == [name for name, pair in copies if find_duplicates(pair)]
    assert len(confirmed) > 0.8 * len(copies)


def test_constant_content_in_a_surround_matches_nothing():
    discs = {
        f"{k}": cv2.circle(np.zeros((96, 96), np.uint8), (48, 48), 44, 90 + 10 * k, -1) for k in range(4)
    }
    assert found(**discs) == []


def test_content_is_the_area_inside_of_the_surround():
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    disc = np.hypot(y, x) < 13
    content = find_content(np.where(disc, 100 + y, 4).astype(np.float32))
    assert (content <= disc).all()
    assert content[np.hypot(y, x) < 11].all()
    pattern = local_pattern(np.where(disc, 100 + y, 4).astype(np.float32), 1.0)
    assert (pattern[~disc] == OUTSIDE).all()


@pytest.mark.parametrize(
    "image", [phantom(0)[60:200, 60:200], blobs((40, 40), (200, 60), (60, 210)), np.zeros((64, 64), np.uint8)]
)
def test_images_without_a_surround_are_content_everywhere(image):
    assert find_content(cv2.resize(image, (SIDE, SIDE)).astype(np.float32)).all()
