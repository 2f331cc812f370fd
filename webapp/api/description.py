"""The API described: OpenAPI 3.1 made from the declared operations, and a page to browse it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flask import Response, current_app, jsonify, render_template

from webapp.api.changes import KEY_HEADER, MAXIMUM_KEY
from webapp.api.operation import Operation, operation
from webapp.api.schema import Schema, mapping, record, text, whole
from webapp.auth.tokens import SCOPES
from webapp.problems import PROBLEM_TYPE

TAG = "Description"
PREFIX = "/api/v1"
INTRODUCTION = """\
Change and release governance over HTTP. Send `Authorization: Bearer ast_…`; in a browser the \
session cookie works too, with the header `X-CSRF-Token` for changes.

Errors are `application/problem+json` with a stable `code`, the `field` they are about and a \
`correlation_id`. Every change takes an `Idempotency-Key`: the same request under the same key \
gives the same answer and happens once. What has an `ETag` heeds `If-Match`. Long lists come in \
pages: pass `next` as `after`. Parameters and fields that are not described are refused."""
PROBLEM = record(
    "Problem",
    {
        "type": text(),
        "title": text(),
        "status": whole(),
        "detail": text("What is wrong, for people."),
        "code": text("What is wrong, for programs; it does not change."),
        "field": text("The field or path it is about."),
        "fields": mapping("What is wrong with each field, by name."),
        "correlation_id": text("Name it to support."),
    },
    optional=("field", "fields"),
)
PROBLEM["additionalProperties"] = True


@operation("GET", "/openapi.json", tag=TAG, answers={200: "application/json"}, is_public=True)
def read_openapi() -> Response:
    """Read this description as OpenAPI 3.1."""
    return jsonify(describe_api())


@operation("GET", "/docs", tag=TAG, answers={200: "text/html"}, is_public=True)
def read_docs() -> Response:
    """Browse this description."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for declared in list_operations():
        groups.setdefault(declared.tag, []).append(_describe_for_page(declared))
    page = render_template(
        "api/docs.html",
        introduction=INTRODUCTION.split("\n\n"),
        groups=groups,
        scopes=SCOPES,
        prefix=PREFIX,
    )
    return Response(page, content_type="text/html; charset=utf-8")


def list_operations() -> list[Operation]:
    """Give every operation of the application, in the order they were declared."""
    found = (
        getattr(current_app.view_functions[rule.endpoint], "operation", None)
        for rule in current_app.url_map.iter_rules()
    )
    return [declared for declared in found if isinstance(declared, Operation)]


def describe_api() -> dict[str, Any]:
    """Give the OpenAPI 3.1 document of every operation there is."""
    components: dict[str, Schema] = {}
    paths: dict[str, dict[str, Any]] = {}
    for declared in list_operations():
        path = PREFIX + _path_template(declared.path)
        paths.setdefault(path, {})[declared.method.lower()] = _describe(declared, components)
    problem = _refer(PROBLEM, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Assent", "version": "1", "description": INTRODUCTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {
                "Problem": {
                    "description": "Refused, with the reason.",
                    "content": {PROBLEM_TYPE: {"schema": problem}},
                }
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "assent_session"},
            },
        },
    }


def _describe(declared: Operation, components: dict[str, Schema]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": declared.name,
        "tags": [declared.tag],
        "summary": declared.summary,
        "parameters": list(_list_parameters(declared)),
        "responses": {
            str(status): _describe_answer(status, answer, declared, components)
            for status, answer in declared.answers.items()
        },
        "security": [],
    }
    described["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
    if declared.description:
        described["description"] = declared.description
    if declared.scope is not None:
        described["security"] = [{"token": [declared.scope]}, {"session": []}]
    content = _describe_body(declared, components)
    if content:
        described["requestBody"] = {"required": True, "content": content}
    return described


def _describe_body(declared: Operation, components: dict[str, Schema]) -> dict[str, Any]:
    if declared.request is not None:
        return {"application/json": {"schema": _refer(declared.request, components)}}
    return {
        media_type: {"schema": {"type": "object"} if media_type.startswith("multipart/") else {}}
        for media_type in declared.request_types
    }


def _describe_answer(
    status: int, answer: Schema | str, declared: Operation, components: dict[str, Schema]
) -> dict[str, Any]:
    described: dict[str, Any] = {"description": "Done." if declared.changes else "Found."}
    if status == 202:
        described["description"] = "Taken; it will be done later."
    if isinstance(answer, str):
        described["content"] = {answer: {}}
    else:
        described["content"] = {"application/json": {"schema": _refer(answer, components)}}
    if declared.versioned:
        described["headers"] = {
            "ETag": {"description": "Names this state.", "schema": {"type": "string"}}
        }
    return described


def _list_parameters(declared: Operation) -> Iterator[dict[str, Any]]:
    for kind, name in re.findall(r"<(?:(\w+):)?(\w+)>", declared.path):
        schema = {"type": "integer"} if kind == "int" else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    for name, schema in declared.query.items():
        bare = {key: value for key, value in schema.items() if key != "description"}
        parameter: dict[str, Any] = {"name": name, "in": "query", "schema": bare}
        if "description" in schema:
            parameter["description"] = schema["description"]
        if bare["type"] == "array":
            parameter.update(style="form", explode=False)
        yield parameter
    if declared.changes and declared.keyed:
        yield {
            "name": KEY_HEADER,
            "in": "header",
            "description": "The same request under the same key happens once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": MAXIMUM_KEY},
        }
    if declared.changes and declared.versioned:
        yield {
            "name": "If-Match",
            "in": "header",
            "description": "The ETag you read; 412 when it was changed since.",
            "schema": {"type": "string"},
        }


def _refer(schema: Any, components: dict[str, Schema]) -> Any:
    """Give a schema with every named object in it replaced by a reference to the components."""
    if isinstance(schema, list):
        return [_refer(item, components) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _refer(value, components) for key, value in schema.items()}
    name = schema.get("title")
    if not isinstance(name, str) or schema.get("type") != "object":
        return found
    components[name] = found
    return {"$ref": f"#/components/schemas/{name}"}


def _path_template(path: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def _describe_for_page(declared: Operation) -> dict[str, Any]:
    return {
        "name": declared.name,
        "method": declared.method,
        "path": PREFIX + _path_template(declared.path),
        "summary": declared.summary,
        "description": declared.description,
        "scope": declared.scope,
        "parameters": list(_list_parameters(declared)),
        "body": list(_list_members(declared.request)) if declared.request else [],
        "body_types": declared.request_types,
        "answers": [
            {
                "status": status,
                "type": answer if isinstance(answer, str) else answer["title"],
                "members": [] if isinstance(answer, str) else list(_list_members(answer)),
            }
            for status, answer in declared.answers.items()
        ],
    }


def _list_members(schema: Schema) -> Iterator[dict[str, Any]]:
    items = schema["properties"].get("items", {}).get("items")
    shown = items if isinstance(items, dict) and "properties" in items else schema
    for name, member in shown["properties"].items():
        yield {
            "name": name,
            "type": _say_type(member),
            "required": name in shown["required"],
            "description": member.get("description", ""),
        }


def _say_type(schema: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(_say_type(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_say_type(schema['items'])}"
    named = schema.get("title") or schema.get("format") or schema.get("type") or "anything"
    return " or ".join(named) if isinstance(named, list) else str(named)
