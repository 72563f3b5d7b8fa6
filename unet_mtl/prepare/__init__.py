"""Before the first training: draft a description, check it, repair files, import and export data sets."""
