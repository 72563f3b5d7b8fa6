"""Looks at a folder, guesses what its files and columns mean, and drafts dataset.yaml and config.yaml."""
