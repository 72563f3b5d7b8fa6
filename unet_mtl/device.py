"""The devices of this machine, and the precision that suits them."""

import os
from pathlib import Path
from typing import Literal

from unet_mtl.errors import ConfigError

Precision = Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]
CPU_FLAGS = Path("/proc/cpuinfo")


def cpu_has_fast_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 matrices in hardware (Intel AMX, or AVX-512 BF16).

    Training with plain convolutions is then 1.8 (AMX) or 1.6 times (AVX-512 BF16, on an AMD Zen 4) as fast as in
    float32; without such hardware it takes 3 times as long.
    """
    try:
        flags = CPU_FLAGS.read_text().split()
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


def gpu_compute_capabilities() -> list[tuple[int, int]]:
    """Return the compute capability of each GPU that the backend sees; from (8, 0) on, GPUs compute in bfloat16."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return []
    import keras

    backend = keras.backend.backend()
    if backend == "torch":
        import torch  # type: ignore[import-not-found, unused-ignore]

        return [torch.cuda.get_device_capability(i) for i in range(torch.cuda.device_count())]
    if backend == "jax":
        import jax  # type: ignore[import-not-found, unused-ignore]

        versions = [device.compute_capability for device in jax.devices() if device.platform == "gpu"]
        return [(int(major), int(minor)) for major, minor in (text.split(".") for text in versions)]
    import tensorflow as tf

    details = [
        tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")
    ]
    return [detail.get("compute_capability", (0, 0)) for detail in details]


def choose_precision(wanted: Precision, *, depthwise: bool = False) -> str:
    """Resolve "auto" for this machine, by what its processor or GPU can do and never by a measurement.

    Args:
        wanted: The precision of the config; all but "auto" is returned as it is.
        depthwise: Whether the encoder has depthwise convolutions, which processors compute at 0.7 to 0.8 of the speed
            in bfloat16.

    Returns:
        "float32", "mixed_bfloat16" or "mixed_float16".

    Raises:
        ConfigError: float16 was requested without a GPU, where it is some 47 times slower than float32.
    """
    gpus = gpu_compute_capabilities()
    if wanted == "mixed_float16" and not gpus:
        raise ConfigError(
            "precision: mixed_float16 needs a GPU, and none is here; set auto, float32 or mixed_bfloat16"
        )
    if wanted != "auto":
        return wanted
    fast = min(gpus) >= (8, 0) if gpus else cpu_has_fast_bfloat16() and not depthwise
    return "mixed_bfloat16" if fast else "float32"
