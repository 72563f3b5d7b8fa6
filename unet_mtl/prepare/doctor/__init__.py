"""Checks a data set, and reports each problem with its cases and its cure."""
