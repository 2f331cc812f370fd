"""Check-in stores and signs what passes; check-out finds what was altered in between."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from workers.dml.handlers import check_in, check_out
from workers.dml.rules import (
    CheckInCase,
    CheckOutCase,
    EvidenceFacts,
    GateAuthorization,
    MediaFacts,
)
from workers.dml.statement import open_statement_signer
from workers.dml.storage import open_media_store
from workers.registry import Work

AT = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
WORK = Work(
    idempotency_key="j1", topic="dml.check_in", attempt=1, now=AT + timedelta(hours=2),
    instance_id="i1", business_key="REL-77", subject_kind="release", subject_id="r1", inputs={},
)  # fmt: skip


class LibraryPorts:
    """The ports of the media library's workers, with cases a test sets."""

    def __init__(self, folder: Path):
        self.media = open_media_store(folder / "media")
        self.signer = open_statement_signer(folder / "keys")
        self.items: list[MediaFacts] = []
        self.evidence: list[EvidenceFacts] = []

    def receive(self, name: str, content: bytes, *, built: bytes | None = None) -> MediaFacts:
        received = self.media.receive([content])
        item = MediaFacts(
            f"m-{name}", name, "1.0.0", "application", received.sha256, received.size_bytes,
            received.store_key, "received",
        )  # fmt: skip
        digest = hashlib.sha256(content if built is None else built).hexdigest()
        self.items.append(item)
        self.evidence.append(EvidenceFacts(name, "1.0.0", digest, AT))
        return item

    def check_in_case(self, release_id: str) -> CheckInCase:
        opened = AT + timedelta(hours=1)
        return CheckInCase(
            release_number="REL-77",
            media=tuple(self.items),
            evidence=tuple(self.evidence),
            authorization=GateAuthorization("authorized", opened, opened),
        )

    def check_out_case(self, release_id: str) -> CheckOutCase:
        return CheckOutCase("REL-77", tuple(self.items))

    def take_result(self, result: dict[str, Any]) -> None:
        """Do what the engine does with a check-in: items get their state, key and statement."""
        found = {row["media_id"]: row for row in result["items"]}
        self.items = [
            replace(
                item,
                state="authorized" if found[item.media_id]["accepted"] else "rejected",
                store_key=found[item.media_id]["store_key"],
                statement=found[item.media_id]["statement"],
            )
            for item in self.items
        ]


@pytest.fixture
def ports(tmp_path: Path) -> LibraryPorts:
    return LibraryPorts(tmp_path)


def test_what_the_build_made_is_stored_signed_and_every_step_is_told(ports: LibraryPorts) -> None:
    item = ports.receive("claims-core", b"the bytes")

    result = check_in(WORK, ports)  # type: ignore[arg-type]  # It has the ports check-in asks for.

    assert result["accepted"]
    assert result["problems"] == []
    (row,) = result["items"]
    assert row["accepted"]
    assert ports.media.verify(row["store_key"], item.sha256)
    assert ports.signer.verify(row["statement"], item.sha256).holds
    assert [check["seq"] for check in row["checks"]] == list(range(1, len(row["checks"]) + 1))
    assert {check["step"] for check in row["checks"]} >= {"receive", "malware", "store"}


def test_a_wrong_digest_keeps_the_item_out_and_names_both_values(ports: LibraryPorts) -> None:
    item = ports.receive("claims-core", b"the bytes", built=b"what was built")
    good = ports.receive("claims-db", b"create table x(id)")

    result = check_in(WORK, ports)  # type: ignore[arg-type]  # It has the ports check-in asks for.

    assert not result["accepted"]
    rows = {row["media_id"]: row for row in result["items"]}
    assert not rows[item.media_id]["accepted"]
    assert rows[item.media_id]["statement"] is None
    assert rows[item.media_id]["store_key"] == item.store_key
    assert rows[good.media_id]["accepted"]
    (problem,) = result["problems"]
    assert item.sha256 in problem
    assert hashlib.sha256(b"what was built").hexdigest() in problem
    assert len(ports.media.list("library")) == 1


def test_a_check_in_interrupted_after_storing_can_be_done_again(ports: LibraryPorts) -> None:
    ports.receive("claims-core", b"the bytes")
    first = check_in(WORK, ports)  # type: ignore[arg-type]  # It has the ports check-in asks for.

    second = check_in(WORK, ports)  # type: ignore[arg-type]  # It has the ports check-in asks for.

    assert first == second
    assert len(ports.media.list("library")) == 1


def test_a_release_without_media_is_refused(ports: LibraryPorts) -> None:
    result = check_in(WORK, ports)  # type: ignore[arg-type]  # It has the ports check-in asks for.

    assert not result["accepted"]
    assert result["problems"] == ["No media were received for REL-77."]


def test_checked_in_media_are_verified_on_the_way_out(ports: LibraryPorts) -> None:
    ports.receive("claims-core", b"the bytes")
    ports.take_result(check_in(WORK, ports))  # type: ignore[arg-type]  # See above.

    result = check_out(WORK, ports)  # type: ignore[arg-type]  # It has the ports check-out asks for.

    assert result["verified"]
    assert result["problems"] == []
    assert [c["step"] for c in result["items"][0]["checks"]] == ["state", "bytes", "statement"]


def test_one_altered_byte_keeps_media_in(ports: LibraryPorts, tmp_path: Path) -> None:
    ports.receive("claims-core", b"the bytes")
    ports.take_result(check_in(WORK, ports))  # type: ignore[arg-type]  # See above.
    path = tmp_path / "media" / ports.items[0].store_key
    path.chmod(0o644)
    path.write_bytes(b"The bytes")

    result = check_out(WORK, ports)  # type: ignore[arg-type]  # It has the ports check-out asks for.

    assert not result["verified"]
    assert "was altered" in result["problems"][0]


def test_a_release_with_nothing_in_the_library_is_not_verified(ports: LibraryPorts) -> None:
    ports.receive("claims-core", b"the bytes", built=b"other")
    ports.take_result(check_in(WORK, ports))  # type: ignore[arg-type]  # See above.

    result = check_out(WORK, ports)  # type: ignore[arg-type]  # It has the ports check-out asks for.

    assert not result["verified"]
    assert result["problems"] == ["REL-77 has no media in the library."]
