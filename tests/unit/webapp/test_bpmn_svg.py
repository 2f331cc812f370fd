"""Diagrams become SVG that is well-formed, safe, says its state in words and needs no styles."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.runtime.layout import Bounds, DiagramLayout, Edge, Shape, read_layout
from tests.browser.gallery.diagrams import every_element, release_layout
from webapp.render.bpmn_svg import Heat, outline, render_diagram
from webapp.render.bpmn_text import measure, wrap

PROJECT = Path(__file__).resolve().parents[3]
REFERENCE = PROJECT / ".." / "shared" / "conformance" / "bpmn-miwg-reference"
SVG = "{http://www.w3.org/2000/svg}"


def parse(markup: object) -> ElementTree.Element:
    return ElementTree.fromstring(str(markup))


def group(markup: object, element: str) -> ElementTree.Element:
    found = parse(markup).find(f".//*[@data-element='{element}']")
    assert found is not None
    return found


def one(shape: Shape, *edges: Edge) -> DiagramLayout:
    return DiagramLayout("Small", (shape,), edges)


def test_each_element_is_drawn_once_under_its_id() -> None:
    layout = every_element()
    root = parse(render_diagram(layout))
    drawn = [found.get("data-element") for found in root.iter() if found.get("data-element")]
    expected = [item.id for item in (*layout.shapes, *layout.edges)]
    assert sorted(map(str, drawn)) == sorted(expected)


def test_the_picture_says_in_words_what_is_active_and_done() -> None:
    markup = render_diagram(release_layout(), {"auth": 2}, {"check": 3, "s": 1})
    root = parse(markup)
    assert root.get("role") == "img"
    assert root.get("aria-label") == (
        "Diagram of Release and deployment, 7 steps. Active now: Authorize deployment (2). "
        "Done: Start, Check conflicts."
    )
    assert group(markup, "auth").findtext(f"{SVG}title") == (
        "User task: Authorize deployment (active 2 times)"
    )
    assert group(markup, "check").findtext(f"{SVG}title") == (
        "Service task: Check conflicts (done 3 times)"
    )


def test_state_is_a_class_and_a_live_token_hides_what_was_before() -> None:
    markup = render_diagram(
        release_layout(),
        {"auth": 1},
        {"auth": 2, "check": 1, "f1": 1},
        interrupted={"dep"},
        selected="plan",
    )
    classes = {
        name: str(group(markup, name).get("class")).split()
        for name in ("auth", "check", "dep", "plan", "f1", "f2")
    }
    assert classes == {
        "auth": ["el", "userTask", "live"],
        "check": ["el", "serviceTask", "done"],
        "dep": ["el", "userTask", "cut"],
        "plan": ["el", "userTask", "sel"],
        "f1": ["ed", "sequenceFlow", "done"],
        "f2": ["ed", "sequenceFlow"],
    }


def test_tokens_are_counted_in_badges() -> None:
    root = parse(render_diagram(release_layout(), {"auth": 12, "dep": 1, "gone": 4}))
    badges = [
        badge.findtext(f"{SVG}text")
        for badge in root.iter(f"{SVG}g")
        if badge.get("class") == "badge"
    ]
    assert badges == ["12", "1"]


def test_heat_replaces_colors_and_writes_its_words() -> None:
    markup = render_diagram(release_layout(), {"auth": 1}, heat={"auth": Heat(9, "p90 61 h")})
    assert str(group(markup, "auth").get("class")).endswith("heat-4")
    assert "p90 61 h</text>" in markup
    assert 'class="badge"' not in markup


def test_tokens_inside_a_collapsed_subprocess_show_on_it() -> None:
    shape = Shape("sub", "subProcess", Bounds(0, 0, 100, 80), "Sub")
    layout = DiagramLayout("x", (shape,), (), folded={"a": "sub", "b": "sub"})
    markup = render_diagram(layout, {"a": 1, "b": 3})
    assert str(group(markup, "sub").get("class")).endswith("live")
    assert ">3</text>" in markup


@pytest.mark.parametrize(
    "attack", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "&#x3c;"]
)
def test_names_are_shown_as_text_whatever_they_hold(attack: str) -> None:
    shape = Shape('a"b', "userTask", Bounds(0, 0, 300, 200), attack, event=attack)
    edge = Edge("<f>", "sequenceFlow", ((0, 0), (9, 9)), attack)
    root = parse(render_diagram(one(shape, edge), title=attack))
    assert {found.tag for found in root.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "g", "title", "rect", "path", "text", "tspan")
    }
    assert attack in str(root.get("aria-label"))
    assert root.find(".//*[@data-element='<f>']") is not None


def test_nothing_carries_styles_scripts_or_ids() -> None:
    markup = render_diagram(every_element(), {"userTask": 1}, {"serviceTask": 1})
    found = {name for element in parse(markup).iter() for name in element.attrib}
    assert found.isdisjoint({"style", "id", "fill", "stroke", "onclick", "href"})


def test_a_drawing_without_shapes_is_still_a_picture() -> None:
    root = parse(render_diagram(DiagramLayout("Empty", (), ())))
    assert root.get("aria-label") == "Diagram of Empty, 0 steps."


def test_the_frame_holds_everything_with_a_margin() -> None:
    shape = Shape("a", "task", Bounds(-50, 10, 100, 80), label=Bounds(0, 200, 10, 14))
    root = parse(render_diagram(one(shape, Edge("f", "sequenceFlow", ((50, 50), (400, 50))))))
    assert root.get("viewBox") == "-74 -14 498 252"


@pytest.mark.parametrize(
    "points",
    [((0, 0), (0, 0)), ((0, 0), (10, 0), (10, 0)), ((5, 5), (5, 5), (5, 5), (9, 5))],
)
def test_lines_whose_points_coincide_are_drawn(points: tuple[tuple[float, float], ...]) -> None:
    shape = Shape("a", "task", Bounds(0, 0, 10, 10))
    edge = Edge("f", "sequenceFlow", points, "name", default=True)
    assert "nan" not in render_diagram(one(shape, edge))


def test_the_outline_lists_steps_from_left_to_right() -> None:
    assert [shape.id for shape in outline(release_layout())] == [
        "s",
        "check",
        "auth",
        "late",
        "plan",
        "dep",
        "e",
    ]


def test_labels_wrap_to_their_width_and_end_in_an_ellipsis() -> None:
    assert wrap("Authorize deployment of it", 90, 12, 3) == ("Authorize", "deployment of", "it")
    assert wrap("one two three four", 40, 12, 2)[-1].endswith("…")
    assert all(measure(line, 12) <= 60 for line in wrap("Donaudampfschiffahrt", 60, 12, 9))
    assert wrap("check-in-to-the-library", 60, 12, 9)[0].endswith("-")
    assert wrap("  ", 60, 12, 3) == ()


def test_a_word_is_broken_only_where_it_has_to_be_and_never_near_its_end() -> None:
    assert wrap("Review the implementation", 86, 12, 4) == ("Review the", "implementation")
    for width in range(30, 86):
        lines = wrap("implementation", width, 12, 9)
        assert "".join(lines) == "implementation"
        assert len(lines[-1]) >= 3


def test_every_process_that_ships_is_drawn_without_overlapping_names() -> None:
    for path in sorted((PROJECT / "processes").glob("*.bpmn")):
        layout = read_layout(path.read_bytes())
        root = parse(render_diagram(layout, {layout.shapes[-1].id: 1}))
        assert len(list(root.iter(f"{SVG}g"))) >= len(layout.shapes) + len(layout.edges)


def _reference_files() -> list[Path]:
    return sorted(REFERENCE.glob("*.bpmn"))


@pytest.mark.skipif(not _reference_files(), reason="the BPMN MIWG reference diagrams are absent")
@pytest.mark.parametrize("path", _reference_files(), ids=lambda path: path.stem)
def test_reference_diagrams_are_drawn_completely(path: Path) -> None:
    # given a reference diagram of the interchange working group, some of them in Latin-1
    xml = path.read_bytes()
    if re.match(rb"<\?xml[^>]*ISO-8859-1", xml, re.IGNORECASE):
        text = xml.decode("iso-8859-1").replace("ISO-8859-1", "UTF-8", 1)
        xml = text.replace("iso-8859-1", "UTF-8", 1).encode()
    # when it is drawn
    layout = read_layout(xml)
    root = parse(render_diagram(layout))
    # then every shape and edge is there with a name for its kind
    drawn = {found.get("data-element") for found in root.iter() if found.get("data-element")}
    assert drawn == {item.id for item in (*layout.shapes, *layout.edges)}
    assert len(layout.shapes) > 3
    assert "nan" not in ElementTree.tostring(root, encoding="unicode").lower().replace("finan", "")
