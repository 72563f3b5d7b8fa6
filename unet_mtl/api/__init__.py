"""The Python API: what each command does, as a function. Wiring only."""

from unet_mtl.api.comparison import compare, list_runs
from unet_mtl.api.evaluation import evaluate
from unet_mtl.api.exchange import (
    import_coco,
    import_label_studio,
    import_labelme,
    import_nnunet,
    import_via,
    to_nnunet,
)
from unet_mtl.api.preparation import check, init, repair, split
from unet_mtl.api.results import overlay, predict, score
from unet_mtl.api.training import ablate, show, show_augment, train, train_folds
from unet_mtl.api.tuning import tune, untune
from unet_mtl.api.weights import get_weights, list_weights
from unet_mtl.data.records import read_dataset

__all__ = [
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
]
