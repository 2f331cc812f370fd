"""Diagrams of instances and definitions as SVG; a layout is read once for each digest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from markupsafe import Markup
from sqlalchemy.orm import Session

from engine.definitions import find_definition
from engine.runtime.layout import DiagramLayout, read_layout
from models.definition import Definition
from models.instance import Instance
from webapp.render.bpmn_svg import render_diagram


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


def draw_definition(row: Definition, done: Mapping[str, int] | None = None) -> Markup:
    """Draw a definition without tokens."""
    return render_diagram(_layout(row.digest, row.content), {}, done or {}, title=row.name)


@lru_cache(maxsize=64)
def _layout(digest: str, content: bytes) -> DiagramLayout:
    return read_layout(content)
