"""Balancing: how the losses of several tasks are combined into one training."""

from typing import Annotated, Any, Union

from pydantic import BeforeValidator, Field

from unet_mtl.balancing.base import Balancer, Balancing, Losses
from unet_mtl.balancing.dwa import Dwa
from unet_mtl.balancing.fixed import Fixed
from unet_mtl.balancing.gradnorm import GradNorm
from unet_mtl.balancing.pcgrad import PCGrad
from unet_mtl.balancing.uncertainty import Uncertainty

BALANCERS: dict[str, type[Balancing]] = {
    "fixed": Fixed,
    "uncertainty": Uncertainty,
    "dwa": Dwa,
    "gradnorm": GradNorm,
    "pcgrad": PCGrad,
}
"""Settings classes by name. A new balancer is one file and one line here."""


def _expand_name(setting: Any) -> Any:
    if isinstance(setting, str):
        return {"name": setting}
    if not isinstance(setting, dict | Balancing):
        raise ValueError(f"give one of {', '.join(BALANCERS)}, or a mapping with `name` and options")
    return setting


AnyBalancing: Any = Annotated[
    Union[tuple(BALANCERS.values())],  # noqa: UP007
    Field(discriminator="name"),
    BeforeValidator(_expand_name),
]
"""The type of a setting that is a name, a mapping with `name` and options, or a `Balancing`."""

__all__ = [
    "BALANCERS",
    "AnyBalancing",
    "Balancer",
    "Balancing",
    "Dwa",
    "Fixed",
    "GradNorm",
    "Losses",
    "PCGrad",
    "Uncertainty",
]
