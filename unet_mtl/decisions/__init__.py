"""Thresholds, temperatures and clean-up, by which outputs become answers; chosen on validation cases."""
