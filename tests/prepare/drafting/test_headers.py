"""Spacing, patients and numbers of pictures are read from the headers, whatever the names of the files."""

import nibabel
import numpy as np
import pytest

from unet_mtl.data.images import read_header

from ...data.samples import dicom

N = 6


@pytest.fixture
def scans(tmp_path, pictures):
    """Return a function that writes DICOM files with these attributes by the number of the file."""

    def write(name, **attributes):
        for index in range(N):
            path = tmp_path / name.format(index)
            path.parent.mkdir(exist_ok=True)
            dicom(path, pictures.noise(index), **{key: value(index) for key, value in attributes.items()})
        return tmp_path

    return write


@pytest.mark.parametrize("name", ["images/IM{:04d}", "IM{:04d}.ima", "{}.png", "images/1.2.840.{}", "{}.dcm"])
def test_the_spacing_of_dicom_files_of_any_name(scans, draft, name):
    dataset, _, notes, _ = draft(scans(name, PixelSpacing=lambda index: [0.5, 0.25]))
    assert [record.spacing_mm for record in dataset] == [(0.5, 0.25)] * N
    assert not any("pixel spacing" in line for line in notes.unsure)


def test_dicom_files_without_a_spacing(scans, draft):
    dataset, _, notes, _ = draft(scans("{}.dcm"))
    assert dataset.description.spacing_mm is None
    assert any("The pixel spacing is unknown" in line for line in notes.unsure)


@pytest.mark.parametrize(
    ("of", "hint"),
    [(lambda i: f"Doe^{i // 2}", True), (lambda i: f"Doe^{i}", False), (lambda i: "Doe", False)],
)
def test_patients_in_headers_are_counted_and_never_written(scans, draft, of, hint):
    folder = scans("IM{:04d}", PatientID=of)
    _, _, notes, text = draft(folder)
    (line,) = [line for line in notes.unsure if line.startswith("No column or folder names the patient")]
    assert ("The headers of 6 images hold 3 different values of PatientID. " in line) == hint
    assert "Doe" not in text + line
    headers = [read_header(folder / f"IM{i:04d}") for i in range(N)]
    assert len({header.patient for header in headers}) == len({of(i) for i in range(N)})
    assert "Doe" not in repr(headers)


def test_every_channel_counts_as_a_file(tmp_path, draft, pictures):
    for index in range(N):
        for word in ("t1", "t2", "flair", "seg"):
            if (word, index) != ("flair", 0):
                pixels = pictures.disc(index, 1) if word == "seg" else pictures.noise(index)
                volume = nibabel.Nifti1Image(np.stack([pixels] * 3, axis=-1), np.eye(4))
                nibabel.save(volume, tmp_path / f"p{index}_{word}.nii")
    notes = draft(tmp_path)[2].unsure
    assert [line.partition(" pictures")[0] for line in notes if "pictures" in line] == [
        f"Images: {3 * N - 1} files hold 3",
        f"Masks: {N} files hold 3",
    ]
