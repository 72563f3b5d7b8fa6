"""The weights that a training starts from, as `network.weights` names them."""

from pathlib import Path

from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.settings import NetworkSettings
from unet_mtl.nn.weights.cache import get_file
from unet_mtl.nn.weights.transfer import InitialWeights, read_weights
from unet_mtl.runs import RunFolder


def find_weights(settings: NetworkSettings, *, progress: bool) -> InitialWeights | None:
    """Read the weights that a training starts from, and fetch them if they are published and not on this machine.

    Args:
        settings: Settings of the network; `weights` is "imagenet", a file, the folder of a run, or None.
        progress: Whether to say what is fetched.

    Returns:
        The weights, or None for a network with random ones.

    Raises:
        ConfigError: The weights cannot be fetched or read.
        RunError: The folder is not that of a trained run.
    """
    if settings.weights is None:
        return None
    path = Path(settings.weights)
    if settings.weights == "imagenet":
        path = get_file(ENCODERS[settings.encoder], progress=progress)
    elif path.is_dir():
        path = RunFolder.open(path).network
    return read_weights(settings, path)
