"""Moving, adding and cancelling tokens of a running instance by hand, never past a gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.audit import record_event
from engine.context import Context
from engine.errors import GateClosed, InvalidInput, Refusal
from engine.gates import say_gate
from engine.instances import advance_instance, load_instance_definition
from engine.interventions import (
    Problem,
    list_closed_gates,
    load_for_change,
    read_gate_order,
    require_reason,
    separate_mover,
    trial,
)
from engine.runtime.gate_order import GateOrder
from engine.runtime.interface import ElementInfo
from engine.runtime.modification import Instruction, modify
from models.instance import Instance
from models.vocabulary import AuditTag

MAXIMUM_INSTRUCTIONS = 50
SEATING = "authority.seat"
"""The record action that names who decides, and so begins a round."""
_ARGUMENTS = {"move": ("from", "to"), "add": ("at",), "cancel": ("at",)}


@dataclass(frozen=True)
class Modification:
    """What a modification does, or would do: the tokens before and after, by element."""

    instance_id: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    passed: tuple[str, ...]
    """The elements that completed on the way, in order."""
    ended: bool
    problems: tuple[Problem, ...]
    done: bool


def modify_instance(
    ctx: Context,
    *,
    instance_id: str,
    instructions: Sequence[Mapping[str, Any]],
    reason: str = "",
    expected_version: int | None = None,
    dry_run: bool = False,
) -> Modification:
    """Move, add or cancel tokens of a running instance, with a reason.

    Each instruction is one of `{"move": {"from", "to"}}`, `{"add": {"at"}}`, `{"cancel": {"at"}}`
    with ids of elements. Nothing gets onto an element that opens a gate, and no token past a gate
    that the diagram would have made it open. A dry run does all of it, undoes it, and tells what
    would be refused; it needs no reason. Raises NotAllowed, SeparationOfDuties, StaleInstance,
    GateClosed, InvalidInput naming the element, or Conflict.
    """
    read = read_instructions(instructions)
    said = "" if dry_run else require_reason(reason)
    instance = load_for_change(ctx, instance_id, expected_version)
    before = dict(instance.tokens)
    closed = find_closed(ctx, instance, read)
    if not dry_run:
        separate_mover(ctx, instance)
        if closed:
            raise GateClosed(closed[0].reason, field=closed[0].element)
        return _carry_out(ctx, instance, read, said)
    if closed:
        return Modification(instance.id, before, before, (), False, tuple(closed), False)
    try:
        with trial(ctx) as tried:
            separate_mover(tried, instance)
            return _carry_out(tried, instance, read, "a dry run", done=False)
    except Refusal as refusal:
        problem = Problem(refusal.field or "", refusal.code, refusal.message)
        return Modification(instance_id, before, before, (), False, (problem,), False)


def read_instructions(given: Sequence[Mapping[str, Any]]) -> list[Instruction]:
    """Read instructions as clients write them; raises InvalidInput naming the wrong one."""
    if not 1 <= len(given) <= MAXIMUM_INSTRUCTIONS:
        raise InvalidInput(f"Give 1 to {MAXIMUM_INSTRUCTIONS} instructions.", field="instructions")
    return [_read_instruction(one, f"instructions.{place}") for place, one in enumerate(given)]


def _read_instruction(given: Mapping[str, Any], field: str) -> Instruction:
    if not isinstance(given, Mapping) or len(given) != 1 or not set(given) <= set(_ARGUMENTS):
        raise InvalidInput("An instruction is one of move, add, cancel.", field=field)
    [(kind, arguments)] = given.items()
    wanted = _ARGUMENTS[kind]
    if (
        not isinstance(arguments, Mapping)
        or set(arguments) != set(wanted)
        or not all(isinstance(value, str) and value for value in arguments.values())
    ):
        raise InvalidInput(f"{kind} takes {' and '.join(wanted)}.", field=field)
    if kind == "move":
        return Instruction("move", arguments["from"], arguments["to"])
    if kind == "add":
        return Instruction("add", target=arguments["at"])
    return Instruction("cancel", source=arguments["at"])


def find_closed(
    ctx: Context, instance: Instance, instructions: Sequence[Instruction]
) -> list[Problem]:
    """Give the gates that the instructions would open or get a token past, none of which may be."""
    diagram = load_instance_definition(ctx, instance)
    order = read_gate_order(ctx, diagram)
    problems = [
        Problem(
            target,
            GateClosed.code,
            f"Only the flow of the diagram leads to {target}, which belongs to "
            f"{say_gate(gate).lower()}; a new round begins where its seats are named.",
        )
        for target in (one.target or "" for one in instructions)
        for gate in _list_own_gates(order, diagram.elements.get(target))
    ]
    before = order.innermost(instance.tokens)
    after = _place_tokens(order, before, instructions)
    closed = list_closed_gates(ctx, instance, order, before)
    problems += [
        Problem(
            element,
            GateClosed.code,
            f"This would get a token to {element} past {say_gate(gate).lower()}, which is not "
            "open in its current round.",
        )
        for element, gate in order.find_skipped(before, after, closed)
    ]
    return problems


def _list_own_gates(order: GateOrder, element: ElementInfo | None) -> tuple[str, ...]:
    """Give the gates that are voted on, counted or opened at an element.

    A round is voted on once, so no token enters it in the middle.
    """
    if element is None or element.record == SEATING:
        return ()
    return order.opens(element.id) or ((element.gate,) if element.gate else ())


def _place_tokens(
    order: GateOrder, before: Sequence[str], instructions: Sequence[Instruction]
) -> list[str]:
    """Give where tokens are once the instructions are carried out, and before they go on."""
    places = list(before)
    for one in instructions:
        if one.source is not None:
            places = [
                place
                for place in places
                if place != one.source and one.source not in order.around(place)
            ]
        if one.target is not None:
            places.append(one.target)
    return places


def _carry_out(
    ctx: Context,
    instance: Instance,
    instructions: Sequence[Instruction],
    reason: str,
    *,
    done: bool = True,
) -> Modification:
    before = dict(instance.tokens)
    advance = advance_instance(ctx, instance, lambda d, s, ports: modify(d, s, instructions, ports))
    after = dict(instance.tokens)
    record_event(
        ctx,
        AuditTag.INSTANCE_MODIFIED,
        instance.business_key,
        f"{ctx.actor.name} {_say(instructions)}: {reason}",
        chain=instance.id,
        detail={
            "instructions": [_write_instruction(one) for one in instructions],
            "reason": reason,
            "before": before,
            "after": after,
        },
    )
    passed = tuple(step.element_id for step in advance.steps if step.state == "completed")
    return Modification(instance.id, before, after, passed, advance.ended, (), done)


def _write_instruction(one: Instruction) -> dict[str, dict[str, str | None]]:
    arguments = {"from": one.source, "to": one.target}
    return {one.kind: arguments if one.kind == "move" else {"at": one.source or one.target}}


def _say(instructions: Sequence[Instruction]) -> str:
    verbs = {"move": "moved", "add": "added", "cancel": "cancelled"}
    counts = Counter(one.kind for one in instructions)
    if len(instructions) == 1:
        one = instructions[0]
        where = f"from {one.source} to {one.target}" if one.kind == "move" else (
            f"at {one.source or one.target}"
        )  # fmt: skip
        return f"{verbs[one.kind]} a token {where}"
    return f"{', '.join(f'{verbs[kind]} {count}' for kind, count in counts.items())} tokens"
