"""Record actions of releases: phases, plan, build and test evidence, back-out, finish."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select

from engine.audit import record_event
from engine.errors import InvalidInput, RunFailed
from engine.facts import has_authorization
from engine.local_time import read_moment, read_zone
from engine.messages import send_when_saved
from engine.records.registry import RecordCall, record_action
from engine.records.subjects import require_subject
from engine.schedule import cancel_entry, publish_proposal, publish_release
from models.change import Rfc
from models.media import BuildEvidence
from models.proposal import Proposal
from models.release import Release
from models.vocabulary import (
    AuditTag,
    Firmness,
    ProposalState,
    ReleaseState,
    RfcState,
    SubjectKind,
)

SHA256 = re.compile(r"[0-9a-f]{64}")
STATE_OF_PHASE = {
    1: ReleaseState.PLANNING,
    2: ReleaseState.BUILD_AND_TEST,
    3: ReleaseState.CHECK_IN,
    4: ReleaseState.DEPLOYING,
}
ALLOWED_STATES = frozenset(
    {*STATE_OF_PHASE.values(), ReleaseState.IN_DML, ReleaseState.EARLY_LIFE_SUPPORT}
)


@record_action("release.enter_phase")
def enter_phase(call: RecordCall) -> None:
    """Let a release into a phase; refuses a phase whose gate is not authorized in this round."""
    release = require_subject(call, Release)
    phase = int(call.read("phase") or 1)
    state = ReleaseState(str(call.inputs.get("state") or STATE_OF_PHASE[phase].value))
    if state not in ALLOWED_STATES or phase not in STATE_OF_PHASE:
        raise RunFailed(f"A diagram may not move a release to {state}.", element=call.element.id)
    _require_gate(call, release, phase)
    release.phase = phase
    _mark(call, release, state, f"{release.number} is in phase {phase}")
    if phase == 4:
        publish_release(call.ctx, release, Firmness.ACTIVE)
        for rfc in _rfcs(call, release):
            rfc.state = RfcState.IMPLEMENTING.value


@record_action("release.record_plan")
def record_plan(call: RecordCall) -> None:
    """Put the release plan on record; its window decides when deployment may happen."""
    release = require_subject(call, Release)
    plan = _fields(call)
    tz = str(plan.get("tz") or release.tz)
    read_zone(tz)
    start, end = plan.get("window_start"), plan.get("window_end")
    if start and end:
        release.tz = tz
        release.start_at = read_moment(str(start), tz, "window_start")
        release.end_at = read_moment(str(end), tz, "window_end")
        if release.end_at <= release.start_at:
            raise InvalidInput("It must end after it starts.", field="window_end")
    release.plan = {**release.plan, **plan}
    release.round += 1
    release.updated_at = call.ctx.now
    publish_release(call.ctx, release, Firmness.TENTATIVE)
    _record(call, AuditTag.PLAN_RECORDED, release, "The plan was recorded", plan)


@record_action("release.record_build")
def record_build(call: RecordCall) -> None:
    """Put the build evidence on record: what was built, with the digest that check-in must find."""
    release = require_subject(call, Release)
    build = _fields(call)
    digest = str(build.get("media_sha256") or build.get("sha256") or "").strip().lower()
    name = str(build.get("media_name") or "").strip()
    version = str(build.get("media_version") or "").strip()
    if not SHA256.fullmatch(digest):
        raise InvalidInput(
            "Enter the SHA-256 of the build: 64 hexadecimal digits.", field="media_sha256"
        )
    evidence = call.ctx.session.scalar(
        select(BuildEvidence).where(
            BuildEvidence.release_id == release.id, BuildEvidence.name == name
        )
    )
    if evidence is None:
        evidence = BuildEvidence(
            release_id=release.id,
            name=name,
            media_version=version,
            sha256=digest,
            recorded_at=call.ctx.now,
            recorded_by=call.ctx.actor.person_id or release.manager_id,
        )
        call.ctx.session.add(evidence)
    evidence.media_version, evidence.sha256 = version, digest
    evidence.source = str(build.get("build_source") or build.get("source") or "")
    evidence.recorded_at = call.ctx.now
    release.build = build
    release.round += 1
    _record(call, AuditTag.BUILD_RECORDED, release, f"{name} {version} was built", build)


@record_action("release.record_test")
def record_test(call: RecordCall) -> None:
    """Put the test evidence on record, with the digests of what was tested."""
    release = require_subject(call, Release)
    test = _fields(call)
    tested = call.ctx.session.scalars(
        select(BuildEvidence.sha256).where(BuildEvidence.release_id == release.id)
    )
    release.test = {**test, "tested_sha256": sorted(tested)}
    release.round += 1
    result = str(test.get("test_result") or test.get("result") or "recorded")
    _record(
        call, AuditTag.TEST_RECORDED, release, f"Tests: {result.replace('_', ' ')}", release.test
    )


@record_action("release.record_back_out")
def record_back_out(call: RecordCall) -> None:
    """Put a failed deployment on record: backed out, planning again; what was granted is spent."""
    release = require_subject(call, Release)
    reason = str(call.read("reason") or "deployment failed")
    release.round += 1
    for rfc in _rfcs(call, release):
        rfc.state = RfcState.SCHEDULED.value
    publish_release(call.ctx, release, Firmness.TENTATIVE)
    _mark(call, release, ReleaseState.BACKED_OUT, f"Backed out: {reason}")


@record_action("release.finish")
def finish_release(call: RecordCall) -> None:
    """Put a deployed release on record and tell its RFCs."""
    release = require_subject(call, Release)
    release.outcome = str(call.read("outcome") or "successful")
    publish_release(call.ctx, release, Firmness.DONE)
    _mark(call, release, ReleaseState.DEPLOYED, f"{release.name} is live: {release.outcome}")
    proposal = _proposal(call, release)
    if proposal is not None:
        proposal.state, proposal.updated_at = ProposalState.REALIZED.value, call.ctx.now
        publish_proposal(call.ctx, proposal, Firmness.DONE)
    _tell_rfcs(call, release, release.outcome)


@record_action("release.cancel")
def cancel_release(call: RecordCall) -> None:
    """Cancel a release; its RFCs are told and leave the schedule."""
    release = require_subject(call, Release)
    release.outcome = "cancelled"
    cancel_entry(call.ctx, SubjectKind.RELEASE, release.number)
    reason = str(call.read("reason") or "not authorized")
    _mark(call, release, ReleaseState.CANCELLED, f"Cancelled: {reason}")
    _tell_rfcs(call, release, "cancelled")


def _fields(call: RecordCall) -> dict[str, Any]:
    return {name: value for name, value in call.inputs.items() if value is not None}


def _require_gate(call: RecordCall, release: Release, phase: int) -> None:
    gate = f"phase_{phase}"
    if not has_authorization(call.ctx.session, SubjectKind.RELEASE, release.id, gate):
        raise RunFailed(f"Phase {phase} is not authorized.", element=call.element.id)


def _rfcs(call: RecordCall, release: Release) -> list[Rfc]:
    return list(call.ctx.session.scalars(select(Rfc).where(Rfc.release_id == release.id)))


def _proposal(call: RecordCall, release: Release) -> Proposal | None:
    return call.ctx.session.get(Proposal, release.proposal_id) if release.proposal_id else None


def _mark(call: RecordCall, release: Release, state: ReleaseState, sentence: str) -> None:
    release.state, release.updated_at = state.value, call.ctx.now
    _record(call, AuditTag.RELEASE_MARKED, release, sentence, {"state": state.value})


def _record(
    call: RecordCall, tag: AuditTag, release: Release, sentence: str, detail: dict[str, Any]
) -> None:
    record_event(
        call.ctx,
        tag,
        release.number,
        sentence,
        chain=call.instance.id,
        element_id=call.element.id,
        detail=detail,
    )


def _tell_rfcs(call: RecordCall, release: Release, outcome: str) -> None:
    for rfc in _rfcs(call, release):
        send_when_saved(call.ctx, "release_finished", rfc.number, {"outcome": outcome})
