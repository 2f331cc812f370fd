"""The shipped diagrams are drawn so that a person can read them, and the check lets them pass."""

from __future__ import annotations

from itertools import combinations
from xml.etree import ElementTree

import pytest

from engine.runtime.layout import Bounds, read_layout
from tests.scenarios.shipped import DIAGRAMS, PROCESSES, diagram, form

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
ASSENT = "urn:assent:bpmn:1"
CONTAINERS = frozenset({"participant", "lane", "subProcess", "boundaryEvent", "textAnnotation"})


def layout(key):
    return read_layout((PROCESSES / f"{key}.bpmn").read_bytes())


def overlap(first: Bounds, second: Bounds) -> bool:
    return (
        first.x < second.right
        and second.x < first.right
        and first.y < second.bottom
        and second.y < first.bottom
    )


def crosses(start: tuple[float, float], end: tuple[float, float], box: Bounds) -> bool:
    left, right = sorted((start[0], end[0]))
    top, bottom = sorted((start[1], end[1]))
    return left < box.right and right > box.x and top < box.bottom and bottom > box.y


@pytest.mark.parametrize("key", DIAGRAMS)
def test_every_element_is_drawn(key):
    drawn = {shape.id for shape in layout(key).shapes} | {edge.id for edge in layout(key).edges}

    assert set(diagram(key).elements) - drawn - {key} == set()


@pytest.mark.parametrize("key", DIAGRAMS)
def test_no_shape_lies_on_another(key):
    shapes = [shape for shape in layout(key).shapes if shape.kind not in CONTAINERS]

    pairs = [(a.id, b.id) for a, b in combinations(shapes, 2) if overlap(a.bounds, b.bounds)]

    assert pairs == []


@pytest.mark.parametrize("key", DIAGRAMS)
def test_flows_are_drawn_straight_and_around_the_shapes(key):
    drawing = layout(key)
    shapes = [shape for shape in drawing.shapes if shape.kind not in CONTAINERS]
    wrong = []
    for edge in drawing.edges:
        for start, end in zip(edge.waypoints, edge.waypoints[1:], strict=False):
            if start[0] != end[0] and start[1] != end[1]:
                wrong.append((edge.id, "slanted"))
            wrong += [
                (edge.id, shape.id)
                for shape in shapes
                if shape.id not in (edge.source, edge.target) and crosses(start, end, shape.bounds)
            ]

    assert wrong == []


@pytest.mark.parametrize("key", DIAGRAMS)
def test_labels_lie_on_no_task_and_inside_the_pool(key):
    drawing = layout(key)
    pool = next(shape.bounds for shape in drawing.shapes if shape.kind == "participant")
    tasks = [shape for shape in drawing.shapes if shape.kind.endswith("Task")]
    labels = [(item.id, item.label) for item in (*drawing.shapes, *drawing.edges) if item.label]

    wrong = [
        (owner, task.id) for owner, label in labels for task in tasks if overlap(label, task.bounds)
    ]
    outside = [
        owner
        for owner, label in labels
        if label.x < pool.x or label.right > pool.right or label.bottom > pool.bottom
    ]

    assert wrong == []
    assert outside == []


@pytest.mark.parametrize("key", DIAGRAMS)
def test_every_exclusive_choice_has_a_default_and_every_user_task_a_form_and_a_question(key):
    drawing = layout(key)
    splits = {
        shape.id
        for shape in drawing.shapes
        if shape.kind == "exclusiveGateway"
        and sum(edge.source == shape.id for edge in drawing.edges) > 1
    }
    defaults = {edge.source for edge in drawing.edges if edge.default}
    tasks = [element for element in diagram(key).elements.values() if element.kind == "userTask"]

    assert splits - defaults == set()
    questions = {
        task.get("id"): task.get(f"{{{ASSENT}}}question", "")
        for task in ElementTree.parse(PROCESSES / f"{key}.bpmn").iter(f"{{{BPMN}}}userTask")
    }
    for task in tasks:
        assert task.form_key is not None
        assert form(task.form_key).fields
        assert "?" in questions[task.id]


@pytest.mark.parametrize("key", DIAGRAMS)
def test_names_are_in_sentence_case_and_ids_say_what_they_are(key):
    for element in diagram(key).elements.values():
        assert element.id == element.id.lower()
        assert element.name == "" or element.name[0].isupper()
        assert not any(word[0].isupper() for word in element.name.split()[1:] if word != "DML")
