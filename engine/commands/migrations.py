"""Changing running instances by hand: to another version of their diagram, or token by token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.audit import record_event
from engine.context import Context
from engine.definitions import find_definition, load_definition_row
from engine.errors import Conflict, GateClosed, InvalidInput, NotAllowed, NotFound, UnknownProcess
from engine.gates import say_gate
from engine.instances import advance_instance, load_instance, load_instance_definition
from engine.runtime import migration
from engine.runtime.gate_order import GateOrder
from engine.runtime.interface import Definition
from engine.runtime.migration import MigrationPlan
from engine.runtime.modification import Instruction, modify
from engine.waits import rename_waits
from models.instance import Instance
from models.queries.authorizations import list_open_gates
from models.queries.definitions import find_version
from models.vocabulary import AuditTag, InstanceState, Role

MAXIMUM_INSTRUCTIONS = 50


@dataclass(frozen=True)
class MigrationReport:
    """What migrating an instance does, or would do."""

    instance_id: str
    from_version: int
    to_version: int
    mapped: dict[str, str]
    dropped: list[str]
    problems: list[dict[str, str]]
    done: bool


def migrate_instance(
    ctx: Context,
    *,
    instance_id: str,
    version: int | None = None,
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> MigrationReport:
    """Bring a running instance to another version of its diagram, by default the newest.

    `mapping` gives the new ids of renamed elements. A dry run changes nothing and tells where
    every token would go and which have no place. Raises Conflict when one has none, GateClosed
    when the new version puts a gate before a token that is not open in its current round.
    """
    instance = _load_running(ctx, instance_id)
    old_row = find_definition(ctx.session, "bpmn", row_id=instance.definition_id)
    new_row = find_version(ctx.session, "bpmn", instance.process_key, version)
    if new_row is None:
        raise NotFound(f"There is no version {version} of {instance.process_key}.")
    if new_row.id == old_row.id:
        raise Conflict(f"The instance runs version {new_row.version} already.")
    old, new = load_definition_row(old_row), load_definition_row(new_row)
    renamed = dict(mapping or {})
    plan = migration.plan_migration(old, new, instance.snapshot, renamed)
    closed = _find_closed_gates(ctx, instance, old, new, plan)
    report = MigrationReport(
        instance_id=instance.id,
        from_version=old_row.version,
        to_version=new_row.version,
        mapped=dict(plan.mapped),
        dropped=list(plan.dropped),
        problems=[{"element": p.element, "reason": p.reason} for p in plan.problems] + closed,
        done=not dry_run,
    )
    if dry_run:
        return report
    _refuse_problems(plan, closed, report)
    before = dict(instance.tokens)
    state, instance.definition_id = instance.snapshot, new_row.id
    advance = advance_instance(
        ctx, instance, lambda _d, _s, ports: migration.migrate(old, new, state, ports, renamed)
    )
    rename_waits(ctx, instance, advance)
    _record(ctx, instance, before, report)
    return report


def modify_instance(
    ctx: Context, *, instance_id: str, instructions: Sequence[Mapping[str, Any]], reason: str
) -> Instance:
    """Move, add or cancel tokens of a running instance, with a reason.

    Each instruction is one of `{"move": {"from", "to"}}`, `{"add": {"at"}}`, `{"cancel": {"at"}}`
    with ids of elements. No token gets onto an element that opens a gate, nor past one: it may
    go where flows lead from its element without opening a gate, and behind gates only if each of
    them is open in its current round and was opened after those before it. Raises GateClosed,
    InvalidInput naming the element, or Conflict.
    """
    read = [_read_instruction(given, number) for number, given in enumerate(instructions, start=1)]
    if not 1 <= len(read) <= MAXIMUM_INSTRUCTIONS:
        raise InvalidInput(f"Give 1 to {MAXIMUM_INSTRUCTIONS} instructions.", field="instructions")
    if not reason.strip():
        raise InvalidInput("Say why; it goes on record.", field="reason")
    instance = _load_running(ctx, instance_id)
    gates = GateOrder(load_instance_definition(ctx, instance), _loader(ctx))
    for instruction in read:
        _refuse_gate(ctx, instance, gates, instruction)
    before = dict(instance.tokens)
    advance_instance(ctx, instance, lambda d, state, ports: modify(d, state, read, ports))
    record_event(
        ctx,
        AuditTag.INSTANCE_MODIFIED,
        instance.business_key,
        f"{ctx.actor.name} changed where it is: {reason.strip()}",
        chain=instance.id,
        detail={
            "instructions": [dict(given) for given in instructions],
            "reason": reason.strip(),
            "before": before,
            "after": dict(instance.tokens),
        },
    )
    return instance


def _load_running(ctx: Context, instance_id: str) -> Instance:
    if not ctx.actor.holds(Role.PROCESS_OWNER):
        raise NotAllowed("Only a process owner changes running instances.")
    instance = load_instance(ctx, instance_id)
    if instance.state != InstanceState.RUNNING:
        raise Conflict("The instance has ended already.")
    return instance


def _loader(ctx: Context) -> Any:
    def load(key: str) -> Definition | None:
        try:
            return load_definition_row(find_definition(ctx.session, "bpmn", key))
        except UnknownProcess:
            return None

    return load


def _find_closed_gates(
    ctx: Context, instance: Instance, old: Definition, new: Definition, plan: MigrationPlan
) -> list[dict[str, str]]:
    """Tell the tokens that would find themselves behind a gate that they never passed."""
    load = _loader(ctx)
    before, after = GateOrder(old, load), GateOrder(new, load)
    opened = list_open_gates(ctx.session, instance)
    found = []
    for element, target in plan.mapped.items():
        passed = {*before.before(element), *opened}
        for gate in after.before(target):
            if gate not in passed:
                reason = (
                    f"The new version puts it behind {say_gate(gate).lower()}, which is closed."
                )
                found.append({"element": element, "reason": reason})
    return found


def _refuse_problems(
    plan: MigrationPlan, closed: list[dict[str, str]], report: MigrationReport
) -> None:
    if plan.problems:
        first = plan.problems[0]
        raise Conflict(
            f"{first.element}: {first.reason}", field=first.element, problems=report.problems
        )
    if closed:
        raise GateClosed(closed[0]["reason"], field=closed[0]["element"], problems=closed)


def _record(
    ctx: Context, instance: Instance, before: dict[str, Any], report: MigrationReport
) -> None:
    record_event(
        ctx,
        AuditTag.INSTANCE_MIGRATED,
        instance.business_key,
        f"{ctx.actor.name} brought it from version {report.from_version} of the diagram "
        f"to version {report.to_version}",
        chain=instance.id,
        detail={
            "from": report.from_version,
            "to": report.to_version,
            "mapped": report.mapped,
            "dropped": report.dropped,
            "before": before,
            "after": dict(instance.tokens),
        },
    )


def _read_instruction(given: Mapping[str, Any], number: int) -> Instruction:
    field = f"instructions.{number}"
    if not isinstance(given, Mapping) or len(given) != 1:
        raise InvalidInput("An instruction is one of move, add, cancel.", field=field)
    [(kind, arguments)] = given.items()
    names = {"move": {"from", "to"}, "add": {"at"}, "cancel": {"at"}}.get(kind)
    if names is None:
        raise InvalidInput("An instruction is one of move, add, cancel.", field=field)
    if (
        not isinstance(arguments, Mapping)
        or set(arguments) != names
        or not all(isinstance(value, str) and value for value in arguments.values())
    ):
        raise InvalidInput(f"{kind} takes {' and '.join(sorted(names))}.", field=field)
    if kind == "move":
        return Instruction("move", arguments["from"], arguments["to"])
    if kind == "add":
        return Instruction("add", target=arguments["at"])
    return Instruction("cancel", source=arguments["at"])


def _refuse_gate(
    ctx: Context, instance: Instance, gates: GateOrder, instruction: Instruction
) -> None:
    target = instruction.target
    if target is None:
        return
    opens = gates.opens(target)
    if opens:
        raise GateClosed(
            f"{target} opens {say_gate(opens[0]).lower()}; only the flow of the diagram does that.",
            field=target,
        )
    if instruction.source and gates.leads_on(instruction.source, target):
        return
    opened = list_open_gates(ctx.session, instance)
    last = None
    for gate in gates.before(target):
        at = opened.get(gate)
        if at is None or (last is not None and at < last):
            raise GateClosed(
                f"{target} is behind {say_gate(gate).lower()}, which is not open in its current "
                "round.",
                field=target,
                gate=gate,
            )
        last = at
