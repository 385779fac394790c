"""Faust's parts know their application; here they know that it is one of batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.batch.application import BatchApp


def batch_app(part: Any) -> BatchApp:
    """Return the application of a consumer or producer."""
    app: BatchApp = part.app
    return app
