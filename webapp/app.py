"""The Flask application: what it is made of, in the order requests meet it."""

from __future__ import annotations

from flask import Flask

from engine.clock import Clock
from webapp.api import register_api
from webapp.auth.identity import install_guard, install_identity
from webapp.auth.views import blueprint as auth
from webapp.config import Settings, load_secret_key
from webapp.errors import install_errors
from webapp.health import install_health
from webapp.page_context import install_page_context
from webapp.page_filters import install_page_filters
from webapp.pages import register_pages
from webapp.security import install_security
from webapp.services import attach_services, open_services


def create_app(settings: Settings, clock: Clock | None = None) -> Flask:
    """Make the application of an installation; the database must have its tables already."""
    app = Flask("webapp", static_folder="static", template_folder="templates")
    app.config.update(
        SECRET_KEY=load_secret_key(settings),
        MAX_CONTENT_LENGTH=settings.body_limit_bytes,
        MAX_FORM_MEMORY_SIZE=settings.body_limit_bytes,
        SESSION_COOKIE_NAME="assent_flash",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Answers keep the order of the schema.
    here = open_services(settings, clock)
    attach_services(app, here)
    install_errors(app)
    install_identity(app)
    install_security(app)
    install_guard(app)
    install_page_context(app)
    install_page_filters(app)
    app.register_blueprint(auth)
    install_health(app, here)
    register_api(app)
    register_pages(app)
    return app
