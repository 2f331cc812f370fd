"""The sample diagrams of the gallery: a small process, and one of every element."""

from __future__ import annotations

from engine.runtime.layout import Bounds, DiagramLayout, Edge, Shape


def release_layout() -> DiagramLayout:
    """A small release process with a rework loop and a deadline."""
    shapes = (
        Shape("pool", "participant", Bounds(0, 0, 900, 260), "Release and deployment"),
        Shape("l1", "lane", Bounds(30, 0, 870, 140), "Change management"),
        Shape("l2", "lane", Bounds(30, 140, 870, 120), "Deployment"),
        Shape("s", "startEvent", Bounds(60, 52, 36, 36)),
        Shape("check", "serviceTask", Bounds(140, 30, 110, 80), "Check conflicts"),
        Shape(
            "auth", "userTask", Bounds(300, 30, 110, 80), "Authorize deployment", loop="parallel"
        ),
        Shape(
            "late",
            "boundaryEvent",
            Bounds(382, 92, 36, 36),
            "2 days",
            event="timer",
            attached_to="auth",
            interrupting=False,
        ),
        Shape("gw", "exclusiveGateway", Bounds(470, 45, 50, 50), "Decision?"),
        Shape("dep", "userTask", Bounds(580, 160, 110, 80), "Deploy and verify"),
        Shape("plan", "userTask", Bounds(580, 30, 110, 80), "Rework the plan"),
        Shape("e", "endEvent", Bounds(780, 182, 36, 36), "Deployed"),
    )
    edges = (
        Edge("f1", "sequenceFlow", ((96, 70), (140, 70)), source="s", target="check"),
        Edge("f2", "sequenceFlow", ((250, 70), (300, 70))),
        Edge("f3", "sequenceFlow", ((410, 70), (470, 70))),
        Edge("f4", "sequenceFlow", ((495, 95), (495, 200), (580, 200)), "go"),
        Edge("f5", "sequenceFlow", ((520, 70), (580, 70)), "back", default=True),
        Edge("f6", "sequenceFlow", ((635, 30), (635, 12), (195, 12), (195, 30))),
        Edge("f7", "sequenceFlow", ((690, 200), (780, 200))),
    )
    return DiagramLayout("Release and deployment", shapes, edges)


def every_element() -> DiagramLayout:
    """One of everything that can be drawn."""
    tasks = [
        "task",
        "userTask",
        "serviceTask",
        "businessRuleTask",
        "scriptTask",
        "sendTask",
        "receiveTask",
        "manualTask",
        "callActivity",
        "subProcess",
    ]
    shapes = [
        Shape(
            kind,
            kind,
            Bounds(20 + index % 5 * 140, index // 5 * 110, 110, 80),
            f"{kind} with a name",
            loop=("", "loop", "parallel", "sequential")[index % 4],
        )
        for index, kind in enumerate(tasks)
    ]
    kinds = [
        "",
        "message",
        "timer",
        "error",
        "escalation",
        "signal",
        "terminate",
        "link",
        "conditional",
        "compensate",
        "cancel",
        "multiple",
        "parallelMultiple",
    ]
    for row, kind in enumerate(
        ["startEvent", "intermediateCatchEvent", "intermediateThrowEvent", "endEvent"]
    ):
        shapes += [
            Shape(
                f"{kind}-{event}",
                kind,
                Bounds(20 + index * 62, 240 + row * 66, 36, 36),
                event or "plain",
                event=event,
                interrupting=index % 5 != 4,
            )
            for index, event in enumerate(kinds)
        ]
    gateways = [
        "exclusiveGateway",
        "parallelGateway",
        "inclusiveGateway",
        "eventBasedGateway",
        "complexGateway",
    ]
    shapes += [
        Shape(kind, kind, Bounds(30 + index * 110, 520, 50, 50), f"{kind[:-7]}?")
        for index, kind in enumerate(gateways)
    ]
    shapes += [
        Shape("data", "dataObjectReference", Bounds(600, 520, 36, 50), "Data", collection=True),
        Shape("store", "dataStoreReference", Bounds(670, 520, 50, 50), "Store"),
        Shape("note", "textAnnotation", Bounds(740, 510, 100, 60), "A note about\nthis"),
        Shape("grp", "group", Bounds(580, 490, 280, 120), "Group"),
        Shape(
            "sub",
            "subProcess",
            Bounds(20, 620, 300, 120),
            "Expanded",
            expanded=True,
            event_subprocess=True,
        ),
        Shape("in", "userTask", Bounds(60, 650, 110, 70), "Inside it"),
    ]
    edges = (
        Edge("m", "messageFlow", ((340, 640), (560, 640)), "message"),
        Edge("a", "association", ((340, 680), (560, 680)), direction="one"),
        Edge(
            "c",
            "sequenceFlow",
            ((340, 720), (450, 720), (450, 700), (560, 700)),
            "if so",
            conditional=True,
        ),
    )
    return DiagramLayout("Every element", tuple(shapes), edges)
