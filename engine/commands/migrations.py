"""Bringing running instances to another version of their diagram, one or many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from engine.audit import record_event
from engine.context import Context
from engine.definitions import DeployedVersion, find_definition, load_definition_row
from engine.errors import ENGINE_FAILURES, Conflict, GateClosed, InvalidInput, NotFound, Refusal
from engine.gates import say_gate
from engine.instances import advance_instance
from engine.interventions import (
    Problem,
    load_for_change,
    read_gate_order,
    require_reason,
    trial,
)
from engine.runtime import migration
from engine.runtime.gate_order import GateOrder
from engine.runtime.interface import Advance, Ports
from engine.runtime.interface import Definition as Diagram
from engine.runtime.migration import MigrationPlan
from engine.waits import rename_waits
from models.definition import Definition
from models.instance import Instance
from models.queries.authorizations import list_open_gates
from models.queries.definitions import find_version
from models.queries.instances import list_running_ids
from models.vocabulary import AuditTag

MAXIMUM_INSTANCES = 50
"""How many instances one command brings to another version."""


@dataclass(frozen=True)
class ElementMigration:
    """What becomes of one element with a token or an armed event."""

    element_id: str
    outcome: Literal["mapped", "dropped", "refused"]
    target: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class MigrationReport:
    """What migrating an instance does, or would do, element by element."""

    instance_id: str
    business_key: str
    from_version: int
    to_version: int
    mapped: Mapping[str, str]
    """Elements with live tokens or armed events, and the elements that take their place."""
    dropped: tuple[str, ...]
    """Armed events that the new version lacks; they no longer wait."""
    problems: tuple[Problem, ...]
    before: Mapping[str, int]
    after: Mapping[str, int]
    done: bool

    @property
    def elements(self) -> list[ElementMigration]:
        """Tell element by element what maps, what does not and why; problems go first."""
        refused = [ElementMigration(p.element, "refused", None, p.reason) for p in self.problems]
        known = {one.element_id for one in refused}
        mapped = [
            ElementMigration(element, "mapped", target)
            for element, target in self.mapped.items()
            if element not in known
        ]
        return refused + mapped + [ElementMigration(one, "dropped") for one in self.dropped]


@dataclass(frozen=True)
class _Move:
    """An instance on its way from one version to another."""

    instance: Instance
    old_row: DeployedVersion
    new_row: Definition
    old: Diagram
    new: Diagram
    mapping: Mapping[str, str]
    plan: MigrationPlan

    def report(
        self, problems: Sequence[Problem], before: Mapping[str, int], *, done: bool
    ) -> MigrationReport:
        """Give the report as things stand now."""
        return MigrationReport(
            self.instance.id, self.instance.business_key, self.old_row.version,
            self.new_row.version, dict(self.plan.mapped), self.plan.dropped, tuple(problems),
            dict(before), dict(self.instance.tokens), done,
        )  # fmt: skip


def migrate_instance(
    ctx: Context,
    *,
    instance_id: str,
    version: int | None = None,
    mapping: Mapping[str, str] | None = None,
    reason: str = "",
    expected_version: int | None = None,
    dry_run: bool = False,
) -> MigrationReport:
    """Bring a running instance to another version of its diagram, by default the newest.

    `mapping` gives the new ids of renamed elements. A dry run does all of it, undoes it, and tells
    where every token would go and which have no place; it needs no reason. Raises Conflict when
    one has none, GateClosed when a token would find itself behind a gate that it never passed or
    before none where it had one, and StaleInstance when the instance is not at `expected_version`.
    """
    said = "" if dry_run else require_reason(reason)
    instance = load_for_change(ctx, instance_id, expected_version)
    move = _plan(ctx, instance, version, dict(mapping or {}))
    before = dict(instance.tokens)
    problems = [Problem(p.element, Conflict.code, p.reason) for p in move.plan.problems]
    problems += _find_closed_gates(ctx, move)
    if not dry_run:
        _refuse(problems)
        _carry_out(ctx, move, said)
        return move.report((), before, done=True)
    if problems:
        return move.report(problems, before, done=False)
    try:
        with trial(ctx) as tried:
            _carry_out(tried, move, "a dry run")
            return move.report((), before, done=False)
    except Refusal as refusal:
        problem = Problem(refusal.field or "", refusal.code, refusal.message)
        return move.report([problem], before, done=False)


def migrate_instances(
    ctx: Context,
    *,
    process_key: str,
    from_version: int,
    version: int | None = None,
    mapping: Mapping[str, str] | None = None,
    instance_ids: Sequence[str] | None = None,
    reason: str = "",
    dry_run: bool = False,
) -> list[MigrationReport]:
    """Bring many running instances of one version to another; give what became of each.

    All running ones of `from_version` (at most 50, the oldest first), or those named. Each goes
    over by itself: one that is refused stays where it is, with the reason, and hinders no other.
    """
    if not dry_run:
        require_reason(reason)
    old_row = find_version(ctx.session, "bpmn", process_key, from_version)
    if old_row is None:
        raise NotFound(f"There is no version {from_version} of {process_key}.")
    running = list_running_ids(ctx.session, old_row.id)
    chosen = running[:MAXIMUM_INSTANCES] if instance_ids is None else list(instance_ids)
    if len(chosen) > MAXIMUM_INSTANCES:
        raise InvalidInput(f"Name at most {MAXIMUM_INSTANCES} at once.", field="instances")
    strange = [one for one in chosen if one not in set(running)]
    if strange:
        raise NotFound(
            f"{strange[0][:80]} does not run version {from_version} of {process_key}.",
            field="instances",
        )
    options = {"version": version, "mapping": mapping, "reason": reason, "dry_run": dry_run}
    return [_migrate_one(ctx, instance_id, options) for instance_id in sorted(set(chosen))]


def _migrate_one(ctx: Context, instance_id: str, options: dict[str, Any]) -> MigrationReport:
    try:
        # One that fails takes back what is its own, and nothing of those before it.
        with ctx.session.begin_nested():
            own = Context(ctx.session, ctx.actor, ctx.now)
            return migrate_instance(own, instance_id=instance_id, **options)
    except (GateClosed, Conflict, *ENGINE_FAILURES):
        return migrate_instance(ctx, instance_id=instance_id, **{**options, "dry_run": True})


def _plan(
    ctx: Context, instance: Instance, version: int | None, mapping: Mapping[str, str]
) -> _Move:
    old_row = find_definition(ctx.session, "bpmn", row_id=instance.definition_id)
    new_row = find_version(ctx.session, "bpmn", instance.process_key, version)
    if new_row is None:
        raise NotFound(f"There is no version {version} of {instance.process_key}.")
    if new_row.id == old_row.id:
        raise Conflict(f"The instance runs version {new_row.version} already.")
    old, new = load_definition_row(old_row), load_definition_row(new_row)
    for source, target in mapping.items():
        if source not in old.elements:
            raise InvalidInput(
                f"Version {old_row.version} has no element {source}.", field=f"mapping.{source}"
            )
        if target not in new.elements:
            raise InvalidInput(
                f"Version {new_row.version} has no element {target}.", field=f"mapping.{source}"
            )
    plan = migration.plan_migration(old, new, instance.snapshot, mapping)
    return _Move(instance, old_row, new_row, old, new, mapping, plan)


def _find_closed_gates(ctx: Context, move: _Move) -> list[Problem]:
    """Tell the tokens that would get past a gate, or go on without one that they have before them.

    A version that asks for fewer authorizations is for new instances; those that run keep theirs.
    """
    before, after = read_gate_order(ctx, move.old), read_gate_order(ctx, move.new)
    opened = list_open_gates(ctx.session, move.instance)
    found = []
    for element in before.innermost(move.plan.mapped):
        target = move.plan.mapped[element]
        for gate in after.gates:
            if _gets_past(gate, (before, element), (after, target), gate in opened):
                reason = (
                    f"The new version puts it behind {say_gate(gate).lower()}, which is closed."
                )
                found.append(Problem(element, GateClosed.code, reason))
        for gate in before.gates:
            if before.is_ahead(gate, element) and not after.is_ahead(gate, target):
                reason = f"The new version no longer has {say_gate(gate).lower()} before it."
                found.append(Problem(element, GateClosed.code, reason))
    return found


def _gets_past(
    gate: str, old: tuple[GateOrder, str], new: tuple[GateOrder, str], is_open: bool
) -> bool:
    """Tell whether a token is put behind a gate that it has not passed in the old version."""
    before, element = old
    after, target = new
    if not after.is_behind(gate, target) or before.is_behind(gate, element):
        return False
    return not is_open or before.is_ahead(gate, element) or after.is_ahead(gate, target)


def _refuse(problems: Sequence[Problem]) -> None:
    if not problems:
        return
    first, detail = problems[0], [vars(problem) for problem in problems]
    if first.code == GateClosed.code:
        raise GateClosed(first.reason, field=first.element, problems=detail)
    raise Conflict(f"{first.element}: {first.reason}", field=first.element, problems=detail)


def _carry_out(ctx: Context, move: _Move, reason: str) -> None:
    instance = move.instance
    before, state = dict(instance.tokens), instance.snapshot
    instance.definition_id = move.new_row.id
    advance = advance_instance(ctx, instance, partial(_migrate_state, move, state))
    rename_waits(ctx, instance, advance)
    record_event(
        ctx,
        AuditTag.INSTANCE_MIGRATED,
        instance.business_key,
        f"{ctx.actor.name} brought it from version {move.old_row.version} of the diagram "
        f"to version {move.new_row.version}: {reason}",
        chain=instance.id,
        detail={
            "reason": reason,
            "from": move.old_row.version,
            "to": move.new_row.version,
            "mapped": dict(move.plan.mapped),
            "dropped": list(move.plan.dropped),
            "before": before,
            "after": dict(instance.tokens),
        },
    )


def _migrate_state(
    move: _Move, state: bytes, _definition: Diagram, _state: bytes, ports: Ports
) -> Advance:
    return migration.migrate(move.old, move.new, state, ports, move.mapping)
