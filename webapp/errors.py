"""Every error as an answer people and programs can use: never a trace, always a correlation id."""

from __future__ import annotations

import logging
from typing import ClassVar

from flask import Flask, Response, g, render_template, request
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from engine.errors import BadData, NotFound, Refusal, TemporarilyUnavailable, TooLarge
from models.base import new_id
from models.queries.page import BadCursor
from webapp.auth.identity import PROGRAM_PATHS
from webapp.problems import add_retry, answer_problem, correlation_id

log = logging.getLogger(__name__)

#: Classes of PostgreSQL's states that pass: connection lost, came second, too many connections or
#: no room, a lock not to be had, shutting down.
PASSING_STATES = frozenset({"08", "40", "53", "55", "57"})


class Defect(Refusal):
    """Something went wrong on our side; nothing was changed. Name the correlation id to support."""

    code = "internal-error"
    status = 500


class HttpRefusal(Refusal):
    """What the HTTP layer itself refuses: an unknown address, a method that is not allowed."""

    CODES: ClassVar[dict[int, str]] = {404: "not-found", 405: "method-not-allowed"}

    def __init__(self, error: HTTPException):
        """Take the exception of the HTTP layer."""
        super().__init__(error.description)
        self.status = error.code or 500  # type: ignore[misc]  # As the HTTP layer says.
        self.code = self.CODES.get(self.status, "http-error")  # type: ignore[misc]  # Likewise.


def install_errors(app: Flask) -> None:
    """Answer refusals, HTTP errors and defects: problem+json below /api, pages elsewhere."""
    app.before_request(_number_request)
    app.after_request(_show_number)
    app.register_error_handler(Refusal, answer_refusal)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(DBAPIError, _answer_database_error)
    app.register_error_handler(PoolTimeout, _answer_no_connection_left)
    app.register_error_handler(BadCursor, _answer_bad_cursor)
    app.register_error_handler(Exception, _answer_defect)


def answer_refusal(refusal: Refusal) -> BaseResponse:
    """Give the answer to a refusal, as the client reads it."""
    if is_for_programs():
        return answer_problem(refusal)
    page = render_template("errors/refusal.html", refusal=refusal, correlation_id=correlation_id())
    return add_retry(Response(page, status=refusal.status, content_type="text/html"), refusal)


def _answer_bad_cursor(error: BadCursor) -> BaseResponse:
    refusal = BadData("bad-parameter", "This page of the list does not exist.", field="after")
    return answer_refusal(refusal)


def is_for_programs() -> bool:
    """Tell whether the present request is one of the API."""
    return request.path.startswith(PROGRAM_PATHS)


def _number_request() -> None:
    g.correlation_id = new_id()


def _show_number(response: Response) -> Response:
    if correlation_id():
        response.headers["X-Correlation-Id"] = correlation_id()
    return response


def _answer_http_error(error: HTTPException) -> BaseResponse:
    if error.code is not None and error.code < 400:
        return error.get_response()
    if isinstance(error, RequestEntityTooLarge):
        return answer_refusal(TooLarge())
    if error.code == 404:
        return answer_refusal(NotFound("There is nothing at this address."))
    response = answer_refusal(HttpRefusal(error))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _answer_database_error(error: DBAPIError) -> BaseResponse:
    log.error("database error %s", correlation_id(), exc_info=error)
    passes = error.connection_invalidated or _is_unreachable(error) or _is_held_up(error)
    return answer_refusal(TemporarilyUnavailable(retry_after_seconds=5) if passes else Defect())


def _answer_no_connection_left(error: PoolTimeout) -> BaseResponse:
    log.error("no connection left for %s: %s", correlation_id(), error)
    return answer_refusal(TemporarilyUnavailable(retry_after_seconds=5))


def _is_unreachable(error: DBAPIError) -> bool:
    """Tell whether no PostgreSQL answered; what one says comes with a state."""
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", "") is None


def _is_held_up(error: DBAPIError) -> bool:
    """Tell whether the database will not do now what it may do later."""
    said, state = str(error.orig), getattr(error.orig, "sqlstate", None) or ""
    return "readonly" in said or "locked" in said or state[:2] in PASSING_STATES


def _answer_defect(error: Exception) -> BaseResponse:
    log.error("defect %s at %s", correlation_id(), request.path, exc_info=error)
    return answer_refusal(Defect())
