"""From a user's folder to records."""
