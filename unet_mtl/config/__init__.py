"""All settings of a training as one validated model, and the reading of config.yaml."""

from unet_mtl.config.loading import load_config, make_config
from unet_mtl.config.model import AnyTask, Config
from unet_mtl.config.training import TrainingSettings

__all__ = ["AnyTask", "Config", "TrainingSettings", "load_config", "make_config"]
