"""Import and export of data sets in the formats of other tools: COCO, Label Studio, LabelMe, VIA and nnU-Net."""

from unet_mtl.prepare.exchange.coco import import_coco
from unet_mtl.prepare.exchange.label_studio import import_label_studio
from unet_mtl.prepare.exchange.labelme import import_labelme
from unet_mtl.prepare.exchange.layout import Imported
from unet_mtl.prepare.exchange.nnunet import import_nnunet
from unet_mtl.prepare.exchange.to_nnunet import Exported, to_nnunet
from unet_mtl.prepare.exchange.via import import_via

__all__ = [
    "Exported",
    "Imported",
    "import_coco",
    "import_label_studio",
    "import_labelme",
    "import_nnunet",
    "import_via",
    "to_nnunet",
]
