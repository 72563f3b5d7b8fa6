"""The breast around a lesion: layers, textures and interfaces."""

from dataclasses import dataclass, replace

import numpy as np

from unet_mtl.phantom.fields import Field, Grid, follow, smooth_curve, smooth_noise
from unet_mtl.phantom.scanner import path_loss_db

LAYERS = ("skin", "subcutaneous fat", "gland", "retromammary fat", "muscle", "chest wall")
# Mean echo relative to fat (dB). Fat is the reference of BI-RADS; skin and gland are brighter, muscle is darker
# between its bright fibres, and only fading clutter remains behind the chest wall.
ECHO_DB = np.array([8.0, 0.0, 8.0, 0.5, -2.0, -12.0], dtype=np.float32)
# One-way attenuation, dB/cm/MHz: breast 0.75, muscle 1.09 (Culjat et al. 2010, Ultrasound Med. Biol. 36:861);
# fat 0.48 there and 0.73 +- 0.23 in vivo (Nasief et al. 2015, J. Ultrasound Med. 34:2007), hence 0.6; skin is
# too thin to matter, and few echoes return from behind the chest wall.
ATTENUATION = np.array([1.0, 0.6, 0.75, 0.6, 1.09, 1.5], dtype=np.float32)
BONE = 6.9  # dB/cm/MHz, Culjat et al. 2010


@dataclass(frozen=True)
class Breast:
    """The anatomy that all views of one patient share.

    Attributes:
        skin_mm: The thickness of the skin.
        fat_mm: The thickness of the subcutaneous fat.
        gland_mm: The thickness of the fibroglandular layer.
        retro_mm: The thickness of the retromammary fat.
        muscle_mm: The thickness of the pectoral muscle.
        waviness: The scale of the bends of all interfaces.
        gland_db: The echo of the gland relative to its usual level.
        streaks_db: The sd of the echo of the fibres in the gland.
        fatty: The threshold of a random field, in sd, above which the gland contains islands of fat.
        septa_db: The echo of the septa between fat lobules.
        rib: Whether a rib is in the view.
    """

    skin_mm: float
    fat_mm: float
    gland_mm: float
    retro_mm: float
    muscle_mm: float
    waviness: float
    gland_db: float
    streaks_db: float
    fatty: float
    septa_db: float
    rib: bool


@dataclass(frozen=True)
class Tissue:
    """Maps of one slice without a lesion, each of shape (height, width).

    Attributes:
        echo_db: The mean echo relative to fat.
        coherent: The amplitude of specular interfaces.
        attenuation: The attenuation in dB/cm/MHz, one way.
        boundaries_mm: The depth of the lower face of each layer but the last, shape (5, width).
    """

    echo_db: Field
    coherent: Field
    attenuation: Field
    boundaries_mm: Field


def draw_breast(rng: np.random.Generator) -> Breast:
    """Draw the anatomy of one patient."""
    return Breast(
        skin_mm=rng.uniform(0.9, 1.8),
        fat_mm=rng.uniform(2.5, 7.5),
        gland_mm=rng.uniform(11.0, 26.0),
        retro_mm=rng.uniform(1.0, 4.0),
        muscle_mm=rng.uniform(4.5, 9.0),
        waviness=rng.uniform(0.5, 1.2),
        gland_db=max(rng.normal(1.0, 1.8), -1.0),
        streaks_db=rng.uniform(2.2, 4.2),
        fatty=rng.uniform(1.2, 2.2),
        septa_db=rng.uniform(8.0, 14.0),
        rib=bool(rng.random() < 0.2),
    )


def other_slice(rng: np.random.Generator, breast: Breast) -> Breast:
    """Move the probe: the layers of the same patient are a little thicker or thinner, and a rib may be out of view."""
    layers = ("fat_mm", "gland_mm", "retro_mm", "muscle_mm")
    changes = {name: getattr(breast, name) * rng.uniform(0.85, 1.15) for name in layers}
    return replace(breast, **changes, rib=breast.rib and bool(rng.random() < 0.5))


def make_tissue(rng: np.random.Generator, breast: Breast, grid: Grid) -> Tissue:
    """Make the maps of one slice: layers filled with texture, interfaces, and a rib in some patients."""
    boundaries = _boundaries_mm(rng, breast, grid)
    rough = 0.25 * smooth_noise(rng, grid, 0.8, 0.8) + 0.5 * smooth_noise(rng, grid, 2.0, 3.0)
    z = grid.z_mm + np.clip((grid.z_mm - 1.5) / 5.0, 0.05, 1.0) * rough
    layer = (z[None] > boundaries[:, None, :]).sum(axis=0)
    textures = _textures(rng, breast, grid, boundaries)
    echo = ECHO_DB[layer] + np.choose(np.minimum(layer, 5), textures)
    attenuation = ATTENUATION[layer] * (1.0 + 0.3 * smooth_noise(rng, grid, 3.0, 0.9))
    coherent = _interfaces(rng, z, grid, boundaries)
    if breast.rib:
        _add_rib(rng, grid, boundaries, coherent, attenuation)
    return Tissue(echo, coherent, attenuation, boundaries)


def expected_loss_db(tissue: Tissue, grid: Grid) -> Field:
    """Return the loss by depth that an operator compensates: that of the breast, constant below the chest wall."""
    breast = np.where(grid.z_mm < tissue.boundaries_mm[-1], np.minimum(tissue.attenuation, 1.2), 0.0)
    loss: Field = np.median(path_loss_db(breast.astype(np.float32), grid), axis=1)
    return loss


def _boundaries_mm(rng: np.random.Generator, breast: Breast, grid: Grid) -> Field:
    """Return the lower faces of the layers down to the muscle; each follows the bends of those above."""
    thickness = (breast.skin_mm, breast.fat_mm, breast.gland_mm, breast.retro_mm, breast.muscle_mm)
    bend = (0.05, 0.7, 0.9, 0.45, 0.4)
    length = (12.0, 4.5, 7.0, 8.0, 12.0)
    dome = rng.normal(0.0, 1.0) * np.linspace(-1.0, 1.0, grid.width, dtype=np.float32)
    depth = np.zeros(grid.width, dtype=np.float32)
    faces = []
    for index, (mean, size, across) in enumerate(zip(thickness, bend, length, strict=True)):
        curve = breast.waviness * size * smooth_curve(rng, grid, across)
        tilt = dome if index == 2 else 0.0
        depth = depth + np.maximum(mean + curve + tilt, 0.35 * mean)
        faces.append(depth)
    return np.stack(faces)


def _textures(rng: np.random.Generator, breast: Breast, grid: Grid, boundaries: Field) -> list[Field]:
    """Return the echo in dB to add to the mean of each layer."""
    fat = _fat_texture(rng, breast, grid)
    gland = follow(
        _gland_texture(rng, breast, grid), boundaries[1] + 1.5 * smooth_curve(rng, grid, 6.0), grid
    )
    muscle = follow(_muscle_texture(rng, grid), boundaries[3], grid)
    skin = 2.0 * smooth_noise(rng, grid, 0.25, 3.0)
    behind = 4.0 * smooth_noise(rng, grid, 0.7, 5.0) - 0.6 * np.maximum(grid.z_mm - boundaries[4], 0.0)
    return [skin, fat, gland, fat, muscle, behind]


def _fat_texture(rng: np.random.Generator, breast: Breast, grid: Grid) -> Field:
    """Return lobules between septa; septa perpendicular to the beam are bright, as specular reflectors."""
    lobules = smooth_noise(rng, grid, 1.5, 3.2)
    down, across = np.gradient(lobules, grid.spacing_mm)
    slope = np.hypot(down, across) + 1e-3
    septum = np.exp(-0.5 * (lobules / (slope * 0.2)) ** 2)
    visible = np.clip(0.7 + 0.5 * smooth_noise(rng, grid, 2.0, 4.0), 0.0, 1.3)
    shine = breast.septa_db * septum * visible * (0.25 + 0.75 * (down / slope) ** 4)
    grain = 1.2 * smooth_noise(rng, grid, 0.5, 1.2)
    return np.asarray(shine + grain - 1.0, dtype=np.float32)


def _gland_texture(rng: np.random.Generator, breast: Breast, grid: Grid) -> Field:
    """Return fibres along the layer, patches of denser stroma, and islands of fat between them."""
    fibres = smooth_noise(rng, grid, 0.28, 2.0)
    streaks = breast.streaks_db * (fibres + 1.3 * np.maximum(fibres - 0.9, 0.0))
    streaks += 0.6 * breast.streaks_db * smooth_noise(rng, grid, 0.5, 1.0)
    patches = smooth_noise(rng, grid, 1.6, 4.5)
    island = 1.0 / (1.0 + np.exp(-6.0 * (patches - breast.fatty)))
    return np.asarray(breast.gland_db + streaks + 2.6 * patches - 7.0 * island, dtype=np.float32)


def _muscle_texture(rng: np.random.Generator, grid: Grid) -> Field:
    """Return long thin fibres: bright perimysium on a dark background."""
    fibres = smooth_noise(rng, grid, 0.3, 6.0)
    return np.asarray(3.0 * fibres + 6.0 * np.maximum(fibres - 0.7, 0.0) - 3.0, dtype=np.float32)


def _interfaces(rng: np.random.Generator, z: Field, grid: Grid, boundaries: Field) -> Field:
    """Return specular echoes: strong where a face is horizontal, weak and interrupted where it is inclined."""
    coherent = np.zeros((grid.height, grid.width), dtype=np.float32)
    strength = (3.5, 2.5, 2.0, 4.0, 8.0)
    for face, amplitude, across in zip(boundaries, strength, (6.0, 2.0, 2.0, 3.0, 5.0), strict=True):
        slope = np.gradient(face, grid.spacing_mm)
        broken = np.clip(0.3 + 0.8 * smooth_curve(rng, grid, across), 0.0, 1.8)
        shine = amplitude * broken * np.exp(-0.5 * (slope / 0.3) ** 2)
        coherent += shine * np.exp(-0.5 * ((z - face) / 0.11) ** 2)
    # The membrane of the probe and the upper face of the skin.
    contact = np.clip(4.0 + 1.5 * smooth_curve(rng, grid, 4.0), 1.0, 7.0)
    top = contact * np.exp(-0.5 * ((grid.z_mm - 0.2) / 0.15) ** 2)
    grain = np.clip(1.0 + 0.5 * smooth_noise(rng, grid, 0.4, 0.5), 0.1, 2.0)
    return np.asarray(coherent * grain + top, dtype=np.float32)


def _add_rib(
    rng: np.random.Generator, grid: Grid, boundaries: Field, coherent: Field, attenuation: Field
) -> None:
    """Add a rib at the lower face of the muscle: a bright surface, and bone with strong attenuation."""
    centre = rng.uniform(0.15, 0.85) * grid.across_mm
    across = (grid.x_mm - centre) / 6.0
    middle = boundaries[4] + 2.0
    top = middle - 4.0 * np.sqrt(np.maximum(1.0 - across**2, 0.0))
    inside = across**2 + ((grid.z_mm - middle) / 4.0) ** 2 < 1.0
    attenuation[inside] = BONE
    cap = 9.0 * np.exp(-0.5 * ((grid.z_mm - top) / 0.15) ** 2 - (across / 0.75) ** 4)
    coherent += cap.astype(np.float32)
