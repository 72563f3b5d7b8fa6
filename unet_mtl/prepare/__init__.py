"""Everything before the first training: draft a description, check data, repair files, import and export data sets."""
