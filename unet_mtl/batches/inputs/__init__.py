"""Inputs of the network: the image and the columns of the table."""
