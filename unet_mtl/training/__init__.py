"""The training of one network on several tasks."""
