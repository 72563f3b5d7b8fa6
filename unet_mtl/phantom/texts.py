"""The description and the README in the folder of the sample set."""

from dataclasses import dataclass

from unet_mtl.phantom.cases import AGES, NARROWEST, POSTERIOR_DB, VIEW_MM
from unet_mtl.phantom.scanner import ANGLES_DEG, EFFECTIVE_MHZ
from unet_mtl.phantom.tissue import ATTENUATION, BONE, ECHO_DB, LAYERS

DATASET_YAML = """\
# SYNTHETIC data: made by `unet-mtl phantom`, no patient behind it.
name: phantom
synthetic: true
table: cases.csv
case: case                       # column that names a row and its files
patient: patient                 # column; cases of one patient stay on one side of a split
images: images/{case}.png
masks:
  mask:
    path: masks/{case}.png
    classes: [background, lesion, posterior region]
columns:
  diagnosis: {classes: [normal, benign, malignant]}
  lesion_diameter_mm: {unit: mm}
  age: {unit: years}
spacing_mm: pixel_spacing_mm     # column
"""


@dataclass(frozen=True)
class Facts:
    """The arguments of `write_phantom` that describe a set.

    Attributes:
        cases: The number of cases.
        seed: The seed of the set.
        size: (height, width) in pixels.
        missing_masks: The share of cases without a mask.
        missing_diagnoses: The share of cases without a diagnosis.
        missing_diameters: The share of cases with a lesion but without a diameter.
    """

    cases: int
    seed: int
    size: tuple[int, int]
    missing_masks: float
    missing_diagnoses: float
    missing_diameters: float


README = """\
# Phantom: SYNTHETIC breast-ultrasound-like images

**SYNTHETIC: no patient, no scanner, no real image is behind any of this.** It is made by a program, to try
the software and to test it. Nothing measured on it says anything about how well a method works on patients:
make no clinical claim from it.

Made by `unet-mtl phantom OUT --cases {cases} --seed {seed}`, with images of {height}x{width} pixels,
{missing_masks} of the masks, {missing_diagnoses} of the diagnoses and {missing_diameters} of the diameters
missing. The same arguments give the same files again (with the same versions of NumPy, SciPy and Pillow).

Licence: Apache-2.0, like the project.

## Files

| file | holds |
|---|---|
| `images/case_0001.png` | the image, 8-bit grey |
| `masks/case_0001.png` | indexed PNG: 0 background, 1 lesion, 2 posterior region |
| `cases.csv` | one row a case |
| `dataset.yaml` | the description that `unet_mtl` reads |

| column | means |
|---|---|
| `case` | name of the row and of its files |
| `patient` | one or two cases (views) belong to a patient, with one lesion and one diagnosis |
| `diagnosis` | normal, benign or malignant: about 25, 40 and 35 % of patients |
| `lesion_diameter_mm` | largest Feret diameter of the lesion in the mask, 0.1 mm; empty for a normal case |
| `pixel_spacing_mm` | size of a pixel, both ways |
| `age` | years |

Labels are missing on purpose: {missing_masks} of the masks (no file), {missing_diagnoses} of the diagnoses
(empty cell), {missing_diameters} of the diameters of cases with a lesion (empty cell). The shares are
exact, up to rounding; the cases are chosen at random. A normal case's mask has background only.

## The physical model

1. Tissue: skin, subcutaneous fat with lobules and septa, gland with fibres and islands of fat, retromammary
   fat, muscle with fibres, chest wall with a rib in some patients; wavy interfaces that mirror sound where
   they lie level.
2. Speckle: complex Gaussian scatterers times the square root of the echogenicity, filtered by a Gaussian
   point spread function (sd 0.11 to 0.16 mm along depth; across 0.18 to 0.26 mm at the surface, growing by
   9 to 14 micrometres a mm), then the envelope. In uniform tissue the mean over sd of one look is 1.91
   (Rayleigh); 2 to 4 looks are averaged, as spatial compounding does. Haze from side lobes and reverberation
   (-26 to -15 dB) fills dark places from bright ones near by.
3. Attenuation: the integral of the map below down {angles} steered beams ({first} to {last} degrees) at an
   effective {mhz} MHz, there and back; their mean power fills shadows in from the sides. Noise is added,
   and a gain undoes 84 to 97 % of the tissue's mean loss, so shadow and enhancement are what the lesion's
   attenuation leaves over.
4. Display: logarithm with 55 to 65 dB between black and white, bent by a grey map (gamma 1.6 to 2.5) above a
   black level of 4 to 26.

| layer | echo (dB over fat) | attenuation (dB/cm/MHz, one way) |
|---|---|---|
{layers}
| rib | | {bone:g} |
| cyst | -27 to -20 | 0.0022 (water) |
| solid benign | -9 to -4 | 0.05 to 0.55; 1.1 to 1.7 in 10 % |
| malignant | -12 to -5 | 0.35 to 0.85 in 20 %; else 7 to 17 dB more loss than gland |

Benign lesions are mostly oval, smooth, wider than tall and even: 30 % are cysts; of the solid ones 25 % are
lobulated, 12 % upright, 5 % irregular. Malignant ones are mostly irregular, spiculated and uneven, with a
bright rim; 60 % are upright and 15 % smooth. The classes overlap on purpose. Lesions measure 6 to 20 mm.

The posterior region is where the lesion changes the loss by more than {posterior:g} dB, from below the lesion
down to the chest wall, if that is wider than {narrowest:.0%} of the lesion; otherwise the mask has none. It
follows from the tissue's attenuation, not from the grey levels, so a weak one is hard to see. The view is
{shallow:g} to {deep:g} mm deep at any image size. Mean ages: {ages} years.

Left out: refraction, phase aberration, distinct reverberations, compression by the probe,
Doppler, callipers and text, other organs and rare lesions. Margins and echo levels are plausible choices,
not fits to data.
"""


def readme(facts: Facts) -> str:
    """Return the README, with the arguments and the constants of the model."""
    layers = [
        f"| {name} | {echo:g} | {loss:.2f} |"
        for name, echo, loss in zip(LAYERS, ECHO_DB, ATTENUATION, strict=True)
    ]
    return README.format(
        cases=facts.cases,
        seed=facts.seed,
        height=facts.size[0],
        width=facts.size[1],
        missing_masks=f"{facts.missing_masks:.0%}",
        missing_diagnoses=f"{facts.missing_diagnoses:.0%}",
        missing_diameters=f"{facts.missing_diameters:.0%}",
        angles=len(ANGLES_DEG),
        first=ANGLES_DEG[0],
        last=ANGLES_DEG[-1],
        mhz=EFFECTIVE_MHZ,
        layers="\n".join(layers),
        bone=BONE,
        posterior=POSTERIOR_DB,
        narrowest=NARROWEST,
        shallow=VIEW_MM[0],
        deep=VIEW_MM[1],
        ages=", ".join(f"{name} {mean:g}" for name, (mean, _) in AGES.items()),
    )
