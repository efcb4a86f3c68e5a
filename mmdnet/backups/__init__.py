"""Backups of a lab: made while people label, verified by restoring each, and put back."""
