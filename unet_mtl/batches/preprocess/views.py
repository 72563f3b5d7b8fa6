"""The scale at which the network sees each case, from the size of its image."""

from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.data.images import image_size
from unet_mtl.data.records import Record
from unet_mtl.data.view import View


class Views:
    """Finds the scale at which the network sees a case without augmentation; the header of each image is read once.

    Args:
        preprocess: The fixed steps.
    """

    def __init__(self, preprocess: Preprocess) -> None:
        self.preprocess = preprocess
        self._known: dict[str, View] = {}

    def __call__(self, record: Record) -> View:
        """Return the scale of a case.

        Raises:
            DataError: The image cannot be read.
        """
        if record.case not in self._known:
            size = image_size(record.require_image(), record.frame)
            self._known[record.case] = View(self.preprocess.resize_factors(size), record.spacing_mm)
        return self._known[record.case]
