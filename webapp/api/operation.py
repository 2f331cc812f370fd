"""Operations of the API: one declaration checks the request, describes it and routes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, current_app, request
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from werkzeug.wrappers import Response as BaseResponse

from engine.errors import BadParameter, InvalidInput
from models.queries.page import DEFAULT_LIMIT, MAXIMUM_LIMIT, BadCursor
from webapp.api.schema import FORMATS, Schema, page_of, text
from webapp.auth.identity import public, require_scope
from webapp.services import services
from webapp.strict_json import read_json_body

Function = Callable[..., Any]

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

_PAGE_QUERY: dict[str, Schema] = {
    "after": text("Where the page starts: the `next` of the page before.", maximum=1000),
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAXIMUM_LIMIT,
        "default": DEFAULT_LIMIT,
        "description": "How many items the page has at most.",
    },
}


@dataclass(frozen=True)
class Answer:
    """What an operation answers; `etag` names this state of the thing."""

    body: Any
    status: int = 200
    location: str | None = None
    etag: str | None = None
    #: Members that are sent once and never kept with an Idempotency-Key.
    withheld: tuple[str, ...] = ()
    #: The instance that has the large values of the member `data` on record: with an
    #: Idempotency-Key only references to them are kept.
    values_of: str | None = None
    #: When to ask again, for who found nothing.
    retry_after_seconds: int | None = None


@dataclass(frozen=True)
class Operation:
    """What an operation takes and gives; read by the router and by the description alike."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    tag: str
    #: The scope a token needs; nothing for what everybody may ask.
    scope: str | None
    answers: dict[int, Schema | str]
    query: dict[str, Schema] = field(default_factory=dict)
    request: Schema | None = None
    #: The media types of a body that is not JSON.
    request_types: tuple[str, ...] = ()
    #: Whether the thing has an ETag, and an If-Match is heeded.
    versioned: bool = False
    #: Whether a change can be asked for again under the same Idempotency-Key.
    keyed: bool = True

    @property
    def changes(self) -> bool:
        """Tell whether the operation changes something."""
        return self.method != "GET"


def operation(
    method: str,
    path: str,
    *,
    tag: str,
    answers: dict[int, Schema | str],
    scope: str | None = None,
    query: dict[str, Schema] | None = None,
    paged: bool = False,
    request: Schema | None = None,
    request_types: tuple[str, ...] = (),
    versioned: bool = False,
    keyed: bool = True,
    is_public: bool = False,
) -> Callable[[Function], Function]:
    """Declare a function as the operation at a path; its docstring describes it to clients.

    The function is given the variables of the path by name, `query` with the checked parameters
    where there are any, and `body` with the checked JSON where a request is declared. `scope` is
    `read` for GET and `write` for the rest unless it is named. Answers map a status to a schema,
    or to a media type for what is not JSON.
    """

    def declare(function: Function) -> Function:
        summary, _, description = (function.__doc__ or "").strip().partition("\n")
        declared = Operation(
            name=function.__name__,
            method=method,
            path=path,
            summary=summary.rstrip("."),
            description=" ".join(description.split()),
            tag=tag,
            scope=None if is_public else scope or ("read" if method == "GET" else "write"),
            answers={s: _page(a) if paged else a for s, a in answers.items()},
            query={**(query or {}), **(_PAGE_QUERY if paged else {})},
            request=request,
            request_types=request_types,
            versioned=versioned,
            keyed=keyed,
        )
        view = _make_view(function, declared)
        view.operation = declared  # type: ignore[attr-defined]  # Functions take attributes.
        blueprint.add_url_rule(
            path, declared.name, public(view) if is_public else view, methods=[method]
        )
        return function

    return declare


def _page(answer: Schema | str) -> Schema | str:
    return answer if isinstance(answer, str) else page_of(answer)


def _make_view(function: Function, declared: Operation) -> Function:
    # Made once: a validator walks its schema when it is made, not when it is used.
    of_query = {name: _make_validator(schema) for name, schema in declared.query.items()}
    of_body = _make_validator(declared.request or {})

    def view(**arguments: Any) -> BaseResponse:
        if declared.scope is not None:
            require_scope(declared.scope)
        query = _read_query(declared, of_query)
        if declared.query:
            arguments["query"] = query
        if declared.request is not None:
            arguments["body"] = _read_body(of_body)
        try:
            answer = function(**arguments)
        except BadCursor as wrong:
            raise BadParameter(str(wrong), field="after") from wrong
        return answer if isinstance(answer, BaseResponse) else _respond(declared, answer)

    return view


def _make_validator(schema: Schema) -> Validator:
    return Draft202012Validator(schema, format_checker=FORMATS)


def _read_query(declared: Operation, validators: dict[str, Validator]) -> dict[str, Any]:
    unknown = sorted(set(request.args) - set(declared.query))
    if unknown:
        raise BadParameter(
            f"There is no parameter {unknown[0][:80]!r} here.", field=unknown[0][:80]
        )
    read: dict[str, Any] = {}
    for name, schema in declared.query.items():
        given = request.args.getlist(name)
        if len(given) > 1:
            raise BadParameter("Give this parameter once.", field=name)
        read[name] = (
            _read_parameter(name, given[0], schema, validators[name])
            if given
            else schema.get("default")
        )
    return read


def _read_parameter(name: str, given: str, schema: Schema, validator: Validator) -> Any:
    value: Any = given
    if schema["type"] == "integer":
        value = int(given) if given.lstrip("-").isdecimal() and len(given) < 18 else given
    elif schema["type"] == "boolean":
        value = {"true": True, "false": False}.get(given, given)
    elif schema["type"] == "array":
        value = [part for part in given.split(",") if part]
    problem = next(validator.iter_errors(value), None)
    if problem is not None or "\x00" in given:
        raise BadParameter(
            f"{given[:80]!r} cannot be the parameter {name}.", field=name, expected=schema
        )
    return value


def _read_body(validator: Validator) -> Any:
    body = read_json_body(request, services().settings.json_limit_bytes)
    problems: dict[str, str] = {}
    for error in validator.iter_errors(body):
        path = ".".join(str(part) for part in error.absolute_path)
        for field_name, message in _say(error, path):
            problems.setdefault(field_name, message)
    if problems:
        raise InvalidInput("The body is not what this operation takes.", fields=problems)
    return body


def _say(error: Any, path: str) -> list[tuple[str, str]]:
    prefix = f"{path}." if path else ""
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return [(prefix + name, "This is required.") for name in missing]
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        return [(prefix + n, "There is no such field.") for n in error.instance if n not in known]
    if error.validator == "anyOf":
        # The one alternative is null; what is wrong is what the other says.
        inner = next(each for each in error.context if each.schema_path[0] == 0)
        return _say(inner, ".".join(str(part) for part in inner.absolute_path))
    if error.validator == "enum":
        options = ", ".join(str(o) for o in error.validator_value if o is not None)
        return [(path or "body", f"Choose one of: {options}.")]
    return [(path or "body", _word(error.validator, error.validator_value))]


_KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object with named fields",
    "null": "null",
}
_FORMAT_WORDS = {
    "date": "Enter a date, like 2027-01-18.",
    "date-time": "Enter a time with its offset, like 2027-01-18T22:00:00Z.",
}


def _word(rule: str, limit: Any) -> str:
    """Say a broken rule of a schema in words, for people who do not know JSON Schema."""
    if rule == "type":
        kinds = [limit] if isinstance(limit, str) else limit
        return f"This must be {' or '.join(_KINDS[kind] for kind in kinds)}."
    if rule == "format":
        return _FORMAT_WORDS.get(limit, "This is not written as it must be.")
    if rule == "minLength" and limit == 1:
        return "This may not be empty."
    sentences = {
        "minLength": "Enter at least {} characters.",
        "maxLength": "Enter at most {} characters.",
        "minimum": "This must be {} or more.",
        "maximum": "This must be {} or less.",
        "exclusiveMinimum": "This must be more than {}.",
        "minItems": "Give at least {}.",
        "maxItems": "Give at most {}.",
        "maxProperties": "Give at most {} fields.",
        "uniqueItems": "Give each only once.",
        "const": "This must be {}.",
    }
    shown = f"{limit:,}" if isinstance(limit, int) and not isinstance(limit, bool) else limit
    return sentences.get(rule, "This is not what is asked for here.").format(shown)


def _respond(declared: Operation, answer: Answer) -> Response:
    if current_app.testing:
        _require_as_declared(declared, answer)
    body = json.dumps(answer.body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    response = Response(body, status=answer.status, content_type="application/json")
    if answer.location is not None:
        response.headers["Location"] = answer.location
    if answer.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(answer.retry_after_seconds)
    if answer.etag is not None:
        response.set_etag(answer.etag)
        if request.method == "GET":
            response.make_conditional(request)
    return response


def _require_as_declared(declared: Operation, answer: Answer) -> None:
    """Fail the test in which an operation answers otherwise than it says."""
    schema = declared.answers.get(answer.status)
    if not isinstance(schema, dict):
        raise AssertionError(f"{declared.name} does not declare the status {answer.status}")
    _make_validator(schema).validate(answer.body)
