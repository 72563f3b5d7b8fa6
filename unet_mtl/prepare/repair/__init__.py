"""A repaired copy of a data set in this package's own layout, with a log of every change."""
