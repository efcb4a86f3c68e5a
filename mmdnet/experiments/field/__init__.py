"""The field side by side: every method trained on the same features, bags and folds, and judged by the same measures.

The way: `plan` (what is asked) -> `data` (features, once) -> `bags` (who trains and who is tested) -> `learning` (all
methods at once) -> `result` (one file a cell) -> `comparison` (figures over cells) -> `files` (CSV, Markdown, LaTeX).
"""
