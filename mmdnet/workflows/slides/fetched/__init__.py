"""Slides that lie on a server: fetched into the lab, kept there within a size, and found again by what they hold."""
