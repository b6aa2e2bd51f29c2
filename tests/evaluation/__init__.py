"""Measures recognition through the whole mesh; run by `make eval` and `make eval-scale`."""
