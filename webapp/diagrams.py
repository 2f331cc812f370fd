"""Diagrams of instances and definitions as SVG; a layout is read once for each digest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from markupsafe import Markup
from sqlalchemy.orm import Session

from engine.definitions import DeployedVersion, find_definition
from engine.runtime.layout import DiagramLayout, Shape, read_layout
from models.definition import Definition
from models.instance import Instance
from webapp.render.bpmn_svg import outline, render_diagram


def draw_instance(session: Session, instance: Instance, selected: str = "") -> Markup:
    """Draw the diagram of an instance with its live tokens and what is done."""
    row = find_definition(session, "bpmn", row_id=instance.definition_id)
    return render_diagram(
        _layout(row.digest, row.content),
        instance.tokens,
        instance.visits,
        title=f"{row.name}, {instance.business_key}",
        selected=selected,
    )


def draw_definition(row: Definition, tokens: Mapping[str, int] | None = None) -> Markup:
    """Draw a definition, with the tokens of all its running instances where they are given."""
    return render_diagram(_layout(row.digest, row.content), tokens or {}, {}, title=row.name)


def draw_afterwards(
    row: Definition | DeployedVersion, instance: Instance, tokens: Mapping[str, int]
) -> Markup:
    """Draw a version with the tokens that an instance would have, and what it has done."""
    title = f"{row.name}, {instance.business_key}, afterwards"
    return render_diagram(_layout(row.digest, row.content), tokens, instance.visits, title=title)


def list_steps(row: Definition) -> list[Shape]:
    """Give the steps of a definition in reading order."""
    return outline(_layout(row.digest, row.content))


@lru_cache(maxsize=64)
def _layout(digest: str, content: bytes) -> DiagramLayout:
    return read_layout(content)
