"""Reports: what is said of a scored slide, what it rests on, and who signed it."""
