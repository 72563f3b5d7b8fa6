"""What is in a data set and what is wrong with it: found, said with its cure, and mended in a copy."""
