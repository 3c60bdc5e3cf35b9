"""From a model and evaluation sets to one row of the score matrix."""
