"""Each check-in and check-out rule passes what is right and says what is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from workers.dml.rules import (
    CheckInCase,
    CheckStep,
    DmlPolicy,
    EvidenceFacts,
    GateAuthorization,
    KnownMedia,
    Measured,
    MediaFacts,
    check_library_item,
    check_received_item,
    compare_versions,
    find_missing_media,
)

AT = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
DIGEST, OTHER = "ab" * 32, "cd" * 32
ITEM = MediaFacts(
    "m1", "claims-core", "5.4.2", "application", DIGEST, 29, "quarantine/1", "received"
)
MEASURED = Measured(DIGEST, 29)
CASE = CheckInCase(
    release_number="REL-77",
    media=(ITEM,),
    evidence=(EvidenceFacts("claims-core", "5.4.2", DIGEST, AT),),
    authorization=GateAuthorization("authorized", AT + timedelta(hours=1), AT + timedelta(hours=1)),
)


def run(
    case: CheckInCase = CASE, item: MediaFacts = ITEM, measured: Measured | None = MEASURED
) -> dict[str, CheckStep]:
    return {step.step: step for step in check_received_item(case, item, measured)}


def failures(steps: dict[str, CheckStep]) -> list[str]:
    return [name for name, step in steps.items() if step.failed]


def test_an_item_that_is_what_the_build_made_and_is_authorized_passes() -> None:
    steps = run()

    assert failures(steps) == []
    assert steps["build_evidence"].result == "pass"
    assert steps["authorization"].result == "pass"


def test_what_was_not_scanned_is_said_loudly() -> None:
    step = run()["malware"]

    assert step.result == "not_done"
    assert step.sentence.startswith("NOT SCANNED")


def test_a_policy_that_demands_a_scan_refuses_what_was_not_scanned() -> None:
    steps = run(replace(CASE, policy=DmlPolicy(require_malware_scan=True)))

    assert failures(steps) == ["malware"]


def test_a_wrong_digest_is_refused_with_both_values() -> None:
    case = replace(CASE, evidence=(EvidenceFacts("claims-core", "5.4.2", OTHER, AT),))

    steps = run(case)

    assert failures(steps) == ["build_evidence"]
    assert steps["build_evidence"].detail == {"expected": OTHER, "actual": DIGEST}
    assert OTHER in steps["build_evidence"].sentence
    assert DIGEST in steps["build_evidence"].sentence


def test_bytes_that_were_not_tested_are_refused_when_the_tests_name_digests() -> None:
    assert run()["test_evidence"].result == "not_done"
    assert failures(run(replace(CASE, tested=frozenset({DIGEST, OTHER})))) == []

    steps = run(replace(CASE, tested=frozenset({OTHER})))

    assert failures(steps) == ["test_evidence"]
    assert OTHER in steps["test_evidence"].sentence


def test_media_that_the_build_does_not_name_are_refused() -> None:
    assert failures(run(replace(CASE, evidence=()))) == ["build_evidence"]


def test_media_changed_in_quarantine_are_refused() -> None:
    steps = run(measured=Measured(OTHER, 29))

    assert "receive" in failures(steps)
    assert OTHER in steps["receive"].sentence


def test_media_whose_bytes_are_gone_are_refused() -> None:
    assert failures(run(measured=None)) == ["receive"]


@pytest.mark.parametrize(
    ("authorization", "says"),
    [
        (None, "never authorized"),
        (GateAuthorization("pending", None, None), "is pending"),
        (GateAuthorization("refused", AT, None), "is refused"),
        (GateAuthorization("withdrawn", AT, AT, "the dates moved"), "the dates moved"),
        (GateAuthorization("authorized", AT, None), "gate was not opened"),
        (
            GateAuthorization("authorized", AT - timedelta(seconds=1), AT),
            "recorded after phase 3 was authorized",
        ),
    ],
)
def test_without_a_valid_authorization_of_phase_3_nothing_enters(
    authorization: GateAuthorization | None, says: str
) -> None:
    steps = run(replace(CASE, authorization=authorization))

    assert failures(steps) == ["authorization"]
    assert says in steps["authorization"].sentence


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (KnownMedia("claims-core", "5.4.2", OTHER, "authorized"), "other bytes"),
        (KnownMedia("claims-core", "5.4.2", DIGEST, "withdrawn"), "was withdrawn"),
        (KnownMedia("claims-core", "5.5.0", OTHER, "withdrawn"), "lower than 5.5.0"),
    ],
)
def test_version_rules_refuse_reuse_and_what_is_below_a_withdrawn_version(
    known: KnownMedia, says: str
) -> None:
    steps = run(replace(CASE, library=(known,)))

    assert failures(steps) == ["version"]
    assert says in steps["version"].sentence


@pytest.mark.parametrize(
    "known",
    [
        KnownMedia("claims-core", "5.4.1", OTHER, "authorized"),
        KnownMedia("claims-core", "5.4.1", OTHER, "withdrawn"),
        KnownMedia("claims-core", "6.0.0", OTHER, "authorized"),
        KnownMedia("policy-core", "9.9.9", OTHER, "withdrawn"),
    ],
)
def test_other_versions_in_the_library_do_not_stand_in_the_way(known: KnownMedia) -> None:
    assert failures(run(replace(CASE, library=(known,)))) == []


def test_wrong_bytes_beside_the_right_ones_are_refused_and_the_right_ones_pass() -> None:
    twin = replace(ITEM, media_id="m2", sha256=OTHER)
    case = replace(CASE, media=(ITEM, twin))

    assert failures(run(case)) == []
    assert failures(run(case, twin, Measured(OTHER, 29))) == ["build_evidence"]


def test_bytes_known_under_another_name_are_kept_once_and_that_is_said() -> None:
    known = KnownMedia("claims-core-copy", "1.0", DIGEST, "authorized")

    step = run(replace(CASE, library=(known,)))["duplicate"]

    assert step.result == "pass"
    assert "claims-core-copy 1.0" in step.sentence


def test_a_licence_text_among_the_media_passes_the_policy_that_asks_for_one() -> None:
    licence = replace(ITEM, media_id="m2", name="licence-terms", kind="licence")
    policy = DmlPolicy(require_licence_text=True)

    assert failures(run(replace(CASE, policy=policy))) == ["licence"]
    assert failures(run(replace(CASE, policy=policy, media=(ITEM, licence)))) == []


def test_what_the_build_made_but_nobody_sent_is_named() -> None:
    missing = EvidenceFacts("claims-db", "1.0.0", OTHER, AT)
    case = replace(CASE, evidence=(*CASE.evidence, missing))

    assert find_missing_media(CASE) == []
    assert ["claims-db 1.0.0" in text for text in find_missing_media(case)] == [True]


def test_what_the_library_has_already_need_not_be_sent_again() -> None:
    kept = KnownMedia("claims-core", "5.4.2", DIGEST, "authorized")

    assert find_missing_media(replace(CASE, media=(), library=(kept,))) == []


def test_rejected_media_do_not_count_as_received() -> None:
    case = replace(CASE, media=(replace(ITEM, state="rejected"),))

    assert len(find_missing_media(case)) == 1


def test_a_release_without_any_media_is_not_checked_in() -> None:
    assert find_missing_media(replace(CASE, media=(), evidence=())) == [
        "No media were received for REL-77."
    ]


@pytest.mark.parametrize(
    ("state", "measured", "statement_holds", "failed"),
    [
        ("authorized", MEASURED, True, []),
        ("withdrawn", MEASURED, True, ["state"]),
        ("authorized", Measured(OTHER, 29), True, ["bytes"]),
        ("authorized", None, True, ["bytes"]),
        ("authorized", MEASURED, False, ["statement"]),
    ],
)
def test_only_authorized_unaltered_signed_media_leave(
    state: str, measured: Measured | None, statement_holds: bool, failed: list[str]
) -> None:
    steps = check_library_item(replace(ITEM, state=state), measured, statement_holds, "…")

    assert [step.step for step in steps if step.failed] == failed


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("5.4.2", "5.4.10"),
        ("1.0.0-rc2", "1.0.0"),
        ("1.0.0-rc2", "1.0.0-rc10"),
        ("1.0.0-beta1", "1.0.0-rc1"),
        ("1.9", "1.10.0"),
        ("8.7.3", "9"),
    ],
)
def test_versions_compare_as_people_count(lower: str, higher: str) -> None:
    assert compare_versions(lower, higher) == -1
    assert compare_versions(higher, lower) == 1
    assert compare_versions(lower, lower) == 0


def test_trailing_zeros_and_build_metadata_do_not_matter() -> None:
    assert compare_versions("1.0", "1.0.0") == 0
    assert compare_versions("1.0.0+build7", "1.0.0") == 0
