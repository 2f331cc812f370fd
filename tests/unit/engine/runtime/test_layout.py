"""The drawing of a BPMN file is read as it is, or refused with the element that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import InvalidInput
from engine.runtime.layout import Bounds, read_layout

PROCESSES = Path(__file__).resolve().parents[4] / "processes"

HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI" '
    'xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" '
    'xmlns:dd="http://www.omg.org/spec/DD/20100524/DI" id="d" targetNamespace="t">'
)


def shape(element: str, bounds: str = 'x="1" y="2" width="100" height="80"', more: str = "") -> str:
    return (
        f'<di:BPMNShape id="s_{element}" bpmnElement="{element}" {more}>'
        f"<dc:Bounds {bounds}/></di:BPMNShape>"
    )


def file(process: str, *drawings: str, before: str = "") -> bytes:
    plane = "".join(drawings)
    return (
        f'{HEAD}{before}<process id="p" name="Release">{process}</process><di:BPMNDiagram id="g">'
        f'<di:BPMNPlane id="l" bpmnElement="p">{plane}</di:BPMNPlane></di:BPMNDiagram>'
        "</definitions>"
    ).encode()


def test_kind_name_bounds_marks_and_label_are_read() -> None:
    # given a multi-instance user task with a label of its own
    xml = file(
        '<userTask id="a" name="Vote&#10;on it"><multiInstanceLoopCharacteristics/></userTask>',
        shape("a").replace(
            "</di:BPMNShape>",
            '<di:BPMNLabel><dc:Bounds x="5" y="90" width="40" height="14"/></di:BPMNLabel>'
            "</di:BPMNShape>",
        ),
    )
    # when it is read
    layout = read_layout(xml)
    # then it says all of it
    (task,) = layout.shapes
    assert (layout.name, task.kind, task.name, task.loop) == (
        "Release",
        "userTask",
        "Vote on it",
        "parallel",
    )
    assert task.bounds == Bounds(1, 2, 100, 80)
    assert task.label == Bounds(5, 90, 40, 14)
    assert layout.names() == {"a": "Vote on it"}


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ('<startEvent id="a"><timerEventDefinition/></startEvent>', ("timer", True)),
        (
            '<startEvent id="a" isInterrupting="false"><signalEventDefinition/></startEvent>',
            ("signal", False),
        ),
        (
            '<boundaryEvent id="a" cancelActivity="false"><errorEventDefinition/></boundaryEvent>',
            ("error", False),
        ),
        ('<endEvent id="a"><terminateEventDefinition/></endEvent>', ("terminate", True)),
        ('<endEvent id="a"/>', ("", True)),
        (
            '<intermediateCatchEvent id="a"><messageEventDefinition/><timerEventDefinition/>'
            "</intermediateCatchEvent>",
            ("multiple", True),
        ),
        (
            '<intermediateCatchEvent id="a" parallelMultiple="true"><messageEventDefinition/>'
            "<timerEventDefinition/></intermediateCatchEvent>",
            ("parallelMultiple", True),
        ),
        (
            '<startEvent id="a"><eventDefinitionRef>m1</eventDefinitionRef></startEvent>',
            ("message", True),
        ),
    ],
)
def test_the_definition_of_an_event_is_read(element: str, expected: tuple[str, bool]) -> None:
    before = '<messageEventDefinition id="m1"/>'
    (event,) = read_layout(file(element, shape("a"), before=before)).shapes
    assert (event.event, event.interrupting) == expected


def test_default_and_conditional_flows_are_told_apart() -> None:
    # given a flow with a condition out of a task, one out of a gateway, and a default flow
    flows = "".join(
        f'<sequenceFlow id="{name}" name="{name}" sourceRef="{source}" targetRef="b">'
        f"{condition}</sequenceFlow>"
        for name, source, condition in (
            ("one", "a", "<conditionExpression>x</conditionExpression>"),
            ("two", "g", "<conditionExpression>x</conditionExpression>"),
            ("three", "g", ""),
        )
    )
    drawings = [
        f'<di:BPMNEdge id="e_{name}" bpmnElement="{name}"><dd:waypoint x="0" y="0"/>'
        '<dd:waypoint x="10" y="0"/></di:BPMNEdge>'
        for name in ("one", "two", "three", "unknown")
    ]
    process = f'<task id="a"/><task id="b"/><exclusiveGateway id="g" default="three"/>{flows}'
    # when they are read
    edges = read_layout(file(process, *drawings)).edges
    # then only the flow out of the task is marked conditional, and unknown ones are left out
    assert [(edge.id, edge.conditional, edge.default) for edge in edges] == [
        ("one", True, False),
        ("two", False, False),
        ("three", False, True),
    ]


def test_what_lies_in_a_collapsed_subprocess_is_folded_into_it() -> None:
    process = '<subProcess id="sub"><task id="inner"/></subProcess>'
    layout = read_layout(file(process, shape("sub", more='isExpanded="false"'), shape("inner")))
    assert [found.id for found in layout.shapes] == ["sub"]
    assert layout.folded == {"inner": "sub"}


def test_a_subprocess_whose_inside_is_drawn_is_expanded() -> None:
    process = '<subProcess id="sub"><task id="inner"/></subProcess>'
    layout = read_layout(file(process, shape("sub"), shape("inner")))
    assert [(found.id, found.expanded) for found in layout.shapes] == [
        ("sub", True),
        ("inner", False),
    ]


def test_a_file_without_a_drawing_gives_an_empty_layout() -> None:
    layout = read_layout(f'{HEAD}<process id="p" name="Bare"/></definitions>'.encode())
    assert (layout.name, layout.shapes, layout.edges) == ("Bare", (), ())


@pytest.mark.parametrize("wrong", ["nan", "1e9", "inf", "ten", "-1e300"])
def test_a_coordinate_that_is_none_is_refused_with_its_element(wrong: str) -> None:
    xml = file('<task id="a"/>', shape("a", f'x="{wrong}" y="0" width="1" height="1"'))
    with pytest.raises(InvalidInput, match="not a usable coordinate") as refusal:
        read_layout(xml)
    assert refusal.value.field == "a"


@pytest.mark.parametrize("path", sorted(PROCESSES.glob("*.bpmn")), ids=lambda path: path.stem)
def test_every_process_that_ships_has_a_layout(path: Path) -> None:
    layout = read_layout(path.read_bytes())
    assert len(layout.shapes) > 5
    assert len(layout.edges) > 5
