"""One U-Net for several outputs: masks, classes and numbers of 2-D medical images, also with missing labels.

Names are imported on first use, so that `import unet_mtl` loads neither TensorFlow nor matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unet_mtl.api import (
        ablate,
        check,
        compare,
        evaluate,
        get_weights,
        import_coco,
        import_label_studio,
        import_labelme,
        import_nnunet,
        import_via,
        init,
        list_runs,
        list_weights,
        overlay,
        predict,
        repair,
        score,
        show,
        show_augment,
        split,
        to_nnunet,
        train,
        train_folds,
        tune,
        untune,
    )
    from unet_mtl.batches.cache.settings import Delivery
    from unet_mtl.batches.inputs.columns import TabularInput
    from unet_mtl.batches.inputs.inputs import Inputs
    from unet_mtl.batches.preprocess.preprocess import Preprocess
    from unet_mtl.config import Config, TrainingSettings, load_config
    from unet_mtl.consistency import ClassCondition as Finding
    from unet_mtl.consistency import MaskMeasures, MaskNeeds
    from unet_mtl.data.records import Dataset, Record, read_dataset
    from unet_mtl.data.splits import SplitSettings
    from unet_mtl.errors import UnetMtlError
    from unet_mtl.inference.predictor import Predictor
    from unet_mtl.network import build_network
    from unet_mtl.nn.settings import NetworkSettings
    from unet_mtl.phantom import write_phantom
    from unet_mtl.prepare.doctor.page import write_page
    from unet_mtl.runs import FoldsFolder, RunFolder
    from unet_mtl.tasks import (
        Classification,
        Measurement,
        Multilabel,
        Ordinal,
        OverlappingSegmentation,
        Regression,
        Segmentation,
    )

_HOMES = {
    "unet_mtl.api": (
        "ablate",
        "check",
        "compare",
        "evaluate",
        "get_weights",
        "import_coco",
        "import_label_studio",
        "import_labelme",
        "import_nnunet",
        "import_via",
        "init",
        "list_runs",
        "list_weights",
        "overlay",
        "predict",
        "repair",
        "score",
        "show",
        "show_augment",
        "split",
        "to_nnunet",
        "train",
        "train_folds",
        "tune",
        "untune",
    ),
    "unet_mtl.config": ("Config", "TrainingSettings", "load_config"),
    "unet_mtl.consistency": ("Finding", "MaskMeasures", "MaskNeeds"),
    "unet_mtl.phantom": ("write_phantom",),
    "unet_mtl.data.records": ("Dataset", "Record", "read_dataset"),
    "unet_mtl.data.splits": ("SplitSettings",),
    "unet_mtl.prepare.doctor.page": ("write_page",),
    "unet_mtl.errors": ("UnetMtlError",),
    "unet_mtl.network": ("build_network",),
    "unet_mtl.nn.settings": ("NetworkSettings",),
    "unet_mtl.batches.inputs.columns": ("TabularInput",),
    "unet_mtl.batches.cache.settings": ("Delivery",),
    "unet_mtl.batches.inputs.inputs": ("Inputs",),
    "unet_mtl.batches.preprocess.preprocess": ("Preprocess",),
    "unet_mtl.inference.predictor": ("Predictor",),
    "unet_mtl.runs": ("FoldsFolder", "RunFolder"),
    "unet_mtl.tasks": (
        "Classification",
        "Measurement",
        "Multilabel",
        "Ordinal",
        "OverlappingSegmentation",
        "Regression",
        "Segmentation",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_NAMES_THERE = {"Finding": "ClassCondition"}
"""Names that differ in their module, by public name."""

__all__ = [
    "Classification",
    "Config",
    "Dataset",
    "Delivery",
    "Finding",
    "FoldsFolder",
    "Inputs",
    "MaskMeasures",
    "MaskNeeds",
    "Measurement",
    "Multilabel",
    "NetworkSettings",
    "Ordinal",
    "OverlappingSegmentation",
    "Predictor",
    "Preprocess",
    "Record",
    "Regression",
    "RunFolder",
    "Segmentation",
    "SplitSettings",
    "TabularInput",
    "TrainingSettings",
    "UnetMtlError",
    "ablate",
    "build_network",
    "check",
    "compare",
    "evaluate",
    "get_weights",
    "import_coco",
    "import_label_studio",
    "import_labelme",
    "import_nnunet",
    "import_via",
    "init",
    "list_runs",
    "list_weights",
    "load_config",
    "overlay",
    "predict",
    "read_dataset",
    "repair",
    "score",
    "show",
    "show_augment",
    "split",
    "to_nnunet",
    "train",
    "train_folds",
    "tune",
    "untune",
    "write_page",
    "write_phantom",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'unet_mtl' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), _NAMES_THERE.get(name, name))
