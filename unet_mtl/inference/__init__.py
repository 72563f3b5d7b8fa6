"""A trained run -> answers for new images, masks at the original size."""
