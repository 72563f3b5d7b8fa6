"""Results -> matplotlib axes. Nothing here sees a model; matplotlib is imported inside."""
