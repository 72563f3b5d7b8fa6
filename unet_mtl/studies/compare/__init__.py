"""Paired comparison of runs, or of a run with masks of another program, on the same cases."""
