"""Scores of masks that any program has written, paired with the true ones by file name."""
