"""Records -> batches: fixed steps that are saved with the run, and random ones for training."""
