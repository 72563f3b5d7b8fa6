"""Prediction with a trained run: an engine computes, a `Predictor` streams one `CaseResult` per case."""
