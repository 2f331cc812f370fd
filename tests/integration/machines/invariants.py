"""What must hold of the whole database after any command, whatever happened before."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.audit import event_fields, verify_chain
from engine.context import SYSTEM, Context
from engine.instances import load_instance_definition
from engine.ports import CommandPorts
from engine.runtime import advance as runtime
from engine.runtime.interface import MessageWait, SignalWait, UserWait, Wait
from models.audit import AuditChain, AuditEvent
from models.instance import Instance, UserTask
from models.instance import MessageWait as MessageWaitRow
from models.job import Incident, Job
from models.vocabulary import InstanceState, TaskState
from tests.integration.machines.server import Server


@dataclass(frozen=True)
class Seen:
    """One instance as its rows say."""

    state: str
    waits: Counter[str]
    """The elements at which something waits for it."""
    counts: Counter[str]
    """How often each tag stands in its record."""


def check_instances(server: Server, versions: dict[str, int]) -> dict[str, Seen]:
    """Raise AssertionError for what may never be of any instance; give them by their ids.

    `versions` is what was seen before, and is brought up to date.
    """
    with server.database.read() as session:
        ctx = Context(session, SYSTEM, server.clock.now())
        waiting, counts = _find_waiting(session), _count_tags(session)
        incidents = set(
            session.scalars(select(Incident.instance_id).where(Incident.resolved_at.is_(None)))
        )
        seen = {}
        for instance in session.scalars(select(Instance)):
            rows = waiting.pop(instance.id, {})
            _check_waits(ctx, instance, set(rows), incidents)
            assert instance.version >= versions.get(instance.id, 0), "a version went back"
            versions[instance.id] = instance.version
            seen[instance.id] = Seen(instance.state, Counter(rows.values()), counts[instance.id])
        assert not waiting, f"something waits for an instance that is not there: {waiting}"
    return seen


def _check_waits(
    ctx: Context, instance: Instance, rows: set[tuple[str, str]], incidents: set[str | None]
) -> None:
    if instance.state != InstanceState.RUNNING:
        assert not rows, f"{instance.state} instance with {rows}"
        assert not instance.tokens
        return
    definition = load_instance_definition(ctx, instance)
    told = runtime.describe(definition, instance.snapshot, CommandPorts(ctx, instance))
    assert not told.ended
    assert {(_kind_of(wait), wait.ref) for wait in told.waits} == rows
    assert dict(told.tokens) == instance.tokens
    assert rows or instance.id in incidents, "a running instance has no way on"


def _kind_of(wait: Wait) -> str:
    if isinstance(wait, UserWait):
        return "task"
    return "event" if isinstance(wait, MessageWait | SignalWait) else "job"


def _find_waiting(session: Session) -> defaultdict[str, dict[tuple[str, str], str]]:
    """Give by instance what waits: the element by kind and ref. Nothing waits twice."""
    found: defaultdict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    tasks = select(UserTask.instance_id, UserTask.ref, UserTask.element_id).where(
        UserTask.state == TaskState.OPEN.value
    )
    jobs = select(Job.instance_id, Job.ref, Job.element_id).where(Job.ref.is_not(None))
    events = select(MessageWaitRow.instance_id, MessageWaitRow.ref, MessageWaitRow.element_id)
    for kind, query in (("task", tasks), ("job", jobs), ("event", events)):
        for instance_id, ref, element_id in session.execute(query):
            assert (kind, ref) not in found[instance_id], f"{element_id} waits twice"
            found[instance_id][kind, ref] = element_id
    return found


def _count_tags(session: Session) -> defaultdict[str, Counter[str]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    query = select(AuditEvent.chain_id, AuditEvent.tag, func.count()).group_by(
        AuditEvent.chain_id, AuditEvent.tag
    )
    for chain, tag, number in session.execute(query):
        found[chain][tag] = number
    return found


def check_chains(server: Server) -> None:
    """Raise AssertionError unless every chain of the record is whole up to its head."""
    with server.database.read() as session:
        _check_chains(session)


def _check_chains(session: Session) -> None:
    chains: defaultdict[str, list[AuditEvent]] = defaultdict(list)
    for one in session.scalars(select(AuditEvent).order_by(AuditEvent.chain_id, AuditEvent.seq)):
        chains[one.chain_id].append(one)
    for head in session.scalars(select(AuditChain)):
        events = chains.pop(head.id)
        assert (len(events), events[-1].hash) == (head.length, head.head)
        assert verify_chain({**event_fields(one), "hash": one.hash} for one in events) == []
    assert not chains
