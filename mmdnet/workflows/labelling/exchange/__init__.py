"""Labels out to files and in again: tables, JSON lines, and what QuPath reads and writes."""
