"""Patients and diagnoses of the cases, and the simulation of one case from tissue to image."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import metrics
from unet_mtl.phantom.fields import Field, Grid, smooth_noise
from unet_mtl.phantom.lesion import (
    Lesion,
    draw_lesion,
    echo_inside_db,
    half_extent_mm,
    margin_distance,
    other_view,
)
from unet_mtl.phantom.scanner import compress, draw_scanner, path_loss_db, receive
from unet_mtl.phantom.tissue import (
    Breast,
    Tissue,
    draw_breast,
    expected_loss_db,
    make_tissue,
    other_slice,
)

DIAGNOSES = ("normal", "benign", "malignant")
POSTERIOR_DB = 3.0  # smallest change of the loss that is labelled as posterior shadow or enhancement
NARROWEST = 0.3  # share of the width of the lesion; narrower regions are noise of the attenuation map
VIEW_MM = (31.0, 46.0)  # depth settings; at 256 rows a pixel is 0.12 to 0.18 mm
AGES = {"normal": (47.0, 12.0), "benign": (45.0, 13.0), "malignant": (57.0, 13.0)}  # mean, sd in years
AGE_LIMITS = (18, 90)

# Patients form blocks of fixed composition, so that case i can be made without the cases before it.
BLOCK_DIAGNOSES = ("normal",) * 5 + ("benign",) * 8 + ("malignant",) * 7
BLOCK_VIEWS = (1,) * 12 + (2,) * 8
CASES_PER_BLOCK = sum(BLOCK_VIEWS)
BLOCK_KEY, PATIENT_KEY = 0, 1  # keys of separate random streams


@dataclass(frozen=True)
class CaseIdentity:
    """Patient, view and diagnosis of a case.

    Attributes:
        patient: The index of the patient, from 0.
        view: The index of the view, 0 or 1.
        diagnosis: One of `DIAGNOSES`.
    """

    patient: int
    view: int
    diagnosis: str


@dataclass(frozen=True)
class PhantomCase:
    """One synthetic case.

    Attributes:
        case: The name of the case, such as `case_0001`.
        patient: The name of the patient, such as `patient_001`.
        diagnosis: normal, benign or malignant.
        lesion_diameter_mm: The maximum Feret diameter of the lesion in the mask; None without a lesion.
        pixel_spacing_mm: The height and width of a pixel.
        age: The age in years.
        image: (height, width) uint8, grey levels.
        mask: (height, width) uint8, 0 background, 1 lesion, 2 posterior region.
    """

    case: str
    patient: str
    diagnosis: str
    lesion_diameter_mm: float | None
    pixel_spacing_mm: float
    age: int
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def identify_case(index: int, seed: int) -> CaseIdentity:
    """Return patient, view and diagnosis of a case.

    Args:
        index: The position of the case in the set, from 0.
        seed: The seed of the set, 0 or more.
    """
    block, place = divmod(index, CASES_PER_BLOCK)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(BLOCK_KEY, block)))
    diagnoses, views = rng.permutation(BLOCK_DIAGNOSES), rng.permutation(BLOCK_VIEWS)
    first = np.concatenate([[0], np.cumsum(views)])
    member = int(np.searchsorted(first, place, side="right")) - 1
    return CaseIdentity(block * len(BLOCK_VIEWS) + member, int(place - first[member]), str(diagnoses[member]))


def make_case(index: int, *, seed: int = 7, size: tuple[int, int] = (256, 256)) -> PhantomCase:
    """Make one case; the same arguments always give the same case.

    Args:
        index: The position of the case in the set, from 0. Any number of cases can be made, in any order.
        seed: The seed of the set, 0 or more.
        size: (height, width) in pixels. The view is 31 to 46 mm deep at any size.

    Returns:
        The case with its image, mask and labels.
    """
    identity = identify_case(index, seed)
    shared, *views = np.random.SeedSequence(seed, spawn_key=(PATIENT_KEY, identity.patient)).spawn(3)
    patient_rng, rng = np.random.default_rng(shared), np.random.default_rng(views[identity.view])
    age, breast, view_mm = (
        _draw_age(patient_rng, identity.diagnosis),
        draw_breast(patient_rng),
        _draw_view(patient_rng),
    )
    lesion = None if identity.diagnosis == "normal" else draw_lesion(patient_rng, identity.diagnosis)
    scanner = draw_scanner(patient_rng)
    if identity.view == 1:
        breast = other_slice(rng, breast)
        lesion = lesion and other_view(rng, lesion)
        view_mm = _draw_view(rng) if rng.random() < 0.4 else view_mm
    grid = Grid(*size, spacing_mm=round(view_mm / size[0], 4))
    tissue = make_tissue(rng, breast, grid)
    mean_loss = expected_loss_db(tissue, grid)
    tissue, mask, loss = _add_lesion(rng, lesion, breast, tissue, grid)
    amplitude = 10.0 ** (tissue.echo_db / np.float32(20.0))
    envelope = receive(rng, amplitude, tissue.coherent, loss, scanner, grid)
    diameter = (
        round(metrics.feret_diameter(mask == 1, (grid.spacing_mm, grid.spacing_mm)), 1) if lesion else None
    )
    return PhantomCase(
        case=f"case_{index + 1:04d}",
        patient=f"patient_{identity.patient + 1:03d}",
        diagnosis=identity.diagnosis,
        lesion_diameter_mm=diameter,
        pixel_spacing_mm=grid.spacing_mm,
        age=age,
        image=compress(rng, envelope, mean_loss, scanner, grid),
        mask=mask,
    )


def _draw_age(rng: np.random.Generator, diagnosis: str) -> int:
    return int(np.clip(round(rng.normal(*AGES[diagnosis])), *AGE_LIMITS))


def _draw_view(rng: np.random.Generator) -> float:
    return float(rng.uniform(*VIEW_MM))


def _add_lesion(
    rng: np.random.Generator, lesion: Lesion | None, breast: Breast, tissue: Tissue, grid: Grid
) -> tuple[Tissue, NDArray[np.uint8], Field]:
    """Blend a lesion into the tissue, and return the new maps, the mask and the loss along the beams."""
    mask = np.zeros((grid.height, grid.width), dtype=np.uint8)
    loss_without = path_loss_db(tissue.attenuation, grid)
    if lesion is None:
        return tissue, mask, loss_without
    lesion = _limit_size(lesion, grid)
    distance = margin_distance(lesion, _place_mm(lesion, breast, grid), grid)
    inside = _largest_piece(distance < 0)
    share = 1.0 / (1.0 + np.exp(np.clip(distance / lesion.edge_mm, -30.0, 30.0)))
    rim = np.exp(-((np.maximum(distance, 0.0) / lesion.halo_mm) ** 2)) * (distance > -lesion.edge_mm)
    around = tissue.echo_db + lesion.halo_db * rim * np.clip(
        0.7 + 0.4 * smooth_noise(rng, grid, 0.8, 0.8), 0, 1.4
    )
    echo = (1.0 - share) * around + share * echo_inside_db(rng, lesion, distance, grid)
    coherent = tissue.coherent * (1.0 - share) + _walls(rng, lesion, distance, grid)
    attenuation = np.where(inside, np.float32(lesion.attenuation), tissue.attenuation)
    loss = path_loss_db(attenuation, grid)
    in_breast = grid.z_mm < tissue.boundaries_mm[-1]
    mask[_posterior_region(inside, in_breast, loss - loss_without, grid)] = 2
    mask[inside] = 1
    blended = Tissue(echo.astype(np.float32), coherent.astype(np.float32), attenuation, tissue.boundaries_mm)
    return blended, mask, loss


def _limit_size(lesion: Lesion, grid: Grid) -> Lesion:
    """Shrink a lesion that is larger than the view allows."""
    largest = 0.58 * min(grid.depth_mm, grid.across_mm)
    return replace(lesion, diameter_mm=min(lesion.diameter_mm, largest))


def _place_mm(lesion: Lesion, breast: Breast, grid: Grid) -> tuple[float, float]:
    """Return the centre of the lesion: between skin and muscle, entirely in view, with some tissue visible below."""
    up, down, side = half_extent_mm(lesion)
    highest = breast.skin_mm + max(1.5, 0.6 * breast.fat_mm) + up
    floor = min(breast.skin_mm + breast.fat_mm + breast.gland_mm + breast.retro_mm, 0.78 * grid.depth_mm)
    lowest = max(highest, floor - down)
    centre_z = highest + lesion.depth_share * (lowest - highest)
    room = max(grid.across_mm - 2 * (side + 1.0), 0.0)
    return float(centre_z), float(grid.across_mm / 2 + (lesion.across_share - 0.5) * room)


def _walls(rng: np.random.Generator, lesion: Lesion, distance: Field, grid: Grid) -> Field:
    """Return the echoes of specular front and back walls, and of calcifications inside."""
    down, across = np.gradient(distance)
    level = (down / (np.hypot(down, across) + 1e-6)) ** 8
    walls = lesion.wall * level * np.exp(-0.5 * (distance / 0.12) ** 2)
    candidates = np.argwhere(distance < -1.0)
    if lesion.calcifications and len(candidates):
        grains = candidates[rng.integers(0, len(candidates), lesion.calcifications)]
        walls[grains[:, 0], grains[:, 1]] += rng.uniform(4.0, 9.0, lesion.calcifications)
    return np.asarray(walls, dtype=np.float32)


def _posterior_region(
    inside: NDArray[np.bool_], in_breast: NDArray[np.bool_], change_db: Field, grid: Grid
) -> NDArray[np.bool_]:
    """Return the region between lesion and chest wall with a changed loss; empty if it is narrower than NARROWEST."""
    above_bottom = np.cumsum(inside[::-1], axis=0)[::-1] > 0
    middle = np.average(np.arange(len(inside)), weights=inside.sum(axis=1))
    below = (np.arange(len(inside))[:, None] > middle) & ~above_bottom
    changed = in_breast & below & (np.abs(change_db) > POSTERIOR_DB)
    strand = np.ones((1, max(round(1.0 / grid.spacing_mm), 1)), dtype=bool)
    piece = _largest_piece(ndimage.binary_opening(changed, strand))
    wide_enough = piece.sum(axis=1).max() > NARROWEST * inside.any(axis=0).sum()
    return piece if wide_enough else np.zeros_like(piece)


def _largest_piece(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(region)
    if count < 2:
        return region
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))
