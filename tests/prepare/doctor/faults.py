"""All faults of the corpus."""

from .faults_copies import COPY_FAULTS
from .faults_files import FILE_FAULTS
from .faults_images import IMAGE_FAULTS
from .faults_masks import MASK_FAULTS
from .faults_tables import TABLE_FAULTS

FAULTS = [*TABLE_FAULTS, *FILE_FAULTS, *IMAGE_FAULTS, *MASK_FAULTS, *COPY_FAULTS]
