"""The scanner: speckle, attenuation along the beams, gain, log compression.

The model is the usual linear one: many scatterers per resolution cell give a circular complex Gaussian field
with a Rayleigh distributed envelope (Wagner et al. 1983, IEEE Trans. Sonics Ultrason. 30:156; mean over sd
1.91). The attenuation in dB is proportional to path length and frequency.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

from unet_mtl.phantom.fields import Field, Grid, smooth_noise

# The echoes of a 7-12 MHz probe lose their high frequencies on the way, so a lower effective frequency applies.
EFFECTIVE_MHZ = 5.0
# Spatial compounding (Entrekin et al. 2001, Semin. Ultrasound CT MRI 22:50) steers the beams, so that a shadow
# becomes a triangle that narrows with depth.
ANGLES_DEG = (-9.0, -4.5, 0.0, 4.5, 9.0)
CLUTTER_MM = 4.0  # side of the three box filters that distribute the haze
PADDING_MM = 2.5  # width of the tissue beyond the edges of the view that contributes to the image


@dataclass(frozen=True)
class Scanner:
    """Settings of one examination.

    Attributes:
        axial_mm: The sd of the pulse along depth.
        lateral_mm: The sd of the beam across, at the surface.
        widening: The growth of that sd in mm per mm of depth (for a fixed aperture).
        compensated: The share of the mean attenuation that the time-gain compensation compensates.
        noise_db: The electronic noise, relative to fat at the surface.
        dynamic_range_db: The range between black and white.
        brightness: The grey level (0-255) of the median of the upper two thirds, set by the operator's gain.
        slider_db: The sd of the errors in the sliders of the time-gain compensation.
        looks: The number of independent looks averaged by compounding.
        gamma: The exponent of the grey map, which darkens the lower half of the range.
        clutter_db: The haze from side lobes and reverberation, relative to the tissue within a few mm.
        black: The grey level without an echo, which frame grabbers raise above 0.
    """

    axial_mm: float
    lateral_mm: float
    widening: float
    compensated: float
    noise_db: float
    dynamic_range_db: float
    brightness: float
    slider_db: float
    looks: int
    gamma: float
    clutter_db: float
    black: float


def draw_scanner(rng: np.random.Generator) -> Scanner:
    """Draw the settings of one examination."""
    return Scanner(
        axial_mm=rng.uniform(0.11, 0.16),
        lateral_mm=rng.uniform(0.18, 0.26),
        widening=rng.uniform(0.009, 0.014),
        compensated=rng.uniform(0.84, 0.97),
        noise_db=rng.uniform(-52.0, -44.0),
        dynamic_range_db=rng.uniform(55.0, 65.0),
        brightness=float(np.clip(rng.normal(84.0, 17.0), 52.0, 122.0)),
        slider_db=rng.uniform(0.5, 1.5),
        looks=int(rng.integers(2, 5)),
        gamma=rng.uniform(1.6, 2.5),
        clutter_db=rng.uniform(-26.0, -15.0),
        black=rng.uniform(4.0, 26.0),
    )


def speckle(
    rng: np.random.Generator, amplitude: Field, coherent: Field, scanner: Scanner, grid: Grid
) -> NDArray[np.complex64]:
    """Simulate the echoes of scatterers with a point spread function that widens with depth.

    Args:
        rng: The random generator.
        amplitude: The square root of the echogenicity, (height, width).
        coherent: The amplitude of specular interfaces, which reflect in phase, (height, width).
        scanner: The settings of the scanner.
        grid: The pixels.

    Returns:
        Complex echoes, (height, width); their mean power is `amplitude**2` at every depth, because the point
        spread function has unit energy.
    """
    pad = round(PADDING_MM / grid.spacing_mm)
    tissue = np.pad(amplitude, ((0, 0), (pad, pad)), mode="edge")
    scatterers = _complex_normal(rng, tissue.shape) * tissue
    scatterers += np.pad(coherent, ((0, 0), (pad, pad)), mode="edge")
    rows = _frequency_response(tissue.shape[0], np.array([scanner.axial_mm / grid.spacing_mm]))
    depth = grid.z_mm[:, 0]
    beam_mm = np.hypot(scanner.lateral_mm, scanner.widening * depth)
    columns = _frequency_response(tissue.shape[1], beam_mm / grid.spacing_mm)
    echoes = scipy.fft.ifft(scipy.fft.fft(scatterers, axis=0) * rows.T, axis=0)
    echoes = scipy.fft.ifft(scipy.fft.fft(echoes, axis=1) * columns, axis=1)
    return np.asarray(echoes[:, pad : pad + grid.width], dtype=np.complex64)


def path_loss_db(attenuation: Field, grid: Grid) -> Field:
    """Integrate the attenuation along the beams and average their power over the steering angles.

    Args:
        attenuation: The attenuation in dB/cm/MHz, one way, (height, width).
        grid: The pixels.

    Returns:
        The two-way loss in dB at each pixel, (height, width).
    """
    step_db = attenuation * np.float32(2.0 * EFFECTIVE_MHZ * grid.spacing_mm / 10.0)
    power = sum(10.0 ** (-_steered_sum(step_db, angle) / 10.0) for angle in ANGLES_DEG)
    loss: Field = (-10.0 * np.log10(np.maximum(power / len(ANGLES_DEG), 1e-12))).astype(np.float32)
    return loss


def receive(
    rng: np.random.Generator, tissue: Field, coherent: Field, loss_db: Field, scanner: Scanner, grid: Grid
) -> Field:
    """Average the envelopes of a few independent looks, each attenuated and with its own noise.

    Args:
        rng: The random generator.
        tissue: The square root of the echogenicity, (height, width).
        coherent: The amplitude of specular interfaces, (height, width).
        loss_db: The loss in dB at each pixel, (height, width).
        scanner: The settings of the scanner.
        grid: The pixels.

    Returns:
        The envelope before any gain, (height, width).
    """
    passed = 10.0 ** (-loss_db / np.float32(20.0))
    floor = np.float32(10.0 ** (scanner.noise_db / 20.0))
    clutter = np.float32(10.0 ** (scanner.clutter_db / 10.0))
    around = tissue**2
    for _ in range(3):
        around = ndimage.uniform_filter(around, max(round(CLUTTER_MM / grid.spacing_mm), 1))
    tissue = np.sqrt(tissue**2 + clutter * around)
    envelope = np.zeros_like(tissue)
    for _ in range(scanner.looks):
        echoes = speckle(rng, tissue, coherent, scanner, grid) * passed
        envelope += np.abs(echoes + floor * _complex_normal(rng, tissue.shape))
    return envelope / np.float32(scanner.looks)


def compress(
    rng: np.random.Generator, envelope: Field, mean_loss_db: Field, scanner: Scanner, grid: Grid
) -> NDArray[np.uint8]:
    """Compensate part of the mean loss and maps the logarithm of the envelope to grey levels.

    Args:
        rng: The random generator.
        envelope: The received envelope, (height, width).
        mean_loss_db: The target of the time-gain compensation in dB, (height,).
        scanner: The settings of the scanner.
        grid: The pixels.

    Returns:
        Grey levels, (height, width) uint8.
    """
    sliders = scanner.slider_db * smooth_noise(rng, grid, 8.0, 1e3)[:, :1]
    gain_db = scanner.compensated * mean_loss_db[:, None] + sliders
    level_db = 20.0 * np.log10(envelope + np.float32(1e-6)) + gain_db
    middle_db = np.median(level_db[: 2 * grid.height // 3])
    middle = ((scanner.brightness - scanner.black) / (255.0 - scanner.black)) ** (1.0 / scanner.gamma)
    shown = np.clip(middle + (level_db - middle_db) / scanner.dynamic_range_db, 0.0, 1.0)
    grey: NDArray[np.uint8] = np.rint(scanner.black + (255.0 - scanner.black) * shown**scanner.gamma).astype(
        np.uint8
    )
    return grey


def _complex_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.complex64]:
    parts = rng.standard_normal((2, *shape), dtype=np.float32)
    return np.asarray((parts[0] + 1j * parts[1]) * np.float32(np.sqrt(0.5)), dtype=np.complex64)


def _frequency_response(count: int, sigma_px: NDArray[np.floating]) -> Field:
    """Return Gaussian filters of unit energy, (filters, frequencies)."""
    cycles = scipy.fft.fftfreq(count)[None, :]
    response = np.exp(-2.0 * (np.pi * sigma_px[:, None] * cycles) ** 2)
    response /= np.sqrt(np.mean(response**2, axis=1, keepdims=True))
    return np.asarray(response, dtype=np.float32)


def _steered_sum(step_db: Field, angle_deg: float) -> Field:
    """Sum along beams at an angle: shear the map until the beams are vertical, sum, and shear back."""
    height, width = step_db.shape
    shift = np.rint(np.arange(height) * np.tan(np.deg2rad(angle_deg))).astype(np.intp)[:, None]
    margin = int(np.abs(shift).max())
    entry = np.arange(-margin, width + margin)[None, :]
    upright = np.take_along_axis(step_db, np.clip(entry + shift, 0, width - 1), axis=1)
    total = np.cumsum(upright, axis=0, dtype=np.float32)
    return np.take_along_axis(total, np.arange(width)[None, :] - shift + margin, axis=1)
