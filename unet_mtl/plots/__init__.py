"""Plots of results as matplotlib figures; without a network. Matplotlib is imported inside the functions."""
