"""The check-in record as a signed claim: an in-toto Statement in a DSSE envelope, Ed25519.

The predicate is a SLSA Verification Summary (https://slsa.dev/verification_summary/v1); the steps
of the check-in are an extension field, which consumers of the format ignore when they do not know.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import (  # type: ignore[attr-defined]  # It exports them without saying so.
    CryptoSigner,
    Key,
    SSlibKey,
)

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
VERIFIER_ID = "urn:assent:dml:check-in:1"
CHECKS_FIELD = "urn:assent:dml:checks:1"
LEVEL = "ASSENT_CHECKED_IN"
KEY_FILE = "signing-key.pem"
PUBLIC_SUFFIX = ".pub.pem"

K = TypeVar("K")


class DamagedKey(ValueError):
    """A file of the folder of keys holds no key."""


@dataclass(frozen=True, slots=True)
class CheckInRecord:
    """What a statement says: which bytes, for which release, at what time, after which steps."""

    name: str
    media_version: str
    sha256: str
    resource_uri: str
    release_number: str
    verified_at: datetime
    checks: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class StatementVerdict:
    """Whether a statement holds for the bytes at hand, and the sentence that says why."""

    holds: bool
    sentence: str
    statement: dict[str, Any] | None = None


class StatementSigner:
    """Signs check-ins with the current key and verifies them with every key that is trusted."""

    def __init__(self, signer: CryptoSigner, trusted: Sequence[Key]):
        """Take the current key and the trusted public keys, the current one among them."""
        self._signer = signer
        self.trusted = tuple(trusted)

    @property
    def key_id(self) -> str:
        """Give the id of the current key, as it stands in the signatures."""
        return str(self._signer.public_key.keyid)

    def sign(self, record: CheckInRecord) -> str:
        """Give the signed statement of a check-in as JSON text (a DSSE envelope)."""
        payload = json.dumps(_make_statement(record), sort_keys=True, separators=(",", ":"))
        envelope = Envelope(payload.encode(), PAYLOAD_TYPE, {})
        envelope.sign(self._signer)
        return json.dumps(envelope.to_dict(), sort_keys=True, separators=(",", ":"))

    def verify(self, envelope_text: str | None, sha256: str) -> StatementVerdict:
        """Tell whether the statement is signed by a trusted key and is about these bytes."""
        return verify_statement(envelope_text, self.trusted, sha256=sha256)


def verify_statement(
    envelope_text: str | None, trusted: Sequence[Key], *, sha256: str
) -> StatementVerdict:
    """Tell whether a DSSE envelope holds a passed check-in of these bytes, signed by a trusted key.

    Needs nothing but the text, the keys and the digest, so that auditors can do it offline.
    """
    if not envelope_text:
        return StatementVerdict(False, "There is no signed check-in statement.")
    try:
        envelope = Envelope.from_dict(json.loads(envelope_text))
        envelope.verify(list(trusted), 1)
        statement = json.loads(envelope.payload)
    except VerificationError:
        return StatementVerdict(
            False, "The check-in statement was altered or is not signed by a trusted key."
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return StatementVerdict(False, "The check-in statement cannot be read.")
    problem = _find_problem(statement, envelope.payload_type, sha256)
    if problem:
        return StatementVerdict(False, problem)
    return StatementVerdict(
        True, "The check-in statement is signed by a trusted key and names these bytes.", statement
    )


def open_statement_signer(folder: Path) -> StatementSigner:
    """Open the signing key in this folder; the first time, make one that only its owner may read.

    Every `*.pub.pem` in the folder is trusted, so old statements hold after a key was replaced.
    Raises DamagedKey for a file that holds no key.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_path = folder / KEY_FILE
    if not key_path.exists():
        _make_key(key_path)
    signer = _read_key(key_path, lambda pem: CryptoSigner(load_pem_private_key(pem, None)))
    public_path = folder / f"{signer.public_key.keyid[:16]}{PUBLIC_SUFFIX}"
    if not public_path.exists():
        public_path.write_bytes(_public_pem(signer))
    trusted = [
        _read_key(path, lambda pem: SSlibKey.from_crypto(load_pem_public_key(pem)))
        for path in sorted(folder.glob(f"*{PUBLIC_SUFFIX}"))
    ]
    return StatementSigner(signer, trusted)


def _read_key(path: Path, load: Callable[[bytes], K]) -> K:
    try:
        return load(path.read_bytes())
    except (ValueError, TypeError) as error:  # TypeError: it is encrypted.
        raise DamagedKey(f"{path} holds no key in PEM without a password.") from error


def _make_key(path: Path) -> None:
    # Written beside and linked, so that no other process ever reads half a key.
    partial = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(CryptoSigner.generate_ed25519().private_bytes)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        pass  # Another thread was first; its key is used.
    finally:
        partial.unlink()


def _public_pem(signer: CryptoSigner) -> bytes:
    private = load_pem_private_key(signer.private_bytes, None)
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _make_statement(record: CheckInRecord) -> dict[str, Any]:
    verified_at = record.verified_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {
                "name": f"{record.name}@{record.media_version}",
                "digest": {"sha256": record.sha256},
            }
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "verifier": {"id": VERIFIER_ID},
            "timeVerified": verified_at,
            "resourceUri": record.resource_uri,
            "policy": {"uri": f"urn:assent:release:{record.release_number}"},
            "verificationResult": "PASSED",
            "verifiedLevels": [LEVEL],
            CHECKS_FIELD: list(record.checks),
        },
    }


def _find_problem(statement: Any, payload_type: str, sha256: str) -> str | None:
    if not isinstance(statement, dict) or payload_type != PAYLOAD_TYPE:
        return "What is signed is not an in-toto statement."
    kinds = (statement.get("_type"), statement.get("predicateType"))
    predicate = statement.get("predicate")
    if kinds != (STATEMENT_TYPE, PREDICATE_TYPE) or not isinstance(predicate, dict):
        return "What is signed is not a statement of a check-in."
    if predicate.get("verificationResult") != "PASSED":
        return "The statement does not say that the check-in was passed."
    subjects = statement.get("subject")
    digests = [each.get("digest", {}).get("sha256") for each in subjects or []]
    if sha256.lower() not in digests:
        return (
            f"The statement is about other bytes: it names {', '.join(map(str, digests))}, "
            f"but these have SHA-256 {sha256.lower()}."
        )
    return None
