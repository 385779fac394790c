"""Replays a dataset: topology first, then telemetry at simulated arrival times, with ticks in between."""
