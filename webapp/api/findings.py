"""The API's conflict findings: what clashes, the path that proves it, and the ways out."""

from __future__ import annotations

from typing import Any

from engine.commands.conflicts import resolve_finding
from engine.context import Context
from engine.errors import NotFound
from models.queries.findings import find_finding, list_findings
from models.vocabulary import FindingState, Severity
from webapp.api.changes import change
from webapp.api.operation import Answer, operation
from webapp.api.schema import (
    choice,
    flag,
    instant,
    list_of,
    mapping,
    maybe,
    present,
    record,
    text,
    word,
)
from webapp.services import read_session

FINDING = record(
    "Finding",
    {
        "id": text(),
        "kind": text("The kind of conflict, for example DEPENDENCY_OVERLAP."),
        "severity": word(Severity),
        "blocking": flag("Whether it must be resolved before the gate can open."),
        "override_role": maybe(text("The role that may accept it with a reason.")),
        "subject_kind": text("What was checked: proposal, rfc or release."),
        "subject_number": text("The number of what was checked."),
        "other": text("What it clashes with."),
        "path": list_of({}, "The configuration items or facts that prove it, in order."),
        "root_ci": maybe(text("The configuration item at the root of it.")),
        "sentence": text("The finding in words."),
        "overlap_from": maybe(instant()),
        "overlap_to": maybe(instant()),
        "ways_out": mapping("Free slots, and the owner to ask."),
        "detail": mapping(),
        "state": word(FindingState),
        "reason": maybe(text("Why it was accepted.")),
        "decided_at": maybe(instant()),
        "decided_by": maybe(text("The person who resolved it.")),
    },
)
RESOLUTION = record(
    "FindingResolution",
    {
        "resolution": choice("move", "override"),
        "slot_start": maybe(text("For move: the start of an offered slot, in UTC.")),
        "reason": maybe(text("For override: why; it goes on record.")),
    },
    optional=("slot_start", "reason"),
)


@operation(
    "GET",
    "/findings",
    tag="Conflicts",
    answers={200: FINDING},
    paged=True,
    query={
        "subject": text("The number of what was checked, for example P4.", maximum=100),
        "state": word(FindingState),
        "severity": word(Severity),
    },
)
def read_findings(query: dict[str, Any]) -> Answer:
    """List what the conflict check found, the newest first."""
    with read_session() as session:
        page = list_findings(
            session,
            subject_number=query["subject"],
            state=query["state"],
            severity=query["severity"],
            after=query["after"],
            limit=query["limit"],
        )
    return Answer({"items": [present(f, FINDING) for f in page.items], "next": page.next})


@operation("GET", "/findings/<finding_id>", tag="Conflicts", answers={200: FINDING})
def read_finding(finding_id: str) -> Answer:
    """Read one finding."""
    with read_session() as session:
        finding = find_finding(session, finding_id)
    if finding is None:
        raise NotFound("There is no such finding.")
    return Answer(present(finding, FINDING))


@operation(
    "POST",
    "/findings/<finding_id>/resolve",
    tag="Conflicts",
    answers={200: FINDING},
    request=RESOLUTION,
)
def resolve(finding_id: str, body: dict[str, Any]) -> Answer:
    """Resolve a finding: move to an offered free slot, or override with a reason.

    When no finding blocks any longer, the conflict check runs again by itself.
    """

    def work(ctx: Context) -> Answer:
        finding = resolve_finding(
            ctx,
            finding_id=finding_id,
            resolution=body["resolution"],
            slot_start=body.get("slot_start"),
            reason=body.get("reason"),
        )
        return Answer(present(finding, FINDING))

    return change(work)
