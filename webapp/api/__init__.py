"""The JSON API under /api/v1, one module a resource."""

from __future__ import annotations

from flask import Flask


def register_api(app: Flask) -> None:
    """Add the API to the application."""
