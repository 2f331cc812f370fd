"""HTML pages, one module a noun; each module with a `blueprint` is part of the site."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from flask import Blueprint, Flask


def register_pages(app: Flask) -> None:
    """Add the pages of every module of this room to the site, in alphabetical order."""
    for found in pkgutil.iter_modules(__path__):
        blueprint = getattr(import_module(f"{__name__}.{found.name}"), "blueprint", None)
        if isinstance(blueprint, Blueprint):
            app.register_blueprint(blueprint)
