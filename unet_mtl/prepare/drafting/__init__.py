"""Drafts dataset.yaml and config.yaml from the files, names and tables in a folder."""
