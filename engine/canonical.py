"""The canonical form of process data: what may enter an instance from a form, message or worker."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from engine.errors import BadData
from engine.texts import find_unreadable

MAXIMUM_DEPTH = 16
MAXIMUM_KEYS = 2_000
MAXIMUM_BYTES = 256 * 1024
MAXIMUM_INTEGER = 2**53
MAXIMUM_NAME = 64

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")

RESERVED_NAMES = frozenset(
    {"self", "typename", "data_objects"}
    | {"true", "false", "null", "if", "then", "else", "for", "in", "return", "some", "every"}
    | {"satisfies", "and", "or", "between", "instance", "of", "function", "external"}
)
"""Names that FEEL reads as words of its own, or that mean something to the engine beneath."""


def require_canonical(data: Any) -> dict[str, Any]:
    """Return `data` if it is a canonical JSON object, else raise `BadData` naming rule and path.

    Canonical is: an object of depth ≤ 16 with ≤ 2,000 keys in all and ≤ 256 KiB of JSON; finite
    numbers, whole ones below 2^53; no NUL and no lone surrogate in text; variable names that
    match `[A-Za-z][A-Za-z0-9_]{0,63}` and are not reserved. Codes: bad-json, bad-number,
    bad-character, reserved-name, too-deep, too-many-keys, too-large.
    """
    if not isinstance(data, dict):
        raise BadData("bad-json", "The variables must be a JSON object.")
    for name in data:
        _require_name(name)
    keys, size = _measure(data)
    if keys > MAXIMUM_KEYS:
        raise _too_large("too-many-keys", f"There are {keys:,} keys; the limit is 2,000.")
    if size > MAXIMUM_BYTES:
        raise _too_large("too-large", f"The variables take {size:,} bytes; the limit is 262,144.")
    return data


def read_json(body: bytes) -> Any:
    """Read strict JSON: UTF-8, no duplicate keys, no NaN or Infinity, bounded depth and numbers.

    Raises `BadData` with bad-json, bad-number, duplicate-key or too-deep.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadData(
            "bad-json", f"Byte {error.start} is not valid UTF-8.", offset=error.start
        ) from None
    try:
        return json.loads(
            text,
            object_pairs_hook=_read_object,
            parse_constant=_refuse_constant,
            parse_int=_read_integer,
            parse_float=_read_float,
        )
    except RecursionError:
        raise BadData("too-deep", "The JSON is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise BadData(
            "bad-json", f"Not JSON at offset {error.pos}: {error.msg}.", offset=error.pos
        ) from None


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadData("duplicate-key", f"The key {key!r} is given twice.", field=key)
        found[key] = value
    return found


def _refuse_constant(text: str) -> None:
    raise BadData("bad-number", f"{text} is not a JSON number.")


def _read_integer(text: str) -> int:
    if len(text) > 17:
        raise BadData("bad-number", "A whole number has too many digits.")
    return int(text)


def _read_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadData("bad-number", f"{text[:20]} is too large.")
    return number


def _too_large(code: str, message: str) -> BadData:
    error = BadData(code, message)
    error.status = 413  # type: ignore[misc]  # Too much of it, rather than wrong.
    return error


def _require_name(name: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadData(
            "reserved-name",
            f"{str(name)[:80]!r} is not a variable name: a letter, then up to 63 letters, digits "
            "or underscores.",
            field=str(name)[:80],
        )
    if name in RESERVED_NAMES:
        raise BadData("reserved-name", f"The name {name!r} is reserved.", field=name)


def _measure(data: dict[str, Any]) -> tuple[int, int]:
    """Walk the data without recursion, since its depth is what is not trusted yet."""
    keys = size = 0
    stack: list[tuple[Any, str, int]] = [(data, "", 1)]
    while stack:
        value, path, depth = stack.pop()
        if isinstance(value, dict | list):
            if depth > MAXIMUM_DEPTH:
                raise BadData("too-deep", f"{path} is nested deeper than 16 levels.", field=path)
            children = _children(value, path)
            keys += len(children) if isinstance(value, dict) else 0
            size += 2 + len(children)
            if keys > MAXIMUM_KEYS or size > MAXIMUM_BYTES:
                return keys, size
            for child, child_path, key_size in children:
                size += key_size
                stack.append((child, child_path, depth + 1))
        else:
            size += _measure_scalar(value, path)
    return keys, size


def _children(value: dict[Any, Any] | list[Any], path: str) -> list[tuple[Any, str, int]]:
    if isinstance(value, list):
        return [(item, f"{path}[{index}]", 0) for index, item in enumerate(value)]
    found = []
    for key, item in value.items():
        if not isinstance(key, str) or not key:
            raise BadData("reserved-name", f"{path} has a key that is not a name.", field=path)
        child_path = f"{path}.{key}" if path else key
        found.append((item, child_path, _measure_scalar(key, path) + 1))
    return found


def _measure_scalar(value: Any, path: str) -> int:
    if isinstance(value, str):
        if said := find_unreadable(value):
            raise BadData("bad-character", f"{path}: {said}", field=path)
        return len(value.encode()) + 2
    if value is None or isinstance(value, bool):
        return 5
    if isinstance(value, int):
        if abs(value) >= MAXIMUM_INTEGER:
            raise BadData("bad-number", f"{path} is a whole number beyond 2^53.", field=path)
        return 8
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadData("bad-number", f"{path} is not a finite number.", field=path)
        return 8
    kind = type(value).__name__
    raise BadData("bad-json", f"{path} is not a JSON value but {kind}.", field=path)
