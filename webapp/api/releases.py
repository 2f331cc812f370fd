"""The API's releases: read them with what they carry, create one."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from engine.commands.releases import create_release
from engine.context import Context
from engine.errors import NotFound
from engine.people import find_name
from engine.proposal_parts import RISKS
from models.proposal import Proposal
from models.queries.page import MAXIMUM_LIMIT
from models.queries.releases import find_release, list_releases
from models.queries.rfcs import list_rfcs
from models.release import Release
from models.vocabulary import ReleaseState
from webapp.api.changes import change
from webapp.api.operation import Answer, operation
from webapp.api.schema import (
    choice,
    instant,
    list_of,
    mapping,
    maybe,
    present,
    record,
    text,
    whole,
    word,
)
from webapp.services import read_session

TAG = "Releases"
RELEASE = record(
    "Release",
    {
        "number": text("Its name among people, for example REL-78."),
        "name": text(),
        "state": word(ReleaseState),
        "phase": whole("1 planning, 2 build and test, 3 check-in to the library, 4 deployment."),
        "round": whole("Grows with every plan, build, test and back-out on record."),
        "proposal_number": maybe(text()),
        "rfc_numbers": list_of(text()),
        "manager_id": text(),
        "manager": text(),
        "risk": text(),
        "start_at": maybe(instant()),
        "end_at": maybe(instant()),
        "tz": text(),
        "plan": mapping("What planning recorded."),
        "build": mapping("What the build recorded."),
        "test": mapping("What the test recorded."),
        "outcome": maybe(text()),
        "created_at": instant(),
        "updated_at": instant(),
    },
)
RELEASE_REQUEST = record(
    "ReleaseRequest",
    {
        "name": text("The name with its version.", minimum=1, maximum=200),
        "rfc_numbers": list_of(text(maximum=40)),
        "proposal_number": maybe(text("By default that of the RFCs.", maximum=40)),
        "risk": choice(*RISKS),
    },
    optional=("proposal_number", "risk"),
)


@operation(
    "GET",
    "/releases",
    tag=TAG,
    answers={200: RELEASE},
    paged=True,
    query={
        "state": list_of(word(ReleaseState), "One or more states, comma-separated."),
        "phase": whole("1 to 4.", minimum=1),
    },
)
def read_releases(query: dict[str, Any]) -> Answer:
    """List releases, the newest first."""
    with read_session() as session:
        page = list_releases(
            session,
            states=query["state"] or (),
            phase=query["phase"],
            after=query["after"],
            limit=query["limit"],
        )
        items = [show_release(session, release) for release in page.items]
    return Answer({"items": items, "next": page.next})


@operation("GET", "/releases/<number>", tag=TAG, answers={200: RELEASE}, versioned=True)
def read_release(number: str) -> Answer:
    """Read a release."""
    with read_session() as session:
        release = find_release(session, number)
        if release is None:
            raise NotFound(f"There is no release {number[:40]}.")
        return Answer(show_release(session, release), etag=f"{release.number}-{release.version}")


@operation("POST", "/releases", tag=TAG, answers={201: RELEASE}, request=RELEASE_REQUEST)
def start_release(body: dict[str, Any]) -> Answer:
    """Create a release of authorized requests for change; its process starts."""

    def work(ctx: Context) -> Answer:
        release = create_release(ctx, values=body)
        ctx.session.flush()
        return Answer(
            show_release(ctx.session, release),
            status=201,
            location=f"/api/v1/releases/{release.number}",
            etag=f"{release.number}-{release.version}",
        )

    return change(work)


def show_release(session: Session, release: Release) -> dict[str, Any]:
    """Give a release as the API shows it."""
    proposal = session.get(Proposal, release.proposal_id) if release.proposal_id else None
    rfcs = list_rfcs(session, release_id=release.id, limit=MAXIMUM_LIMIT)
    return present(
        release,
        RELEASE,
        manager=find_name(session, release.manager_id),
        proposal_number=proposal.number if proposal else None,
        rfc_numbers=sorted(rfc.number for rfc in rfcs.items),
    )
