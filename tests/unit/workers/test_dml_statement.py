"""A check-in statement holds for its bytes and trusted keys, and for nothing else."""

from __future__ import annotations

import base64
import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workers.dml.statement import (
    KEY_FILE,
    CheckInRecord,
    StatementSigner,
    open_statement_signer,
)

DIGEST = "ab" * 32
RECORD = CheckInRecord(
    name="claims-core",
    media_version="5.4.2",
    sha256=DIGEST,
    resource_uri="urn:assent:dml:library/sha256/ab/ab/" + DIGEST,
    release_number="REL-77",
    verified_at=datetime(2027, 3, 1, 9, 30, tzinfo=UTC),
    checks=[{"step": "receive", "result": "pass"}],
)


@pytest.fixture
def signer(tmp_path: Path) -> StatementSigner:
    return open_statement_signer(tmp_path / "keys")


def change_payload(envelope_text: str, **changes: Any) -> str:
    envelope = json.loads(envelope_text)
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload |= changes
    envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    return json.dumps(envelope)


def test_a_signed_statement_is_an_in_toto_verification_summary_of_the_bytes(
    signer: StatementSigner,
) -> None:
    verdict = signer.verify(signer.sign(RECORD), DIGEST)

    assert verdict.holds
    assert verdict.statement is not None
    assert verdict.statement["_type"] == "https://in-toto.io/Statement/v1"
    assert verdict.statement["subject"] == [
        {"name": "claims-core@5.4.2", "digest": {"sha256": DIGEST}}
    ]
    assert verdict.statement["predicateType"] == "https://slsa.dev/verification_summary/v1"
    predicate = verdict.statement["predicate"]
    assert predicate["verificationResult"] == "PASSED"
    assert predicate["timeVerified"] == "2027-03-01T09:30:00Z"
    assert predicate["urn:assent:dml:checks:1"] == [{"step": "receive", "result": "pass"}]


def test_a_statement_about_other_bytes_does_not_hold(signer: StatementSigner) -> None:
    other = "cd" * 32

    verdict = signer.verify(signer.sign(RECORD), other)

    assert not verdict.holds
    assert DIGEST in verdict.sentence
    assert other in verdict.sentence


def test_an_altered_statement_does_not_hold(signer: StatementSigner) -> None:
    altered = change_payload(
        signer.sign(RECORD), subject=[{"name": "x", "digest": {"sha256": "cd" * 32}}]
    )

    verdict = signer.verify(altered, "cd" * 32)

    assert not verdict.holds
    assert "altered" in verdict.sentence


def test_a_statement_signed_by_an_unknown_key_does_not_hold(
    signer: StatementSigner, tmp_path: Path
) -> None:
    stranger = open_statement_signer(tmp_path / "stranger")

    assert not signer.verify(stranger.sign(RECORD), DIGEST).holds


@pytest.mark.parametrize(
    "text", [None, "", "{}", "[]", "not json", '{"payload": "!", "signatures": []}', "null", "7"]
)
def test_what_is_no_statement_does_not_hold(signer: StatementSigner, text: str | None) -> None:
    assert not signer.verify(text, DIGEST).holds


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = open_statement_signer(tmp_path / "keys")
    second = open_statement_signer(tmp_path / "keys")

    assert first.key_id == second.key_id
    assert second.verify(first.sign(RECORD), DIGEST).holds
    assert stat.S_IMODE((tmp_path / "keys" / KEY_FILE).stat().st_mode) == 0o600
    assert list((tmp_path / "keys").glob("*.new")) == []


def test_old_statements_hold_after_the_key_was_replaced(tmp_path: Path) -> None:
    old = open_statement_signer(tmp_path / "keys")
    statement = old.sign(RECORD)
    (tmp_path / "keys" / KEY_FILE).unlink()

    new = open_statement_signer(tmp_path / "keys")

    assert new.key_id != old.key_id
    assert new.verify(statement, DIGEST).holds


def test_a_retired_key_is_no_longer_trusted(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    old = open_statement_signer(folder)
    statement = old.sign(RECORD)
    (folder / KEY_FILE).unlink()
    for public in folder.glob("*.pub.pem"):
        public.unlink()

    assert not open_statement_signer(folder).verify(statement, DIGEST).holds
