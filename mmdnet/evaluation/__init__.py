"""How right a model is on graded slides: truth and predictions in, one typed result out; no database, no page.

The way: `cases` (what goes in) -> `measures` (one ordinal scale), `endpoints` (yes or no), `breakdown` (by site,
run, ...) -> `evaluate` (all of it, as `result` keeps it) -> `tables` (CSV, Markdown, LaTeX).
`definitions` says what each figure is.
"""
