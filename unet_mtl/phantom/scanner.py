"""The scanner: speckle, attenuation along the beams, gain, log compression.

The model is the usual linear one: many scatterers a resolution cell give a circular complex Gaussian field,
whose envelope is Rayleigh distributed (Wagner et al. 1983, IEEE Trans. Sonics Ultrason. 30:156; mean over sd
1.91). Sound is weakened in dB in proportion to path and frequency.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

from unet_mtl.phantom.fields import Field, Grid, smooth_noise

# A 7-12 MHz probe's echoes lose their high end on the way; the attenuation acts as at a lower frequency.
EFFECTIVE_MHZ = 5.0
# Spatial compounding (Entrekin et al. 2001, Semin. Ultrasound CT MRI 22:50) steers the beams: a shadow
# narrows to a triangle and fills in from its sides with depth.
ANGLES_DEG = (-9.0, -4.5, 0.0, 4.5, 9.0)
CLUTTER_MM = 4.0  # side of the three boxes that spread the haze
PADDING_MM = 2.5  # tissue beyond the edges of the view that the point spread function still sees


@dataclass(frozen=True)
class Scanner:
    """Settings of one examination.

    Args:
        axial_mm: Sd of the pulse along depth.
        lateral_mm: Sd of the beam across, at the surface.
        widening: Growth of that sd in mm per mm of depth (fixed aperture past its largest size).
        compensated: Share of the mean attenuation that the time-gain compensation undoes.
        noise_db: Electronic noise, relative to fat at the surface.
        dynamic_range_db: Range shown between black and white.
        brightness: Grey level (0-255) that the operator's gain gives to the median of the upper two thirds.
        slider_db: Sd of the errors in the sliders of the time-gain compensation.
        looks: Independent looks averaged by compounding.
        gamma: Bend of the grey map that darkens the lower half of the range.
        clutter_db: Haze from side lobes and reverberation, relative to the tissue a few mm around.
        black: Grey level of no echo, as frame grabbers lift it.
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
    """Image scatterers with a point spread function that widens with depth.

    Args:
        rng: Source of randomness.
        amplitude: Square root of the echogenicity, shape (height, width).
        coherent: Amplitude of mirror-like interfaces, whose echoes add up in phase.
        scanner: Settings.
        grid: The pixels.

    Returns:
        Complex echoes (height, width); their mean power is `amplitude**2` at every depth, because the point
        spread function keeps unit energy.
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
    """Integrate attenuation down the beams and average their power over the steering angles.

    Args:
        attenuation: dB/cm/MHz, one way, shape (height, width).
        grid: The pixels.

    Returns:
        Loss in dB, there and back, down to each pixel.
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
        rng: Source of randomness.
        tissue: Square root of the echogenicity, shape (height, width).
        coherent: Amplitude of mirror-like interfaces.
        loss_db: Loss down to each pixel.
        scanner: Settings.
        grid: The pixels.

    Returns:
        Envelope before any gain.
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
    """Undo part of the mean loss and show the logarithm of the envelope as grey.

    Args:
        rng: Source of randomness.
        envelope: What was received, shape (height, width).
        mean_loss_db: What the time-gain compensation aims at, shape (height,).
        scanner: Settings.
        grid: The pixels.

    Returns:
        Grey levels.
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
    """Gaussian filters of unit energy as (filters, frequencies)."""
    cycles = scipy.fft.fftfreq(count)[None, :]
    response = np.exp(-2.0 * (np.pi * sigma_px[:, None] * cycles) ** 2)
    response /= np.sqrt(np.mean(response**2, axis=1, keepdims=True))
    return np.asarray(response, dtype=np.float32)


def _steered_sum(step_db: Field, angle_deg: float) -> Field:
    """Sum down beams at an angle: shear the map until they stand upright, sum, shear back."""
    height, width = step_db.shape
    shift = np.rint(np.arange(height) * np.tan(np.deg2rad(angle_deg))).astype(np.intp)[:, None]
    margin = int(np.abs(shift).max())
    entry = np.arange(-margin, width + margin)[None, :]
    upright = np.take_along_axis(step_db, np.clip(entry + shift, 0, width - 1), axis=1)
    total = np.cumsum(upright, axis=0, dtype=np.float32)
    return np.take_along_axis(total, np.arange(width)[None, :] - shift + margin, axis=1)
