"""A trained run against labelled cases: tables, intervals, pictures."""
