"""Pretrained weights of encoders: what there is, and fetching it."""

from pathlib import Path
from typing import Any

from unet_mtl.arguments import check_types
from unet_mtl.errors import ConfigError
from unet_mtl.near_names import find_typo
from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.weights.cache import find_file, get_file


def list_weights() -> list[dict[str, Any]]:
    """Return a row for each encoder with pretrained weights: its name, licence, source and the path of the file.

    The path is None where the file is not on this machine. Nothing is fetched.
    """
    return [
        {
            "encoder": name,
            "path": find_file(spec.pretrained),
            "licence": spec.pretrained.licence,
            "source": spec.pretrained.source,
            "digest": spec.pretrained.digest,
            "url": spec.pretrained.url,
        }
        for name, spec in ENCODERS.items()
        if spec.pretrained
    ]


@check_types
def get_weights(encoder: str, *, progress: bool = True) -> Path:
    """Fetch the pretrained weights of an encoder into the cache, so that a training can start from them offline.

    Args:
        encoder: The name of the encoder, an entry of `list_weights`.
        progress: Whether to say what is fetched.

    Returns:
        The path of the file. One that is on this machine already is checked and not fetched again.

    Raises:
        ConfigError: There is no such encoder, it has no weights, or they cannot be fetched.
        WriteError: The operating system refused a write.
    """
    if encoder not in ENCODERS:
        near = find_typo(encoder, ENCODERS)
        known = ", ".join(name for name, spec in ENCODERS.items() if spec.pretrained)
        hint = f"did you mean {near}?" if near else f"those with weights are {known}"
        raise ConfigError(f"there is no encoder {encoder!r}; {hint}")
    return get_file(ENCODERS[encoder], progress=progress)
