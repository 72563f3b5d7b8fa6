"""A repaired copy of a data set in the layout of this package, with a log of every change."""
