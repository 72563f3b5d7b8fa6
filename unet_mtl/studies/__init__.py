"""Comparisons that need several trainings."""
