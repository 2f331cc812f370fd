"""Large values by reference: a value that is handed in again and again is kept once, by digest.

A reference is `{"$value": "sha256:<hex of the canonical JSON>"}`. Whatever of a user's own looks
like one is taken out itself, so that a reference in slim data is always one of ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.row_values import write_canonical

#: A value whose canonical JSON is longer than so many bytes is kept by reference.
LARGE = 2_048
REFERENCE = "$value"
PREFIX = "sha256:"
_WRITTEN_REFERENCE = b'"$value"'
#: No character takes more bytes in JSON, so that the length of a text tells that it is small.
_MOST_BYTES_A_CHARACTER = 6

Data = dict[str, Any]
Values = Mapping[str, bytes]
"""A value as JSON, its members in their own order, by the SHA-256 (hex) of its canonical JSON."""


def may_hold_large(written: bytes) -> bool:
    """Tell whether there may be something to take out of what is written as this JSON."""
    return len(written) > LARGE or _WRITTEN_REFERENCE in written


def take_out(data: Data) -> tuple[Data, dict[str, bytes]]:
    """Give data with references in place of its large members, and what they refer to.

    The same data is given back where there is nothing to take out.
    """
    taken = TakenOut()
    return taken.of(data), taken.values


def take_out_nested(detail: Data) -> tuple[Data, dict[str, bytes]]:
    """Do what `take_out` does, and for members that are objects with the members of those."""
    taken = TakenOut()
    return taken.of_nested(detail), taken.values


class TakenOut:
    """What is taken out of data that is kept together; whatever they share is written once."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.values: dict[str, bytes] = {}
        #: By identity: a value, which must live as long as this, and what stands in its place.
        self._known: dict[int, tuple[Any, Any]] = {}

    def of(self, data: Data) -> Data:
        """Give data with references in place of its large members."""
        slim = {name: self._refer_to(value) for name, value in data.items()}
        return slim if any(slim[name] is not data[name] for name in data) else data

    def of_nested(self, detail: Data) -> Data:
        """Give a detail so, and its members that are objects."""
        slim = {
            name: self.of(value) if _is_plain_object(value) else self._refer_to(value)
            for name, value in detail.items()
        }
        return slim if any(slim[name] is not detail[name] for name in detail) else detail

    def _refer_to(self, value: Any) -> Any:
        if not isinstance(value, str | dict | list):
            return value
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = (value, self._write(value))
        return known[1]

    def _write(self, value: str | dict[str, Any] | list[Any]) -> Any:
        """Give a reference where a value is large or looks like one, else the value itself."""
        if isinstance(value, str) and len(value) * _MOST_BYTES_A_CHARACTER <= LARGE - 2:
            return value
        written = write_canonical(value)
        is_like_ours = isinstance(value, dict) and REFERENCE in value
        if not is_like_ours and len(written) <= LARGE:
            return value
        digest = digest_written(written)
        self.values[digest] = _write_in_order(value)
        return {REFERENCE: PREFIX + digest}


def put_back(slim: Data, values: Mapping[str, Any]) -> Data:
    """Give the data that `take_out` made slim; a reference without its value stays."""
    return {name: values.get(_read_reference(value), value) for name, value in slim.items()}


def put_back_nested(slim: Data, values: Mapping[str, Any]) -> Data:
    """Give the detail that `take_out_nested` made slim; a reference without its value stays."""
    whole = put_back(slim, values)
    # What has just been put back is a value to its depth, whatever it holds.
    return {
        name: put_back(value, values) if _is_plain_object(value) and value is slim[name] else value
        for name, value in whole.items()
    }


def list_references(slim: Data) -> set[str]:
    """Give the digests that slim data refers to."""
    return {digest for value in slim.values() if (digest := _read_reference(value))}


def list_nested_references(slim: Data) -> set[str]:
    """Give the digests that a slim detail refers to."""
    inner = (list_references(value) for value in slim.values() if _is_plain_object(value))
    return list_references(slim).union(*inner)


def _write_in_order(value: Any) -> bytes:
    """Give compact JSON that keeps the order of members, which FEEL can see."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def digest_written(written: bytes) -> str:
    """Give the digest (SHA-256, hex) of a value as canonical JSON."""
    return hashlib.sha256(written).hexdigest()


@dataclass
class ValueShelf:
    """Large values in memory, for instances that no database is behind."""

    _written: dict[str, bytes] = field(default_factory=dict, init=False, repr=False)

    def keep_values(self, values: Values) -> None:
        """Keep the values that an instance refers to now, and none besides."""
        self._written = dict(values)

    def load_values(self, digests: Collection[str]) -> dict[str, Any]:
        """Give values by digest, as far as they are there."""
        return {d: json.loads(self._written[d]) for d in digests if d in self._written}


def _is_plain_object(value: Any) -> bool:
    return isinstance(value, dict) and REFERENCE not in value


def _read_reference(value: Any) -> str:
    """Give the digest of a reference, or nothing for any other value."""
    if not isinstance(value, dict) or len(value) != 1:
        return ""
    written = value.get(REFERENCE)
    if not isinstance(written, str) or not written.startswith(PREFIX):
        return ""
    return written.removeprefix(PREFIX)
