"""What the pages of processes, decisions and forms show: steps, tables, uses, running instances."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.contract import GATES
from engine.decisions import DecisionModel
from engine.decisions.model import DecisionTable, LiteralExpression
from engine.definitions import load_definition_row
from engine.errors import Refusal
from engine.gates import RECORD_TABLES, say_gate
from engine.runtime.expression_list import list_expressions
from engine.runtime.importing import import_diagram
from engine.runtime.interface import Definition as Diagram
from engine.runtime.interface import ElementInfo
from models.definition import Definition
from models.instance import Instance
from models.queries.definitions import list_newest
from models.vocabulary import InstanceState, Role
from webapp.diagrams import list_steps
from webapp.render.bpmn_svg import KIND_WORDS

HIT_POLICIES = {
    "UNIQUE": "exactly one rule may match",
    "FIRST": "the first rule that matches counts",
    "ANY": "all rules that match must say the same",
    "PRIORITY": "the highest output of the rules that match counts",
    "RULE ORDER": "every rule that matches counts, in the order of the table",
    "OUTPUT ORDER": "every rule that matches counts, the highest output first",
    "COLLECT": "every rule that matches counts",
}
AGGREGATIONS = {"SUM": "added up", "MIN": "the smallest", "MAX": "the largest", "COUNT": "counted"}
#: Decisions that are asked for by Assent itself, not by a step of a diagram.
ASKED_BY_ASSENT = {"conflict_policy": ("Every conflict check", "which findings stop a change")}


def count_running(session: Session) -> dict[str, dict[int, int]]:
    """Give how many instances run, by process and version; old versions count too."""
    counts: dict[str, dict[int, int]] = {}
    rows = session.execute(
        select(Definition.key, Definition.version, func.count())
        .join(Instance, Instance.definition_id == Definition.id)
        .where(Instance.state == InstanceState.RUNNING.value)
        .group_by(Definition.key, Definition.version)
        .order_by(Definition.version.desc())
    )
    for key, version, count in rows:
        counts.setdefault(key, {})[version] = count
    return counts


def sum_tokens(session: Session, definition_id: str) -> dict[str, int]:
    """Give where the running instances of a version are: tokens by element."""
    total: Counter[str] = Counter()
    for tokens in session.scalars(
        select(Instance.tokens).where(
            Instance.definition_id == definition_id, Instance.state == InstanceState.RUNNING.value
        )
    ):
        total.update(tokens)
    return dict(total)


def describe_process(session: Session, row: Definition) -> dict[str, Any]:
    """Give the steps of a diagram in reading order, who does them, and what they use."""
    diagram = load_definition_row(row)
    deployed = {(each.kind, each.key) for each in list_newest(session)}
    shapes = list_steps(row)
    known = [diagram.elements[shape.id] for shape in shapes if shape.id in diagram.elements]
    steps = [_describe_step(element, deployed) for element in known]
    return {
        "steps": steps,
        "roles": _list_roles(diagram),
        "expressions": view_expressions(row.content),
        "links": sorted(
            {(link["room"], link["key"]) for step in steps for link in step["links"] if link["url"]}
        ),
    }


def view_expressions(content: bytes) -> list[dict[str, Any]]:
    """Give the expressions of a diagram, each with the name of its element, as it is shown."""
    names = {element.id: element.name for element in import_diagram(content).elements}
    return [
        {
            "element": one.element or "",
            "name": names.get(one.element or "", ""),
            "line": one.line,
            "what": one.what.removeprefix("the ").capitalize(),
            "written": one.written,
            "feel": one.feel,
            "reason": one.reason,
            "is_translated": one.is_translated,
        }
        for one in list_expressions(content)
    ]


def find_uses(session: Session, kind: str, key: str) -> list[dict[str, str]]:
    """Give the steps of the live diagrams that use a decision or form, and the gates it guards."""
    uses = []
    for row in list_newest(session, "bpmn"):
        for element in _read_elements(row):
            named = element.decision_ref if kind == "dmn" else element.form_key
            if named == key:
                uses.append(_use(row, element.name or element.id))
    gates = [gate for gate in GATES if RECORD_TABLES.get(gate, f"criteria_{gate}") == key]
    if kind == "dmn":
        uses += [{"name": say_gate(gate), "step": "criteria of this gate", "url": ""}
                 for gate in gates]  # fmt: skip
        if key in ASKED_BY_ASSENT:
            name, step = ASKED_BY_ASSENT[key]
            uses.append({"name": name, "step": step, "url": ""})
    return uses


def describe_decision(model: DecisionModel) -> list[dict[str, Any]]:
    """Give the decisions of a model: tables as columns and rows, literal expressions as text."""
    return [
        {
            "id": decision.id,
            "name": decision.name or decision.id,
            "type": decision.type_ref,
            "requires": [
                element.name
                for reference in decision.required
                if (element := model.find(reference.id)) is not None
            ],
            "table": _describe_table(decision.expression)
            if isinstance(decision.expression, DecisionTable)
            else None,
            "expression": decision.expression.cell.text
            if isinstance(decision.expression, LiteralExpression)
            else "",
        }
        for decision in model.decisions
    ]


def _read_elements(row: Definition) -> list[ElementInfo]:
    try:
        return list(load_definition_row(row).elements.values())
    except Refusal:
        # What an older release let pass is still listed; it says itself what is wrong with it.
        return []


def _use(row: Definition, step: str) -> dict[str, str]:
    return {"name": row.name, "step": step, "url": f"/processes/{row.key}"}


def _describe_step(element: ElementInfo, deployed: set[tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": element.id,
        "name": element.name or element.id,
        "kind": KIND_WORDS.get(element.kind, element.kind),
        "event": element.event if element.event not in (None, "none") else "",
        "who": say_who(element),
        "links": list(_links(element, deployed)),
        "gate": say_gate(element.gate) if element.gate else "",
        "question": element.assent.get("question", ""),
        "several": element.multi_instance or "",
    }


def say_who(element: ElementInfo) -> str:
    """Say who does a step: a role, those whom the authority seats, a worker or Assent itself."""
    if element.kind in ("userTask", "manualTask"):
        return _say_role(_role_asked(element)) or "those who are seated"
    if element.topic:
        return f"worker {element.topic}"
    if element.record:
        return "Assent, on record"
    return "Assent" if element.kind.endswith("Task") else ""


def _role_asked(element: ElementInfo) -> str:
    """Give the role a task asks: its lane's, but at a gate those whom the authority seats."""
    return "" if element.gate else element.role or ""


def _say_role(role: str) -> str:
    return Role(role).label if role in set(Role) else role


def _links(element: ElementInfo, deployed: set[tuple[str, str]]) -> list[dict[str, str]]:
    wanted = [("form", "forms", element.form_key), ("dmn", "decisions", element.decision_ref)]
    if element.kind == "callActivity":
        wanted.append(("bpmn", "processes", element.reference))
    return [
        {"room": room, "key": key, "url": f"/{room}/{key}" if (kind, key) in deployed else ""}
        for kind, room, key in wanted
        if key
    ]


def _list_roles(diagram: Diagram) -> list[dict[str, Any]]:
    """Give the roles a diagram asks, with the user tasks of each."""
    tasks: dict[str, list[str]] = {}
    for element in diagram.elements.values():
        if element.kind == "userTask":
            tasks.setdefault(_role_asked(element), []).append(element.name or element.id)
    return [
        {
            "name": _say_role(role) if role else "Those who are seated",
            "meaning": Role(role).meaning if role in set(Role) else "named by the authority level",
            "tasks": names,
        }
        for role, names in sorted(tasks.items())
    ]


def _describe_table(table: DecisionTable) -> dict[str, Any]:
    policy = table.hit_policy or "UNIQUE"
    words = HIT_POLICIES.get(policy, "")
    if table.aggregation:
        words = f"{words}; the outputs are {AGGREGATIONS.get(table.aggregation, table.aggregation)}"
    return {
        "policy": policy,
        "policy_words": words,
        "inputs": [
            {
                "label": clause.label or clause.expression.text,
                "expression": clause.expression.text,
                "type": clause.type_ref,
                "allowed": clause.allowed,
            }
            for clause in table.inputs
        ],
        "outputs": [
            {
                "label": clause.label or clause.name or "Result",
                "name": clause.name,
                "type": clause.type_ref,
                "allowed": clause.allowed,
                "default": clause.default.text if clause.default else "",
            }
            for clause in table.outputs
        ],
        "rules": table.rules,
        "annotated": any(rule.annotation for rule in table.rules),
    }
