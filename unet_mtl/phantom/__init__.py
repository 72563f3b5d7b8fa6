"""A synthetic breast-ultrasound-like sample set, from a physical model of tissue and scanner."""

from unet_mtl.phantom.cases import PhantomCase, make_case
from unet_mtl.phantom.writing import write_phantom

__all__ = ["PhantomCase", "make_case", "write_phantom"]
