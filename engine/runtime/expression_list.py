"""Lists every expression of a diagram as it is written, beside the FEEL that it is read as."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from engine.errors import ExpressionFailed
from engine.feel.juel import is_juel, translate_juel
from engine.runtime.expressions import Expression, Template
from engine.runtime.importing import translate_all
from engine.runtime.validation.document import check_ids, read_diagram
from engine.runtime.validation.expressions import Site, find_sites
from engine.runtime.xml import parse_hardened, recode_latin

NOT_READ = "a place that is not read"


@dataclass(frozen=True)
class WrittenExpression:
    """An expression of a diagram: where it stands, how it is written, how it is read."""

    element: str | None
    line: int | None
    what: str
    """What it is, for people: the condition, the topic, …"""
    written: str
    feel: str | None
    """None where it is refused; `reason` tells why."""
    reason: str | None = None

    @property
    def is_translated(self) -> bool:
        """Tell whether it was written for another tool, in `${…}` or `#{…}`."""
        return is_juel(self.written)


def list_expressions(xml: bytes) -> list[WrittenExpression]:
    """Give the expressions of a diagram by line, whether or not it can run.

    What is written in `${…}` where the runtime reads no expression is among them, so that nothing
    is passed over in silence. Raises `DiagramRefused` for what is not BPMN XML within bounds.
    """
    root = parse_hardened(recode_latin(xml))
    found = list(_read_sites(root))
    known = {(one.element, " ".join(one.written.split())) for one in found}
    for other in translate_all(root):
        if (other.element, " ".join(other.written.split())) not in known:
            found.append(
                WrittenExpression(
                    other.element, other.line, NOT_READ, other.written, other.feel, other.reason
                )
            )
    return sorted(found, key=lambda one: one.line or 0)


def _read_sites(root: etree._Element) -> Iterator[WrittenExpression]:
    if check_ids(root):
        # Without ids that are clear, nothing could say where an expression stands.
        return
    for site in find_sites(read_diagram(root)):
        try:
            feel = _write_feel(site)
        except ExpressionFailed as error:
            yield _written(site, None, error.message)
        else:
            if feel is not None:
                yield _written(site, feel)


def _written(site: Site, feel: str | None, reason: str | None = None) -> WrittenExpression:
    return WrittenExpression(site.element, site.line, site.what, site.text.strip(), feel, reason)


def _write_feel(site: Site) -> str | None:
    """Give what the runtime evaluates at a place; nothing where the text stands for itself."""
    parsed: Any = site.parse(site.text)
    if isinstance(parsed, Expression):
        return parsed.text
    if isinstance(parsed, Template):
        if parsed.literal is not None:
            return None
        only = parsed.parts[0]
        return only.text if isinstance(only, Expression) and len(parsed.parts) == 1 else (
            translate_juel(site.text)
        )  # fmt: skip
    return "\n".join(f"{one.name} = {one.expression.text}" for one in parsed)
