"""Strict JSON: one meaning for every body, or a refusal that names the rule and the path.

Flask's own reader takes NaN, 1e400, duplicate keys (the last wins), lone surrogates and UTF-16,
and dies of deep nesting. This one takes UTF-8 JSON as RFC 8259 says and nothing that two readers
could understand differently.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from flask import Request

from engine.errors import BadData, TooLarge, UnsupportedMediaType
from engine.texts import find_unreadable

MAXIMUM_DEPTH = 32
MAXIMUM_KEYS = 2_000
MAXIMUM_INTEGER = 2**53
MAXIMUM_NAME = 64
RESERVED_NAMES = frozenset({"self", "typename", "data_objects"})

_JSON_TYPE = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json")


@dataclass(frozen=True)
class _Refused:
    """Stands in the parsed value where something was refused, until its path is known."""

    code: str
    message: str


def read_json_body(request: Request, limit_bytes: int) -> Any:
    """Give the JSON value of a request; an empty body without a content type is an empty object.

    Raises UnsupportedMediaType (415), TooLarge (413) or BadData (400).
    """
    if not request.content_length and not request.content_type:
        return {}
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if not _JSON_TYPE.fullmatch(request.mimetype) or charset not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType(
            f"The body must be JSON in UTF-8, sent as application/json, not "
            f"{(request.content_type or 'without a type')[:80]}."
        )
    if (request.content_length or 0) > limit_bytes:
        raise _too_large(limit_bytes)
    body = request.get_data(cache=True)
    if len(body) > limit_bytes:
        raise _too_large(limit_bytes)
    return load_json(body)


def load_json(body: bytes) -> Any:
    """Give the value of strict JSON text.

    Raises BadData with bad-json (and offset), bad-number, duplicate-key, too-deep, reserved-name
    or bad-character, each with the path as `field`; TooLarge for more than 2,000 keys.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadData(
            "bad-json", f"Byte {error.start} is not valid UTF-8.", offset=error.start
        ) from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_read_object,
            parse_constant=_refuse_constant,
            parse_int=_read_integer,
            parse_float=_read_float,
        )
    except json.JSONDecodeError as error:
        raise BadData(
            "bad-json", f"Not JSON at offset {error.pos}: {error.msg}.", offset=error.pos
        ) from None
    except RecursionError:
        raise _too_deep("") from None
    _require_strict(value)
    return value


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        twice = key in found
        found[key] = (
            _Refused("duplicate-key", f"The key {key[:80]!r} is given twice.") if twice else value
        )
    return found


def _refuse_constant(text: str) -> _Refused:
    return _Refused("bad-number", f"{text} is not a JSON number.")


def _read_integer(text: str) -> int | _Refused:
    if len(text) > 17 or abs(int(text)) >= MAXIMUM_INTEGER:
        return _Refused("bad-number", f"{text[:20]} is a whole number beyond 2^53.")
    return int(text)


def _read_float(text: str) -> float | _Refused:
    number = float(text)
    if not math.isfinite(number):
        return _Refused("bad-number", f"{text[:20]} is too large for a number.")
    return number


def _require_strict(value: Any) -> None:
    """Walk the value without recursion, since its depth is what is not trusted yet."""
    keys = 0
    stack: list[tuple[Any, str, int]] = [(value, "", 1)]
    while stack:
        item, path, depth = stack.pop()
        if isinstance(item, dict | list):
            if depth > MAXIMUM_DEPTH:
                raise _too_deep(path)
            keys += len(item) if isinstance(item, dict) else 0
            if keys > MAXIMUM_KEYS:
                raise TooLarge(f"The body has more than {MAXIMUM_KEYS:,} keys.")
            stack.extend((child, where, depth + 1) for child, where in _children(item, path))
        else:
            _require_scalar(item, path)


def _children(item: dict[str, Any] | list[Any], path: str) -> list[tuple[Any, str]]:
    if isinstance(item, list):
        return [(child, f"{path}[{position}]") for position, child in enumerate(item)]
    found = []
    for key, child in item.items():
        where = f"{path}.{key}" if path else key
        _require_scalar(key, where)
        if not key or len(key) > MAXIMUM_NAME or key in RESERVED_NAMES or key.startswith("__"):
            raise BadData(
                "reserved-name",
                f"{key[:80]!r} cannot be a name: it is reserved, empty or longer than 64.",
                field=where[:200],
            )
        found.append((child, where))
    return found


def _require_scalar(item: Any, path: str) -> None:
    if isinstance(item, _Refused):
        raise BadData(item.code, item.message, field=path[:200])
    if isinstance(item, str) and (message := find_unreadable(item)):
        shown = path[:200].encode("ascii", "backslashreplace").decode()
        raise BadData("bad-character", message, field=shown)


def _too_deep(path: str) -> BadData:
    return BadData(
        "too-deep", f"The JSON is nested deeper than {MAXIMUM_DEPTH} levels.", field=path[:200]
    )


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"A JSON body may have at most {limit_bytes:,} bytes.", limit_bytes=limit_bytes)
