"""What a message from outside may carry: the fields its diagram declares, and nothing else."""

from __future__ import annotations

from typing import Any

from engine.context import Context
from engine.definitions import find_definition, load_definition_row
from engine.errors import BadData
from engine.ports import CommandPorts
from engine.runtime import advance as runtime
from engine.runtime.interface import MessageWait
from models.instance import Instance


def list_declared_fields(ctx: Context, instance: Instance, message_name: str) -> frozenset[str]:
    """Give the fields that an instance takes of a message it waits for (`assent:fields`)."""
    row = find_definition(ctx.session, "bpmn", row_id=instance.definition_id)
    described = runtime.describe(
        load_definition_row(row), instance.snapshot, CommandPorts(ctx, instance)
    )
    return frozenset(
        field
        for wait in described.waits
        if isinstance(wait, MessageWait) and wait.message_name == message_name
        for field in wait.fields
    )


def refuse_undeclared(payload: dict[str, Any], declared: frozenset[str], message_name: str) -> None:
    """Raise BadData `undeclared-field` for a field that the diagram does not declare.

    Otherwise a payload could set any variable, `approved` among them.
    """
    for field in payload:
        if field not in declared:
            raise BadData(
                "undeclared-field",
                f"The diagram takes no field {field!r} of the message {message_name!r}. "
                "Declare it there with assent:fields.",
                field=field,
            )
