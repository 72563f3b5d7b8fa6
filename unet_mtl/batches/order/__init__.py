"""The order in which an epoch visits its cases."""
