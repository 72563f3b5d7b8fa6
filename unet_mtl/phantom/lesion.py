"""Lesions: outline, echo pattern and attenuation by diagnosis."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from unet_mtl.phantom.fields import Field, Grid, smooth_noise
from unet_mtl.phantom.scanner import EFFECTIVE_MHZ

Kind = Literal["cyst", "solid benign", "malignant"]
SMALLEST_MM, LARGEST_MM = 6.3, 18.5  # limits of the drawn diameters; measured ones are within 6 to 20 mm
WATER = 0.0022  # dB/cm/MHz, Culjat et al. 2010, Ultrasound Med. Biol. 36:861
GLAND, STRONGEST = 0.75, 2.4  # dB/cm/MHz: attenuation of the surroundings, and the maximum for a lesion
OUTLINE_POINTS = 360


@dataclass(frozen=True)
class Lesion:
    """One lesion in one view.

    Attributes:
        kind: The kind of lesion.
        diameter_mm: The maximum Feret diameter of its outline.
        aspect: The ratio of height to width before the rotation.
        tilt_rad: The angle of the rotation.
        waves: Rows of (order, amplitude, phase): lobes of the outline, relative to its radius.
        spikes: Rows of (angle, height, sd of the angle): angular corners and spicules.
        echo_db: The mean echo relative to fat.
        unevenness_db: The sd of the echo inside.
        edge_mm: The width of the blurred margin.
        halo_db: The echo of the echogenic rim outside the margin, relative to its surroundings.
        halo_mm: The width of the rim.
        wall: The amplitude of the specular echo of walls perpendicular to the beam.
        attenuation: The attenuation in dB/cm/MHz, one way.
        calcifications: The number of bright grains.
        depth_share: The position between skin and muscle, 0 to 1.
        across_share: The position between the left and right edge, 0 to 1.
    """

    kind: Kind
    diameter_mm: float
    aspect: float
    tilt_rad: float
    waves: NDArray[np.float64]
    spikes: NDArray[np.float64]
    echo_db: float
    unevenness_db: float
    edge_mm: float
    halo_db: float
    halo_mm: float
    wall: float
    attenuation: float
    calcifications: int
    depth_share: float
    across_share: float


def draw_lesion(rng: np.random.Generator, diagnosis: str) -> Lesion:
    """Draw a lesion; the two diagnoses overlap on purpose, as they do in patients."""
    if diagnosis == "malignant":
        return draw_malignant(rng)
    return draw_cyst(rng) if rng.random() < 0.3 else draw_solid_benign(rng)


def other_view(rng: np.random.Generator, lesion: Lesion) -> Lesion:
    """Return the same lesion in another plane: size, position, rotation and outline change moderately."""
    waves, spikes = lesion.waves.copy(), lesion.spikes.copy()
    waves[:, 1] *= rng.uniform(0.6, 1.3, len(waves))
    waves[:, 2] += rng.normal(0.0, 0.5, len(waves))
    spikes[:, 0] += rng.normal(0.0, 0.4, len(spikes))
    spikes[:, 1] *= rng.uniform(0.6, 1.2, len(spikes))
    return replace(
        lesion,
        diameter_mm=float(np.clip(lesion.diameter_mm * rng.uniform(0.8, 1.1), SMALLEST_MM, LARGEST_MM)),
        aspect=lesion.aspect * rng.uniform(0.88, 1.12),
        tilt_rad=lesion.tilt_rad + rng.normal(0.0, 0.15),
        waves=waves,
        spikes=spikes,
        depth_share=float(np.clip(lesion.depth_share + rng.normal(0.0, 0.08), 0.0, 1.0)),
        across_share=float(rng.uniform(0.0, 1.0)),
    )


def margin_distance(lesion: Lesion, centre_mm: tuple[float, float], grid: Grid) -> Field:
    """Return the distance in mm from each pixel to the margin, negative inside, to first order in the slope."""
    angles = np.linspace(-np.pi, np.pi, OUTLINE_POINTS + 1)
    radius = _outline_mm(lesion, angles)
    slope = np.gradient(radius, angles)
    oblique = np.hypot(1.0, slope / radius)
    down, across = grid.z_mm - centre_mm[0], grid.x_mm - centre_mm[1]
    angle = np.arctan2(down, across).ravel()
    away = np.hypot(down, across) - np.interp(angle, angles, radius).reshape(grid.height, grid.width)
    distance: Field = (away / np.interp(angle, angles, oblique).reshape(away.shape)).astype(np.float32)
    return distance


def half_extent_mm(lesion: Lesion) -> tuple[float, float, float]:
    """Return the extent of the outline above, below and beside its centre."""
    angles = np.linspace(-np.pi, np.pi, OUTLINE_POINTS)
    radius = _outline_mm(lesion, angles)
    down, across = radius * np.sin(angles), radius * np.cos(angles)
    return float(-down.min()), float(down.max()), float(np.abs(across).max())


def echo_inside_db(rng: np.random.Generator, lesion: Lesion, distance_mm: Field, grid: Grid) -> Field:
    """Return the mean echo inside the lesion, relative to fat."""
    coarse, fine = smooth_noise(rng, grid, 1.2, 1.6), smooth_noise(rng, grid, 0.4, 0.6)
    echo = lesion.echo_db + lesion.unevenness_db * (0.85 * coarse + 0.5 * fine)
    if lesion.kind == "cyst":
        # Reverberation and side lobes fill the edge of a cyst, mostly under its front wall.
        echo = echo + 9.0 * np.exp(np.minimum(distance_mm, 0.0) / 0.7)
    return np.asarray(echo, dtype=np.float32)


def _outline_mm(lesion: Lesion, angles: NDArray[np.float64]) -> NDArray[np.float64]:
    full = np.linspace(-np.pi, np.pi, OUTLINE_POINTS // 2, endpoint=False)
    unit = _unit_radius(lesion, full)
    span = pdist(np.stack([unit * np.cos(full), unit * np.sin(full)], 1)).max()
    return np.asarray(_unit_radius(lesion, angles) * (lesion.diameter_mm / span))


def _unit_radius(lesion: Lesion, angles: NDArray[np.float64]) -> NDArray[np.float64]:
    rotated = angles - lesion.tilt_rad
    ellipse = 1.0 / np.hypot(np.cos(rotated), np.sin(rotated) / lesion.aspect)
    order, size, phase = lesion.waves.T[..., None]
    lobes = (size * np.cos(order * rotated + phase)).sum(axis=0)
    at, height, sd = lesion.spikes.T[..., None]
    apart = np.angle(np.exp(1j * (rotated - at)))
    corners = (height * np.exp(-0.5 * (apart / sd) ** 2)).sum(axis=0)
    return np.asarray(ellipse * np.maximum(1.0 + lobes + corners, 0.35))


def _waves(rng: np.random.Generator, orders: range, amplitude: float) -> NDArray[np.float64]:
    order = np.array(orders, dtype=np.float64)
    size = amplitude * rng.uniform(0.4, 1.0, len(order)) * (order[0] / order) ** 0.5
    return np.stack([order, size, rng.uniform(0.0, 2 * np.pi, len(order))], axis=1)


def _spikes(rng: np.random.Generator, count: int, tallest: float) -> NDArray[np.float64]:
    spread = 2 * np.pi * (np.arange(count) + rng.uniform(-0.35, 0.35, count)) / max(count, 1)
    height, sd = rng.uniform(0.35, 1.0, count) * tallest, rng.uniform(0.06, 0.16, count)
    return np.stack([spread + rng.uniform(0.0, 2 * np.pi), height, sd], axis=1)


def _diameter_mm(rng: np.random.Generator, median_mm: float) -> float:
    return float(np.clip(median_mm * np.exp(rng.normal(0.0, 0.33)), SMALLEST_MM, LARGEST_MM))


def draw_cyst(rng: np.random.Generator) -> Lesion:
    """Draw a simple cyst: nearly anechoic, with posterior enhancement."""
    return Lesion(
        kind="cyst",
        diameter_mm=_diameter_mm(rng, 12.0),
        aspect=rng.uniform(0.55, 0.92),
        tilt_rad=rng.normal(0.0, 0.12),
        waves=_waves(rng, range(2, 4), rng.uniform(0.01, 0.06)),
        spikes=_spikes(rng, 0, 0.0),
        echo_db=rng.uniform(-27.0, -20.0),
        unevenness_db=0.5,
        edge_mm=rng.uniform(0.06, 0.12),
        halo_db=0.0,
        halo_mm=1.0,
        wall=rng.uniform(2.5, 6.0),
        attenuation=WATER,
        calcifications=0,
        depth_share=rng.uniform(0.15, 0.75),
        across_share=rng.uniform(0.0, 1.0),
    )


def draw_solid_benign(rng: np.random.Generator) -> Lesion:
    """Draw a fibroadenoma or a similar lesion: oval, smooth, homogeneous."""
    lobulated, upright = rng.random() < 0.25, rng.random() < 0.12
    irregular = rng.random() < 0.05
    return Lesion(
        kind="solid benign",
        diameter_mm=_diameter_mm(rng, 12.0),
        aspect=rng.uniform(0.85, 1.25) if upright else rng.uniform(0.5, 0.85),
        tilt_rad=rng.normal(0.0, 0.15),
        waves=_waves(rng, range(3, 6), rng.uniform(0.07, 0.15) if lobulated else rng.uniform(0.0, 0.03)),
        spikes=_spikes(rng, 5 if irregular else 0, 0.3),
        echo_db=rng.uniform(-9.0, -4.0),
        unevenness_db=rng.uniform(0.8, 2.6),
        edge_mm=rng.uniform(0.08, 0.2),
        halo_db=0.0,
        halo_mm=1.0,
        wall=rng.uniform(1.0, 4.0),
        # A hyalinised fibroadenoma has a shadow; the others attenuate a little less than the gland.
        attenuation=rng.uniform(1.1, 1.7) if rng.random() < 0.1 else rng.uniform(0.05, 0.55),
        calcifications=int(rng.integers(2, 5)) if rng.random() < 0.08 else 0,
        depth_share=rng.uniform(0.1, 0.75),
        across_share=rng.uniform(0.0, 1.0),
    )


def draw_malignant(rng: np.random.Generator) -> Lesion:
    """Draw a carcinoma: mostly irregular, spiculated, heterogeneous, with a shadow."""
    smooth, shadowless = rng.random() < 0.15, rng.random() < 0.2
    aspect = rng.uniform(0.95, 1.4) if rng.random() < 0.6 else rng.uniform(0.55, 0.95)
    diameter_mm = _diameter_mm(rng, 14.0)
    spiky = 0.0 if smooth else rng.uniform(0.25, 0.6)
    return Lesion(
        kind="malignant",
        diameter_mm=diameter_mm,
        aspect=aspect,
        tilt_rad=rng.normal(0.0, 0.3),
        waves=_waves(rng, range(2, 10), rng.uniform(0.01, 0.04) if smooth else rng.uniform(0.06, 0.12)),
        spikes=_spikes(rng, int(rng.integers(4, 10)), spiky),
        echo_db=rng.uniform(-12.0, -5.0),
        unevenness_db=rng.uniform(0.8, 2.0) if smooth else rng.uniform(1.2, 3.0),
        edge_mm=rng.uniform(0.1, 0.2) if smooth else rng.uniform(0.2, 0.45),
        halo_db=0.0 if smooth else rng.uniform(3.0, 9.0),
        halo_mm=rng.uniform(0.8, 2.0),
        wall=rng.uniform(0.0, 2.0) if smooth else 0.0,
        # Desmoplastic stroma has a shadow; cellular, mucinous and medullary tumours may have none.
        attenuation=rng.uniform(0.35, 0.85)
        if shadowless
        else _shadowing(rng, diameter_mm * min(aspect, 1.0)),
        calcifications=int(rng.integers(3, 10)) if rng.random() < 0.35 else 0,
        depth_share=rng.uniform(0.1, 0.75),
        across_share=rng.uniform(0.0, 1.0),
    )


def _shadowing(rng: np.random.Generator, height_mm: float) -> float:
    """Return the attenuation of a lesion that weakens the echoes behind it by 7 to 17 dB more than gland."""
    excess_db = rng.uniform(7.0, 17.0)
    return float(min(GLAND + excess_db / (2.0 * EFFECTIVE_MHZ * height_mm / 10.0), STRONGEST))
