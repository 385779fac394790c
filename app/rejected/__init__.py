"""Rejected telemetry: found, shown, and once what was wrong is mended, replayed; no more than once."""
