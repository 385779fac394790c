"""Datasets: a directory with a topology, telemetry, and the truth of what it adds up to (docs/dataset.md)."""
