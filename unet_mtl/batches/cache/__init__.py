"""Decoded images and masks, kept in memory or on disk between epochs."""
