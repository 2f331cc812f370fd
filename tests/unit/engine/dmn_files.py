"""Writes small DMN files for tests."""

from __future__ import annotations

from html import escape

from engine.decisions import DecisionModel
from engine.runtime.dmn_reader import read_decision_model

NAMESPACE = "https://www.omg.org/spec/DMN/20191111/MODEL/"


def definitions(inner: str, namespace: str = "urn:test", name: str = "Test") -> bytes:
    """Return a DMN file with these elements."""
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<definitions xmlns="{NAMESPACE}" id="d" '
        f'name="{name}" namespace="{namespace}">\n{inner}\n</definitions>'
    )
    return text.encode()


def table(
    rows: list[tuple[list[str], list[str]]],
    *,
    inputs: list[tuple[str, str]],
    outputs: list[tuple[str, str]] | None = None,
    hit_policy: str = "UNIQUE",
    extra: str = "",
) -> str:
    """Return a decision table; inputs are (expression, type), outputs (name, inner XML)."""
    parts = [f'<decisionTable id="t" hitPolicy="{hit_policy}" {extra}>']
    for place, (expression, type_ref) in enumerate(inputs):
        parts.append(
            f'<input id="i{place}"><inputExpression typeRef="{type_ref}">'
            f"<text>{escape(expression)}</text></inputExpression></input>"
        )
    for place, (name, inner) in enumerate(outputs or [("out", "")]):
        parts.append(f'<output id="o{place}" name="{name}">{inner}</output>')
    for place, (conditions, results) in enumerate(rows, start=1):
        parts.append(f'<rule id="r{place}"><description>note {place}</description>')
        parts += (_cell("inputEntry", f"r{place}c", text) for text in conditions)
        parts += (_cell("outputEntry", f"r{place}o", text) for text in results)
        parts.append("</rule>")
    return "\n".join([*parts, "</decisionTable>"])


def _cell(kind: str, identifier: str, text: str) -> str:
    return f'<{kind} id="{identifier}"><text>{escape(text)}</text></{kind}>'


def decision(logic: str, name: str = "Answer", required: str = "", type_ref: str = "") -> str:
    """Return a decision with this logic."""
    variable = f'<variable name="{name}" typeRef="{type_ref}"/>' if type_ref else ""
    identifier = "id_" + name.replace(" ", "_")
    inner = variable + required + logic
    return f'<decision id="{identifier}" name="{name}">{inner}</decision>'


def literal(text: str) -> str:
    """Return a literal expression."""
    return f"<literalExpression><text>{escape(text)}</text></literalExpression>"


def requires(kind: str, target: str) -> str:
    """Return a requirement: kind is Input, Decision or Knowledge, target an href."""
    holder = "knowledgeRequirement" if kind == "Knowledge" else "informationRequirement"
    return f'<{holder}><required{kind} href="{target}"/></{holder}>'


def model_of(inner: str) -> DecisionModel:
    """Return the model of a file with these elements."""
    return read_decision_model(definitions(inner))
