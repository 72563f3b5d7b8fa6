"""Optimization: optimizers, schedules of the learning rate, the number of steps, and averages of weights."""
