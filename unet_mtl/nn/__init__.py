"""Keras layers that networks are built of; functions named `build_` take and return tensors."""
