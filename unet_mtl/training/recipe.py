"""The settings that determine the steps of a training, in words."""

from unet_mtl.config import TrainingSettings
from unet_mtl.wording import count_of


def describe_recipe(settings: TrainingSettings, steps: int) -> str:
    """Return a line for the start of a training.

    Args:
        settings: The settings of the training.
        steps: Batches per epoch.

    >>> describe_recipe(TrainingSettings(epochs=2, schedule="constant"), 5)
    'adamw, 2 epochs, 10 steps; learning rate 0.001, constant'
    """
    rate = f"learning rate {settings.learning_rate:g}, {settings.schedule}"
    if settings.warmup_epochs:
        rate += f" after a warm-up of {settings.warmup_epochs:g} epochs"
    parts = [f"{settings.optimizer}, {_describe_limits(settings, steps)}", rate]
    if settings.weight_decay:
        parts.append(f"weight decay {settings.weight_decay:g}")
    if settings.clip_norm is not None:
        parts.append(f"gradients clipped to a norm of {settings.clip_norm:g}")
    if settings.average_decay is not None:
        parts.append(
            f"averages of the weights (decay {settings.average_decay:g}) are validated and saved, not the last weights"
        )
    if settings.deep_supervision:
        parts.append("masks are learned at coarser levels too")
    return "; ".join(parts)


def _describe_limits(settings: TrainingSettings, steps: int) -> str:
    if isinstance(settings.steps, tuple):
        return f"{count_of(settings.steps[-1][1], 'step')} as planned by another training"
    limits = []
    if settings.epochs is not None:
        limits.append(count_of(settings.epochs, "epoch"))
    limit = settings.step_limit(steps)
    if limit is not None:
        limits.append(count_of(limit, "step"))
    if settings.minutes is not None:
        minutes = "1 minute" if settings.minutes == 1 else f"{settings.minutes:g} minutes"
        return f"{minutes}, at most {', '.join(limits)}" if limits else minutes
    return ", ".join(limits)
