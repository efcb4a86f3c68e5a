"""Fitting what a model's card says of reading its counts: thresholds, scales, residuals."""
