"""Random votes, amendments, withdrawals and kills: no gate opens without its recorded votes."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import select

from engine.commands.conflicts import resolve_finding
from engine.commands.context import execute
from engine.commands.proposals import amend_proposal, start_authorization, withdraw_proposal
from engine.commands.tasks import complete_task
from engine.context import SYSTEM, Actor, Context
from engine.errors import Conflict, GateClosed, NotAllowed, NotFound, SeparationOfDuties
from engine.gates import GRANTING, open_gate
from engine.people import load_actor
from models.audit import AuditEvent
from models.authorization import Authorization, Vote
from models.conflict import ConflictFinding
from models.database import Database
from models.instance import Instance, UserTask
from models.proposal import Proposal
from models.vocabulary import AuditTag, AuthorizationState, InstanceState, ProposalState, TaskState
from tests.conftest import MovableClock
from tests.integration.machines.invariants import check_chains, check_instances
from tests.integration.machines.server import KILLS, Answer, Kill, Server
from webapp.demo.play import Play
from workers.dml.statement import open_statement_signer
from workers.dml.storage import open_media_store
from workers.runner import drain
from workers.snapshots import DatabasePorts
from workers.topics import TOPICS

QUICK, LONG = 15, 1_000
STEPS = 14
PROPOSER, MANAGER = "u04", "u02"
VOTERS = ("u15", "u06", "u07", "u08", PROPOSER, MANAGER)
DECISIONS = ("authorize", "authorize", "authorize", "authorize_with_conditions", "send_back")
GRANTED = (AuthorizationState.AUTHORIZED, AuthorizationState.WITH_CONDITIONS)
ALIVE = (AuthorizationState.PENDING, *GRANTED)
PAST_THE_GATE = (ProposalState.AUTHORIZED, ProposalState.CHARTERED)
ANSWERS: dict[str, dict[str, Any]] = {
    "assess_proposal": {"assessment": "proceed", "risk": "medium"},
    "charter": {"charter_decision": "charter"},
}
NUMBERS = count()


class Governance(RuleBasedStateMachine):
    """One proposal under review, and everybody who may want something of it."""

    def __init__(self, template: Path, folder: Path) -> None:
        super().__init__()
        path = folder / f"{next(NUMBERS)}.db"
        shutil.copy(template, path)
        self.folder = folder
        self.server = Server(path, MovableClock())
        self.cast: defaultdict[str, dict[str, str]] = defaultdict(dict)
        """The votes that were committed: by round, who decided what."""
        self.amendments = 0
        self.versions: dict[str, int] = {}

    def teardown(self) -> None:
        check_chains(self.server)
        self.server.close()
        self.server.path.unlink()

    def actor(self, person_id: str) -> Actor:
        with self.server.database.read() as session:
            found = load_actor(session, person_id)
        assert found is not None
        return found

    def all(self, table: Any, *where: Any) -> list[Any]:
        with self.server.database.read() as session:
            return list(session.scalars(select(table).where(*where).order_by(table.id)))

    def do(self, kill: Kill, person_id: str, command: Any, **kwargs: Any) -> Answer[Any]:
        answer = self.server.do(self.actor(person_id), kill, command, **kwargs)
        self.work()
        return answer

    def work(self) -> None:
        ports = DatabasePorts(
            self.server.database,
            self.server.clock,
            media=open_media_store(str(self.folder / "media")),
            signer=open_statement_signer(self.folder / "keys"),
        )
        drain(self.server.database, self.server.clock, ports, TOPICS)

    def open_tasks(self, *where: Any) -> list[UserTask]:
        return self.all(UserTask, UserTask.state == TaskState.OPEN.value, *where)

    @property
    def rounds(self) -> list[Authorization]:
        return sorted(self.all(Authorization, Authorization.gate == "proposal"), key=_round_of)

    @property
    def proposal(self) -> Proposal:
        [found] = self.all(Proposal, Proposal.number == "P4")
        assert isinstance(found, Proposal)
        return found

    # What may be done

    @rule(kill=KILLS, person=st.sampled_from(VOTERS), decision=st.sampled_from(DECISIONS))
    def vote(self, kill: Kill, person: str, decision: str) -> None:
        tasks = self.open_tasks(UserTask.gate == "proposal")
        seats = [task for task in tasks if task.assignee_id in (None, person)]
        if not seats:
            return
        current = self.rounds[-1].id
        data = {"decision": decision, "comment": "Because."}
        if decision == "authorize_with_conditions":
            data["conditions"] = "By night."
        barred = person == PROPOSER or person in self.cast[current]
        asked = {"task_id": seats[0].id, "data": data}
        if barred or not self._may_sit(person, seats[0]):
            with pytest.raises((SeparationOfDuties, NotAllowed)):
                self.do(None, person, complete_task, **asked)
            return
        if self.do(kill, person, complete_task, **asked).committed:
            self.cast[current][person] = decision
            with pytest.raises((Conflict, SeparationOfDuties)):
                self.do(None, person, complete_task, **asked)

    def _may_sit(self, person: str, seat: UserTask) -> bool:
        return seat.assignee_id == person or self.actor(person).holds(seat.role)

    @rule(kill=KILLS)
    def do_what_is_asked(self, kill: Kill) -> None:
        for task in self.open_tasks(UserTask.element_id.in_(list(ANSWERS)))[:1]:
            person = PROPOSER if task.element_id == "charter" else MANAGER
            answer = ANSWERS[task.element_id]
            self.do(kill, person, complete_task, task_id=task.id, data=answer)

    @rule(kill=KILLS)
    def move_what_clashes(self, kill: Kill) -> None:
        found = self.all(
            ConflictFinding,
            ConflictFinding.subject_number == "P4",
            ConflictFinding.state == "open",
        )
        for finding in found[:1]:
            for slot in finding.ways_out.get("slots", [])[:1]:
                moved = {"resolution": "move", "slot_start": slot["start"]}
                self.do(kill, MANAGER, resolve_finding, finding_id=finding.id, **moved)

    @precondition(lambda self: self.amendments < 3)
    @rule(kill=KILLS)
    def amend(self, kill: Kill) -> None:
        self.amendments += 1
        values = {"utility": f"Another use, {self.amendments}."}
        with suppress(Conflict):
            self.do(kill, PROPOSER, amend_proposal, proposal_id="P4", values=values)

    @rule(kill=KILLS, really=st.integers(0, 7))
    def withdraw(self, kill: Kill, really: int) -> None:
        if really == 0:
            with suppress(Conflict):
                self.do(kill, PROPOSER, withdraw_proposal, proposal_id="P4", reason="No more.")

    @rule()
    def ask_for_the_gate(self) -> None:
        instances = self.all(Instance, Instance.state == InstanceState.RUNNING.value)
        decided = self.rounds[-1:] and self.rounds[-1].state in GRANTED
        if not instances or decided:
            return

        def ask(ctx: Context) -> None:
            row = ctx.session.get(Instance, instances[0].id)
            assert row is not None
            open_gate(ctx, row, "proposal")

        with pytest.raises((GateClosed, NotFound)):
            execute(self.server.database, self.server.clock, SYSTEM, ask)

    @rule(days=st.sampled_from([1, 8]))
    def let_time_pass(self, days: int) -> None:
        self.server.clock.advance(days=days)
        self.work()

    @rule()
    def restart(self) -> None:
        self.server.restart()

    # What must hold

    @invariant()
    def every_instance_is_whole(self) -> None:
        check_instances(self.server, self.versions)

    @invariant()
    def committed_votes_are_on_record_once(self) -> None:
        kept: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        for vote in self.all(Vote):
            kept[vote.authorization_id][vote.person_id, vote.decision] += 1
        assert kept == {key: Counter(votes.items()) for key, votes in self.cast.items() if votes}

    @invariant()
    def no_gate_is_open_without_the_votes_of_its_round(self) -> None:
        opened = self.all(AuditEvent, AuditEvent.tag == AuditTag.GATE_OPENED.value)
        for one in self.rounds:
            votes = self.cast[one.id]
            times = sum(event.detail.get("round") == one.round for event in opened)
            assert times == int(one.opened_at is not None)
            if one.state in GRANTED or one.opened_at is not None:
                assert 0 < one.quorum <= len(votes)
                assert set(votes.values()) <= set(GRANTING)
                assert PROPOSER not in votes

    @invariant()
    def only_the_last_round_is_alive_and_rests_on_what_is_proposed(self) -> None:
        rounds, proposal = self.rounds, self.proposal
        assert [one.state in ALIVE for one in rounds[:-1]] == [False] * len(rounds[:-1])
        if rounds and rounds[-1].state in GRANTED:
            assert rounds[-1].subject_revision == proposal.revision
        if proposal.state in PAST_THE_GATE and not proposal.recheck_required:
            assert rounds
            assert rounds[-1].state in GRANTED
            assert rounds[-1].opened_at is not None


def _round_of(authorization: Authorization) -> int:
    return authorization.round


@pytest.fixture(scope="module")
def review_template(loaded_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a database with P4 moved out of its conflict, assessed, and put to the vote."""
    folder = tmp_path_factory.mktemp("review")
    path = folder / "review.db"
    prepare(loaded_template, path, folder)
    return path


def prepare(loaded: Path, path: Path, folder: Path) -> None:
    """Bring P4 of a loaded database to the vote."""
    shutil.copy(loaded, path)
    database, clock = Database(f"sqlite:///{path}"), MovableClock()

    def start(ctx: Context) -> None:
        proposal = ctx.session.scalar(select(Proposal).where(Proposal.number == "P4"))
        assert proposal is not None
        start_authorization(ctx, proposal, amended=False)

    execute(database, clock, SYSTEM, start)
    ports = DatabasePorts(
        database,
        clock,
        media=open_media_store(str(folder / "media")),
        signer=open_statement_signer(folder / "keys"),
    )
    play = Play(database, clock, lambda: drain(database, clock, ports, TOPICS))
    play.work()
    with database.read() as session:
        finding = session.scalars(
            select(ConflictFinding).where(
                ConflictFinding.subject_number == "P4", ConflictFinding.state == "open"
            )
        ).one()
    slot = finding.ways_out["slots"][0]["start"]
    moved = {"finding_id": finding.id, "resolution": "move", "slot_start": slot}
    play.act(MANAGER, resolve_finding, **moved)
    play.do_task(MANAGER, "P4", "assess_proposal", ANSWERS["assess_proposal"])
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def play_many(examples: int, template: Path, folder: Path) -> None:
    run_machine(
        lambda: Governance(template, folder),
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_no_order_of_votes_amendments_and_kills_opens_a_gate_unduly(
    review_template: Path, tmp_path: Path
) -> None:
    play_many(QUICK, review_template, tmp_path)


@pytest.mark.long
def test_no_order_of_very_many_opens_a_gate_unduly(review_template: Path, tmp_path: Path) -> None:
    play_many(LONG, review_template, tmp_path)
