"""Large values kept apart: each has its digest, each reference its value, and none is garbage."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.crash.reader import Reader

REFERENCE = re.compile(r'"\$value":"sha256:([0-9a-f]{64})"')
TEXTS = {
    "the variables": "SELECT id AS owner, variables AS kept FROM instance",
    "a task": "SELECT instance_id AS owner, data AS kept FROM user_task",
    "the record": "SELECT chain_id AS owner, detail AS kept FROM audit_event",
}
STATES = "SELECT id AS owner, snapshot FROM instance"
VALUES = "SELECT instance_id AS owner, digest, is_on_record, value FROM instance_value"


def read_values(reader: Reader) -> dict[tuple[str, str], bytes]:
    """Give every large value as JSON by its instance and digest."""
    return {
        (row["owner"], row["digest"]): _unpack(bytes(row["value"])) for row in reader.rows(VALUES)
    }


def put_back(detail: dict[str, Any], owner: str, values: dict[tuple[str, str], bytes]) -> Any:
    """Give the detail of an event with its large members in their place."""
    whole = {}
    for name, value in detail.items():
        found = REFERENCE.search(json.dumps(value, separators=(",", ":")))
        is_reference = isinstance(value, dict) and len(value) == 1 and found is not None
        whole[name] = json.loads(values[owner, found[1]]) if is_reference and found else value
    return whole


def find_value_problems(reader: Reader) -> Iterator[str]:
    """Give a sentence for each value that is lost, has other bytes, or that nothing refers to."""
    values = read_values(reader)
    for (owner, digest), written in values.items():
        if _digest(written) != digest:
            yield f"the value {digest} of {owner} is another one"
    referred = _find_references(reader)
    for owner, digests in referred.items():
        for digest, where in digests.items():
            if (owner, digest) not in values:
                yield f"{where} of {owner} refers to {digest}, which is not there"
    for row in reader.rows(VALUES):
        if not row["is_on_record"] and row["digest"] not in referred[row["owner"]]:
            yield f"nothing of {row['owner']} refers to its value {row['digest']}"


def _digest(written: bytes) -> str:
    """Give the digest of JSON with sorted keys and no spaces."""
    text = json.dumps(
        json.loads(written), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _find_references(reader: Reader) -> defaultdict[str, dict[str, str]]:
    """Give by instance what is referred to, and where."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for where, query in TEXTS.items():
        for row in reader.rows(query):
            for digest in REFERENCE.findall(row["kept"]):
                found[row["owner"]][digest] = where
    for row in reader.rows(STATES):
        state = json.loads(_unpack(bytes(row["snapshot"])))
        for digest in state.get("values", []):
            found[row["owner"]][digest] = "the state"
    return found


def _unpack(kept: bytes) -> bytes:
    return zlib.decompress(kept) if kept[:1] == b"x" else kept
