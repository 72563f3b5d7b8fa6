"""Pretrained weights: the cache of their files, the reading of PyTorch files, and the transfer into a network."""
