"""The learning rate of each step, as Keras' optimizers read it."""

from typing import Any

import keras
from keras import ops

from unet_mtl.optimization.plan import Plan, Segment
from unet_mtl.optimization.schedules import SCHEDULES

UNKNOWN = Segment(0, 0.0, 2**31)
"""The segment before the number of steps is planned: a progress of 0 to any float32 that is worth mentioning."""


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """`peak * SCHEDULES[shape](progress)`, in the first steps multiplied by a factor that rises linearly to 1.

    Args:
        peak: The highest learning rate.
        shape: An entry of `SCHEDULES`.
        plan: The numbers of steps. Unless it is fixed, `follow` must be called where a segment begins.
        warmup_steps: The steps of the rise, the first of which has the factor 1 / warmup_steps; 0: none.
    """

    def __init__(self, peak: float, shape: str, plan: Plan, warmup_steps: int = 0) -> None:
        super().__init__()
        self.peak = peak
        self.shape = shape
        self.plan = plan
        self.warmup_steps = warmup_steps
        self.variables: tuple[Any, ...] = ()
        if not plan.is_fixed:
            self.variables = tuple(
                keras.Variable(float(value), trainable=False, dtype="float32", name=f"plan_{name}")
                for name, value in UNKNOWN._asdict().items()
            )

    def follow(self, step: int) -> None:
        """Take over the segment of the plan that holds after `step` steps, unless there is only one."""
        if not self.variables:
            return
        segment = self.plan.segment(step) or UNKNOWN
        for variable, value in zip(self.variables, segment, strict=True):
            variable.assign(float(value))

    def __call__(self, step: Any) -> Any:
        """Return the learning rate after `step` steps."""
        peak = ops.convert_to_tensor(self.peak, dtype="float32")
        step = ops.cast(step, "float32")
        rate = ops.multiply(peak, SCHEDULES[self.shape](self._progress(step)))
        if not self.warmup_steps:
            return rate
        return rate * ops.minimum((step + 1.0) / float(self.warmup_steps), 1.0)

    def _progress(self, step: Any) -> Any:
        if not self.variables:
            total = ops.cast(self.plan.entries[0][1], "float32")
            return ops.divide(ops.minimum(step, total), total)
        start, progress, total = (ops.convert_to_tensor(variable) for variable in self.variables)
        share = ops.divide_no_nan(ops.minimum(step, total) - start, total - start)
        return progress + (1.0 - progress) * share

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            "peak": self.peak,
            "shape": self.shape,
            "plan": self.plan.entries,
            "warmup_steps": self.warmup_steps,
        }
