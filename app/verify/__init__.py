"""Compares what was published with a dataset's truth, row by row, by ==."""
