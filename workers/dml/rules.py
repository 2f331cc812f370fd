"""The steps of a check-in to the media library and of a check-out from it, as pure functions.

Every step says what was checked and how it came out; what could not be checked is said, not hidden.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

StepResult = Literal["pass", "fail", "not_done"]

LIBRARY_STATES = ("authorized", "withdrawn")
AUTHORIZED_STATES = ("authorized", "authorized_with_conditions")
LICENCE_KINDS = ("licence", "license")


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """A media item of the release as its record says: the digest is that of the bytes received."""

    media_id: str
    name: str
    media_version: str
    kind: str
    sha256: str
    size_bytes: int
    store_key: str
    state: str
    statement: str | None = None

    def say(self) -> str:
        """Name the item as people know it."""
        return f"{self.name} {self.media_version}"


@dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """What the build says it made; `recorded_at` is UTC."""

    name: str
    media_version: str
    sha256: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class KnownMedia:
    """An item that is, or was, in the library, of whatever release."""

    name: str
    media_version: str
    sha256: str
    state: str


@dataclass(frozen=True, slots=True)
class GateAuthorization:
    """The latest authorization of a gate of the release; times are UTC."""

    state: str
    decided_at: datetime | None
    opened_at: datetime | None
    withdrawn_reason: str | None = None


@dataclass(frozen=True, slots=True)
class DmlPolicy:
    """What the organization demands: `settings.dml` of the organization."""

    require_malware_scan: bool = False
    require_licence_text: bool = False


@dataclass(frozen=True, slots=True)
class CheckInCase:
    """Everything a check-in of a release reads, at one moment; `tested` are SHA-256 digests."""

    release_number: str
    media: tuple[MediaFacts, ...]
    evidence: tuple[EvidenceFacts, ...] = ()
    library: tuple[KnownMedia, ...] = ()
    tested: frozenset[str] = frozenset()
    authorization: GateAuthorization | None = None
    policy: DmlPolicy = field(default_factory=DmlPolicy)


@dataclass(frozen=True, slots=True)
class CheckOutCase:
    """Everything a check-out of a release reads, at one moment."""

    release_number: str
    media: tuple[MediaFacts, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured by reading an object through."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step and how it came out; `sentence` is for people, `detail` for machines."""

    step: str
    result: StepResult
    sentence: str
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Tell whether this step refuses the item."""
        return self.result == "fail"


def check_received_item(
    case: CheckInCase, item: MediaFacts, measured: Measured | None
) -> list[CheckStep]:
    """Give the steps before an item is stored; `measured` is None when its object is not there.

    All rules are tried, so that everything that is wrong is known at once.
    """
    if measured is None:
        missing = f"The bytes of {item.say()} are not in quarantine; please upload them again."
        return [CheckStep("receive", "fail", missing)]
    return [
        _check_receipt(item, measured),
        _check_build_evidence(case, item, measured),
        _check_test_evidence(case, measured),
        _check_provenance(item),
        _check_contents(item),
        _check_licence(case, item),
        _check_malware(case, item),
        _check_version(case, item, measured),
        _check_duplicate(case, item, measured),
        _check_authorization(case, item),
    ]


def find_missing_media(case: CheckInCase) -> list[str]:
    """Give a sentence for each thing the build made that was not received, or for no media."""
    if not case.media and not case.evidence:
        return [f"No media were received for {case.release_number}."]
    present = {(item.name, item.media_version) for item in case.media if item.state != "rejected"}
    return [
        f"The build of {case.release_number} made {made.name} {made.media_version}, "
        "but no such media was received."
        for made in case.evidence
        if (made.name, made.media_version) not in present and not _is_kept(case, made)
    ]


def _is_kept(case: CheckInCase, made: EvidenceFacts) -> bool:
    kept = KnownMedia(made.name, made.media_version, made.sha256.lower(), "authorized")
    return kept in case.library


def check_library_item(
    item: MediaFacts, measured: Measured | None, statement_holds: bool, statement_sentence: str
) -> list[CheckStep]:
    """Give the steps of a check-out: state, bytes as they are now, signed statement."""
    return [
        _check_state(item),
        _check_stored_bytes(item, measured),
        CheckStep("statement", "pass" if statement_holds else "fail", statement_sentence),
    ]


def compare_versions(one: str, other: str) -> int:
    """Give -1, 0 or 1 as a version is lower than, equal to or higher than another.

    Numbers compare as numbers; a pre-release (1.0.0-rc2) is lower than its release (1.0.0).
    """
    left, right = _version_key(one), _version_key(other)
    return (left > right) - (left < right)


def _version_key(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[int, str], ...]]:
    core, _, extra = version.partition("+")[0].partition("-")
    numbers = [int(part) for part in re.findall(r"\d+", core)]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    parts = tuple(
        (int(part), "") if part.isdigit() else (-1, part)
        for part in re.findall(r"\d+|[A-Za-z]+", extra)
    )
    return tuple(numbers), not extra, parts


def _check_receipt(item: MediaFacts, measured: Measured) -> CheckStep:
    detail = {"expected": item.sha256, "actual": measured.sha256, "bytes": measured.size_bytes}
    if measured.sha256 != item.sha256 or measured.size_bytes != item.size_bytes:
        return CheckStep(
            "receive",
            "fail",
            f"{item.say()} was changed in quarantine: it arrived with SHA-256 {item.sha256}, "
            f"now it has {measured.sha256}.",
            detail,
        )
    sentence = f"{measured.size_bytes:,} bytes with SHA-256 {measured.sha256} are in quarantine."
    return CheckStep("receive", "pass", sentence, detail)


def _check_build_evidence(case: CheckInCase, item: MediaFacts, measured: Measured) -> CheckStep:
    made = _evidence_of(case, item)
    if made is None:
        return CheckStep(
            "build_evidence",
            "fail",
            f"The build evidence of {case.release_number} does not name {item.say()}.",
            {"actual": measured.sha256},
        )
    detail = {"expected": made.sha256.lower(), "actual": measured.sha256}
    if made.sha256.lower() != measured.sha256:
        return CheckStep(
            "build_evidence",
            "fail",
            f"Wrong digest: the build evidence says SHA-256 {made.sha256.lower()}, "
            f"the bytes received have {measured.sha256}.",
            detail,
        )
    return CheckStep("build_evidence", "pass", "The bytes are those that the build made.", detail)


def _check_test_evidence(case: CheckInCase, measured: Measured) -> CheckStep:
    if not case.tested:
        return CheckStep(
            "test_evidence",
            "not_done",
            "The test evidence names no digest, so it was not compared.",
        )
    if measured.sha256 in case.tested:
        return CheckStep("test_evidence", "pass", "The bytes are those that were tested.")
    return CheckStep(
        "test_evidence",
        "fail",
        f"These bytes (SHA-256 {measured.sha256}) were not tested; tested were "
        f"{', '.join(sorted(case.tested))}.",
        {"actual": measured.sha256, "tested": sorted(case.tested)},
    )


def _evidence_of(case: CheckInCase, item: MediaFacts) -> EvidenceFacts | None:
    key = (item.name, item.media_version)
    return next((made for made in case.evidence if (made.name, made.media_version) == key), None)


def _check_provenance(item: MediaFacts) -> CheckStep:
    return CheckStep(
        "provenance", "not_done", f"No signed provenance came with {item.say()}; none was checked."
    )


def _check_contents(item: MediaFacts) -> CheckStep:
    return CheckStep(
        "contents",
        "not_done",
        f"No list of contents (SBOM) came with {item.say()}, so it was not matched with known "
        "vulnerabilities.",
    )


def _check_licence(case: CheckInCase, item: MediaFacts) -> CheckStep:
    texts = [each.say() for each in case.media if each.kind in LICENCE_KINDS]
    if item.kind in LICENCE_KINDS or texts:
        sentence = f"The licence text is kept beside it: {', '.join(texts) or item.say()}."
        return CheckStep("licence", "pass", sentence)
    if case.policy.require_licence_text:
        return CheckStep(
            "licence", "fail", "No licence text was received; the policy asks for one."
        )
    return CheckStep("licence", "not_done", "No licence text was received; the policy allows that.")


def _check_malware(case: CheckInCase, item: MediaFacts) -> CheckStep:
    said = f"NOT SCANNED: no malware scanner is configured, so {item.say()} was not scanned."
    if case.policy.require_malware_scan:
        return CheckStep("malware", "fail", f"{said} The policy refuses that.")
    return CheckStep("malware", "not_done", f"{said} The policy lets it pass.")


def _check_version(case: CheckInCase, item: MediaFacts, measured: Measured) -> CheckStep:
    kept = [known for known in case.library if known.name == item.name]
    for known in kept:
        problem = _find_version_problem(known, item, measured)
        if problem:
            return CheckStep("version", "fail", problem, {"known_sha256": known.sha256})
    return CheckStep("version", "pass", f"{item.media_version} is a new version of {item.name}.")


def _find_version_problem(known: KnownMedia, item: MediaFacts, measured: Measured) -> str | None:
    same_version = known.media_version == item.media_version
    if same_version and known.sha256 != measured.sha256:
        return (
            f"{item.say()} is in the library already with other bytes (SHA-256 {known.sha256}); "
            "a version is never used again. Build it under a new version."
        )
    if known.state != "withdrawn":
        return None
    if same_version:
        return f"{item.say()} was withdrawn and may not come back."
    if compare_versions(item.media_version, known.media_version) < 0:
        return f"{item.say()} is lower than {known.media_version}, which was withdrawn."
    return None


def _check_duplicate(case: CheckInCase, item: MediaFacts, measured: Measured) -> CheckStep:
    same = [
        f"{known.name} {known.media_version}"
        for known in case.library
        if known.sha256 == measured.sha256
    ]
    if same:
        sentence = f"The library has these bytes already as {', '.join(same)}; they are kept once."
        return CheckStep("duplicate", "pass", sentence, {"same_as": same})
    return CheckStep("duplicate", "pass", f"No other media have the bytes of {item.say()}.")


def _check_authorization(case: CheckInCase, item: MediaFacts) -> CheckStep:
    problem = _find_authorization_problem(case, item)
    if problem:
        return CheckStep("authorization", "fail", problem)
    return CheckStep(
        "authorization",
        "pass",
        f"Phase 3 of {case.release_number} was authorized, and the build evidence is no newer.",
    )


def _find_authorization_problem(case: CheckInCase, item: MediaFacts) -> str | None:
    given = case.authorization
    phase = f"Phase 3 of {case.release_number}"
    if given is None:
        return f"{phase} was never authorized."
    if given.state not in AUTHORIZED_STATES or given.decided_at is None:
        reason = f": {given.withdrawn_reason}" if given.withdrawn_reason else ""
        return f"{phase} is not authorized; the request is {given.state.replace('_', ' ')}{reason}."
    if given.opened_at is None:
        return f"{phase} was authorized, but its gate was not opened."
    made = _evidence_of(case, item)
    if made is not None and made.recorded_at > given.decided_at:
        return (
            f"The build evidence of {item.say()} was recorded after phase 3 was authorized; "
            "the authorization is not for these bytes."
        )
    return None


def _check_state(item: MediaFacts) -> CheckStep:
    if item.state == "authorized":
        return CheckStep("state", "pass", f"{item.say()} is authorized and not withdrawn.")
    sentence = f"{item.say()} is {item.state.replace('_', ' ')}; only authorized media may leave."
    return CheckStep("state", "fail", sentence, {"state": item.state})


def _check_stored_bytes(item: MediaFacts, measured: Measured | None) -> CheckStep:
    if measured is None:
        return CheckStep("bytes", "fail", f"The library has no object for {item.say()}.")
    detail = {"expected": item.sha256, "actual": measured.sha256}
    if measured.sha256 != item.sha256:
        return CheckStep(
            "bytes",
            "fail",
            f"{item.say()} was altered: checked in with SHA-256 {item.sha256}, "
            f"now it has {measured.sha256}.",
            detail,
        )
    return CheckStep("bytes", "pass", f"{item.say()} still has SHA-256 {item.sha256}.", detail)


def sentences_of_failures(item: MediaFacts, steps: Sequence[CheckStep]) -> list[str]:
    """Give what to tell people about the steps that failed, each with the name of the item."""
    return [f"{item.say()}: {step.sentence}" for step in steps if step.failed]
