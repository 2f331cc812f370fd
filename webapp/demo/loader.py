"""Loads the example organization on first start and starts what it has under way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine.commands.context import execute
from engine.commands.definitions import deploy_folder
from engine.commands.organization import load_organization
from engine.commands.proposals import start_authorization
from engine.context import SYSTEM, Context
from models.definition import Definition
from models.organization import Organization
from models.proposal import Proposal
from models.vocabulary import ProposalState
from webapp.auth.passwords import hash_password
from webapp.demo.play import Play
from webapp.demo.story import play_claims_triage
from webapp.services import Services
from workers.ports import WorkerPorts
from workers.registry import TopicRegistry
from workers.runner import drain

DOCUMENT = Path(__file__).parent / "example_org.json"
PROCESSES = Path(__file__).resolve().parents[2] / "processes"
DEMO_PASSWORD = "assent-demo"  # Shown on the sign-in page of the demo on purpose.


def load_demo(services: Services, ports: WorkerPorts, topics: TopicRegistry) -> bool:
    """Load the example organization into an empty installation; tells whether it did.

    An installation that was interrupted while loading goes on where it was: each step is one
    transaction and is skipped when its result is there.
    """
    database, clock = services.database, services.clock
    deploy_processes(services)
    with database.read() as session:
        loaded = session.scalar(select(Organization)) is not None
    if not loaded:
        document: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
        execute(
            database,
            clock,
            SYSTEM,
            _load_and_start,
            document=document,
            password_hash=hash_password(DEMO_PASSWORD),
        )
    play = Play(database, clock, lambda: drain(database, clock, ports, topics))
    play.work()
    play_claims_triage(database, play)
    return not loaded


def deploy_processes(services: Services) -> None:
    """Deploy the shipped processes into an installation that has none.

    Later versions come by `assent deploy`, so that a process owner's edits are never overwritten
    by starting the server.
    """
    with services.database.read() as session:
        if session.scalar(select(Definition.id).limit(1)) is not None:
            return
    execute(services.database, services.clock, SYSTEM, deploy_folder, folder=PROCESSES)


def _load_and_start(ctx: Context, *, document: dict[str, Any], password_hash: str) -> None:
    load_organization(ctx, document=document, password_hash=password_hash)
    ctx.session.flush()
    submitted = ctx.session.scalars(
        select(Proposal)
        .where(Proposal.state == ProposalState.SUBMITTED.value)
        .order_by(Proposal.number)
    )
    for proposal in list(submitted):
        start_authorization(ctx, proposal, amended=False)
