"""What every answer forbids the browser, and how a request proves to come from our own pages."""

from __future__ import annotations

import hmac

from flask import Flask, Response, request

from engine.errors import CsrfRefused
from webapp.auth.identity import current_credentials, is_public

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_FIELD = "csrf_token"
CSRF_HEADER = "X-CSRF-Token"

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def install_security(app: Flask) -> None:
    """Check unsafe requests before they are answered, and add the headers to every answer."""
    app.before_request(refuse_forgery)
    app.after_request(add_headers)


def refuse_forgery() -> None:
    """Raise CsrfRefused for a request that changes something and did not come from our page.

    A bearer token is never sent by a browser on its own, so requests with one are not checked.
    """
    if request.method in SAFE_METHODS or request.endpoint is None:
        return
    if is_public(request.endpoint):
        _require_same_origin()
        return
    credentials = current_credentials()
    if credentials is not None and credentials.csrf_token is not None:
        _require_same_origin()
        given = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD) or ""
        if not hmac.compare_digest(given.encode(), credentials.csrf_token.encode()):
            raise CsrfRefused


def add_headers(response: Response) -> Response:
    """Add the security headers; a page that needs a looser policy has set its own already."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
    return response


def _require_same_origin() -> None:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise CsrfRefused
    origin = request.headers.get("Origin")
    if origin is not None and origin != request.host_url.rstrip("/"):
        raise CsrfRefused
