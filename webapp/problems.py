"""How a refusal looks on the wire: problem+json (RFC 9457) with code, field and correlation id."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Response, g

from engine.errors import InvalidInput, Refusal

PROBLEM_TYPE = "application/problem+json"
_OWN = frozenset({"type", "title", "status", "detail", "code", "field", "fields", "correlation_id"})


def describe_problem(refusal: Refusal) -> dict[str, Any]:
    """Give the members of the problem document of a refusal; its machine detail is among them."""
    problem: dict[str, Any] = {
        "type": f"urn:assent:problem:{refusal.code}",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.message,
        "code": refusal.code,
        "correlation_id": correlation_id(),
    }
    if refusal.field is not None:
        problem["field"] = refusal.field
    if isinstance(refusal, InvalidInput) and refusal.fields:
        problem["fields"] = refusal.fields
    problem.update({k: v for k, v in refusal.detail.items() if k not in _OWN and v is not None})
    return problem


def answer_problem(refusal: Refusal) -> Response:
    """Give the response of a refusal to an API client."""
    body = json.dumps(describe_problem(refusal), ensure_ascii=False, default=str)
    response = Response(body, status=refusal.status, content_type=PROBLEM_TYPE)
    return add_retry(response, refusal)


def add_retry(response: Response, refusal: Refusal) -> Response:
    """Say when to try again, where the refusal knows; say how to sign in, where that is missing."""
    if "retry_after_seconds" in refusal.detail:
        response.headers["Retry-After"] = str(refusal.detail["retry_after_seconds"])
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="assent"'
    return response


def correlation_id() -> str:
    """Give the id of the present request, as it is in the log and in the answer."""
    return str(g.get("correlation_id", ""))
