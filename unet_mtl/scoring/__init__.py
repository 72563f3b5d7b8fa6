"""Scores of masks that any program has written, paired with the true masks by file name."""
