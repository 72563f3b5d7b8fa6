"""Cross-validation: one network for each fold of the patients, measured together on the cases that it never saw."""
