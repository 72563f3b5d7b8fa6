"""Evaluation of a run on labelled cases: tables with intervals, and pictures."""
