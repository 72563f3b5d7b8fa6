"""Read the files and tables of a user's data set."""
