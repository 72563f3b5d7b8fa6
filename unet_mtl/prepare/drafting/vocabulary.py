"""Words that occur in names of folders, files and columns, by their usual meaning."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MASK_WORDS = _words(
    "mask masks msk label labels lbl seg segs segmentation segmentations gt gts truth groundtruth "
    "annotation annotations annot anno roi rois contour contours instance instances"
)
IMAGE_WORDS = _words(
    "image images img imgs picture pictures photo photos scan scans raw input inputs original slice slices"
)
OBJECT_WORDS = _words("object objects")
"""Words for masks that tell the objects of a class apart by colours, beside masks of the classes."""

CHANNEL_WORDS = _words(
    "t1 t1w t1n t1c t1ce t1gd t2 t2w t2f flair pd pdw dwi adc swi dce ct pet nir red green blue dapi hoechst fitc gfp "
    "rfp tritc cy3 cy5 brightfield"
)
"""Sequences, modalities, bands and stains, whose files of one case are channels of one image."""

STRUCTURE_WORDS = _words("tumor tumour lesion nodule polyp vessel nucleus nuclei wound")
"""Structures. At the end of a file name such a word stands for a mask; as a folder name it may be a class of images."""

DIAGNOSES = _words(
    "benign malignant normal healthy diseased abnormal positive negative cancer tumor tumour lesion cyst"
)

PATIENT_WORDS = ("patient", "patientid", "pat", "subject", "subjectid", "person", "pid", "participant")
PATIENT_IF_REPEATED = (
    "case",
    "caseid",
    "study",
    "exam",
    "examination",
    "id",
    "individual",
    "animal",
    "mouse",
)
ID_WORDS = frozenset(("id", "no", "nr", "index", "number", "accession", "row"))
FOLD_WORDS = frozenset(("fold", "kfold", "folds", "cv"))
SPLIT_COLUMNS = frozenset(("split", "set", "subset", "partition", "phase"))
GRADE_WORDS = _words("birads bi rads tirads pirads grade stage score degree level category")
TARGET_WORDS = _words(
    "diagnosis diagnoses pathology class classification label labels malignancy malignant outcome target disease "
    "finding findings type result"
)
DIAGNOSIS_WORDS = _words("diagnosis diagnoses pathology disease finding findings")
"""Names of columns that are likely targets, even with many different words."""

ADMINISTRATIVE_WORDS = _words(
    "url uri link href website license licence copyright attribution credit doi citation folder directory dir path "
    "filename filepath file sha checksum hash uuid uid timestamp comment comments note notes remark remarks"
)
"""Names of columns about the files and their origin, which say nothing about the patient or the image."""

ACQUISITION_WORDS = _words(
    "age sex gender side laterality device scanner machine vendor manufacturer model hospital "
    "center centre site operator date year bmi weight race ethnicity verification split fold"
)
"""Names of what is known before the image is read, and therefore an input rather than a target."""

MEASURE_WORDS = _words(
    "diameter size volume area circumference length thickness depth count number perimeter ratio "
    "angle distance score percentage fraction ef value radius"
)
SIZE_WORDS = frozenset(["height", "width", "rows", "columns", "cols"])

MORE_MISSING = frozenset(
    (
        *("unknown", "not applicable", "n.a.", "-", "--", "?", "missing", "not known", "unspecified"),
        *("not reported", "not recorded", "n/k", "nd", "undefined", "."),
    )
)
CODES_OF_MISSING = frozenset(("-1", "-9", "-99", "-999", "-9999"))

ORDERS = (
    ("normal", "benign", "malignant"),
    ("healthy", "benign", "malignant"),
    ("none", "minimal", "mild", "moderate", "severe"),
    ("very low", "low", "intermediate", "medium", "high", "very high"),
    ("small", "medium", "large"),
    ("no", "yes"),
    ("false", "true"),
    ("absent", "present"),
    ("negative", "positive"),
    ("normal", "abnormal"),
    ("healthy", "diseased"),
    ("i", "ii", "iii", "iv", "v", "vi"),
)

ULTRASOUND_WORDS = re.compile(
    r"ultraso|sonogra|\busg?\b|\bbus\b|bi-?rads|echogen\w*|\w*echoic", re.IGNORECASE
)


def words_of(name: str) -> list[str]:
    """Split a name into words in lower case.

    >>> words_of("images_and_Masks2"), words_of("CaseID"), words_of("kFold")
    (['images', 'and', 'masks'], ['case', 'id'], ['k', 'fold'])
    """
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def has_word(name: str, words: frozenset[str]) -> bool:
    """Return whether a name contains one of the words."""
    return not words.isdisjoint(words_of(name)) or "".join(words_of(name)) in words
