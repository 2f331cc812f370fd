"""Writes BPMN from a short notation, so that a test shows its diagram in a few lines.

A line is a node (`user approve`), a path (`start > approve > end`), a flow with a condition
(`choose > yes : amount > 10`), or a default flow (`choose > no : default`). What follows a node's
id goes into its tag (`user approve name="Approve"`); after `|` comes what is inside its tag. A line
that ends with `{` opens a subprocess, `}` closes it.
"""

from __future__ import annotations

import itertools
from xml.sax.saxutils import quoteattr

KINDS = {
    "start": "startEvent",
    "end": "endEvent",
    "user": "userTask",
    "manual": "manualTask",
    "service": "serviceTask",
    "send": "sendTask",
    "receive": "receiveTask",
    "script": "scriptTask",
    "rule": "businessRuleTask",
    "task": "task",
    "call": "callActivity",
    "xor": "exclusiveGateway",
    "and": "parallelGateway",
    "or": "inclusiveGateway",
    "events": "eventBasedGateway",
    "complex": "complexGateway",
    "catch": "intermediateCatchEvent",
    "throw": "intermediateThrowEvent",
    "boundary": "boundaryEvent",
    "sub": "subProcess",
    "adhoc": "adHocSubProcess",
    "transaction": "transaction",
}
TIMER = "<timerEventDefinition><timeDuration>{}</timeDuration></timerEventDefinition>"
SPACES = (
    'xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"'
    ' xmlns:camunda="http://camunda.org/schema/1.0/bpmn"'
    ' xmlns:assent="urn:assent:bpmn:1"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)


def draw(
    notation: str,
    *,
    key: str = "p",
    before: str = "",
    inside: str = "",
    attributes: str = "",
) -> bytes:
    """Return a whole file with one process.

    `before` goes before the process (messages, errors), `inside` into it (lanes, properties).
    """
    return document(before + process(notation, key=key, inside=inside, attributes=attributes))


def document(content: str) -> bytes:
    """Wrap processes and declarations into a file."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<definitions {SPACES} id="definitions"'
        f' targetNamespace="test">\n{content}\n</definitions>\n'
    ).encode()


def process(notation: str, *, key: str = "p", inside: str = "", attributes: str = "") -> str:
    """Return one process element."""
    return (
        f'<process id="{key}" isExecutable="true" {attributes}>\n{inside}'
        f"{_body(notation)}</process>"
    )


def _body(notation: str) -> str:
    written: list[str] = []
    closers: list[str] = []
    defaults: list[tuple[str, str]] = []
    for number, raw in enumerate(notation.strip().splitlines()):
        line = raw.strip()
        if not line:
            continue
        if line == "}":
            written.append(closers.pop())
        elif line.split()[0] in KINDS:
            written.append(_node(line, closers))
        else:
            written += _flows(line, number, defaults)
    text = "".join(written)
    for node, flow in defaults:
        text = text.replace(f'id="{node}" ', f'id="{node}" default="{flow}" ', 1)
    return text


def _node(line: str, closers: list[str]) -> str:
    head, _, content = line.partition("|")
    opens = head.rstrip().endswith("{")
    words = head.rstrip().rstrip("{").split(None, 2)
    tag = KINDS[words[0]]
    attributes = words[2] if len(words) > 2 else ""
    opening = f'<{tag} id="{words[1]}" {attributes}>{content}'
    if opens:
        closers.append(f"</{tag}>\n")
        return f"{opening}\n"
    return f"{opening}</{tag}>\n"


def _flows(line: str, number: int, defaults: list[tuple[str, str]]) -> list[str]:
    path, _, condition = line.partition(" : ")
    nodes = [part.strip() for part in path.split(">")]
    found = []
    for index, (source, target) in enumerate(itertools.pairwise(nodes)):
        flow = f"f{number}_{index}"
        inner = ""
        if condition.strip() == "default":
            defaults.append((source, flow))
        elif condition:
            text = condition.strip().replace("&", "&amp;").replace("<", "&lt;")
            inner = (
                f'<conditionExpression xsi:type="tFormalExpression">{text}</conditionExpression>'
            )
        found.append(
            f"<sequenceFlow id={quoteattr(flow)} sourceRef={quoteattr(source)}"
            f" targetRef={quoteattr(target)}>{inner}</sequenceFlow>\n"
        )
    return found
