"""Slides come in: folders looked into, files recognised, registered and surveyed, uploads and sets of graded tiles."""
