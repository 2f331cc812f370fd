"""The state of an instance: small, flat over time, without the diagram, readable for ever."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RunFailed
from engine.runtime import advance as runtime
from engine.runtime.definitions import load_definition
from engine.runtime.process import InstanceWorkflow, Run
from engine.runtime.script_engine import FeelScriptEngine
from engine.runtime.snapshot import load
from models.row_values import write_canonical
from tests.unit.engine.runtime.event_elements import OUTSIDE, boundary, timer
from tests.unit.engine.runtime.harness import MemoryPorts, Play, diagram, nodes, path
from tests.unit.engine.runtime.test_gateways import REWORK

GOLDEN = Path(__file__).parent / "golden"


def read(state: bytes) -> dict[str, Any]:
    text = state if state.startswith(b"{") else zlib.decompress(state)
    read: dict[str, Any] = json.loads(text)
    return read


def workflow_of(play: Play) -> InstanceWorkflow:
    return load(play.last.state, Run(play.definition, play.ports))


def test_state_does_not_grow_with_the_rounds_of_a_loop() -> None:
    play = Play(diagram(REWORK), {"again": True})
    kept: set[int] = set()
    sizes: list[int] = []
    for number in range(300):
        play.complete("a", {"A": number % 10}).complete("b", {"B": number % 10})
        kept.add(len(read(play.last.state)["tasks"]))
        sizes.append(len(play.last.state))
    assert kept == {4}
    assert max(sizes[10:]) <= max(sizes[:10])


def test_state_does_not_grow_with_reminders_that_have_ended() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("userTask", "a", "r")
        + boundary("x", "a", timer("R/PT1H", "timeCycle"), interrupting=False)
        + nodes("endEvent", "e", "f")
        + path("s", "a", "e")
        + path("x", "r", "f")
    )
    play = Play(diagram(body, outside=OUTSIDE))
    counts = set()
    for number in range(50):
        play.timer("x").complete("r", {"reminders": number})
        counts.add(len(read(play.last.state)["tasks"]))
    assert len(counts) == 1
    assert play.data == {"reminders": 49}


def test_the_diagram_is_not_in_the_state() -> None:
    play = Play(diagram(REWORK), {"again": True})
    text = json.dumps(read(play.last.state))
    assert play.definition.digest in text
    assert "enough" not in text
    assert "userTask" not in text


def test_data_that_branches_share_is_stored_once() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("parallelGateway", "f", "j")
        + nodes("userTask", *(f"t{n}" for n in range(10)))
        + nodes("endEvent", "e")
        + path("s", "f")
        + "".join(path("f", f"t{n}", "j") for n in range(10))
        + path("j", "e")
    )
    play = Play(diagram(body), {"text": "x" * 100_000})
    for number in range(9):
        play.complete(f"t{number}")
    assert len(json.dumps(read(play.last.state))) < 110_000


def test_an_ended_instance_keeps_its_variables_only() -> None:
    play = Play(
        diagram(nodes("startEvent", "s") + nodes("endEvent", "e") + path("s", "e")), {"x": 1}
    )
    assert set(read(play.last.state)) == {"v", "digest", "ended"}
    described = runtime.describe(play.definition, play.last.state, play.ports)
    assert (described.ended, described.data, described.waits) == (True, {"x": 1}, ())


def test_a_state_belongs_to_its_diagram() -> None:
    play = Play(diagram(REWORK), {"again": True})
    other = load_definition(diagram(REWORK, key="other"))
    with pytest.raises(RunFailed) as raised:
        runtime.describe(other, play.last.state, play.ports)
    assert raised.value.code == "wrong-definition"


def test_a_state_of_an_unknown_version_is_refused() -> None:
    play = Play(diagram(REWORK), {"again": True})
    state = json.dumps({**read(play.last.state), "v": 999}).encode()
    with pytest.raises(RunFailed) as raised:
        runtime.describe(play.definition, state, play.ports)
    assert raised.value.code == "state-version"


def test_a_restored_workflow_can_still_run_no_python() -> None:
    engine = workflow_of(Play(diagram(REWORK), {"again": True})).script_engine
    assert isinstance(engine, FeelScriptEngine)
    for refusing in (
        lambda: engine.execute(None, "import os"),
        lambda: engine.environment.execute("import os", {}),
        lambda: engine.call_service(None),
        lambda: engine.environment.call_service({}),
    ):
        with pytest.raises(RunFailed) as raised:
            refusing()
        assert raised.value.code == "script-refused"


def test_data_beyond_ten_megabytes_fails_and_leaves_the_state_before() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("exclusiveGateway", "m")
        + nodes("userTask", "t")
        + nodes("task", "n")
        + path("s", "m", "t", "n", "m")
    )
    play = Play(diagram(body))
    for number in range(41):
        play.complete("t", {f"text{number}": "x" * 255_000})
    before = play.last
    with pytest.raises(RunFailed) as raised:
        play.complete("t", {"text41": "x" * 255_000})
    assert raised.value.code == "too-large"
    assert play.last is before


@pytest.mark.parametrize("name", ["approval"])
def test_a_state_written_by_an_earlier_release_goes_on(name: str) -> None:
    xml = (GOLDEN / f"{name}.bpmn").read_bytes()
    expected = json.loads((GOLDEN / f"{name}.expected.json").read_text())
    values = json.loads((GOLDEN / f"{name}.kept.json").read_text())
    definition = load_definition(xml)
    for state_file in sorted(GOLDEN.glob(f"{name}.v*.json")):
        state, ports = state_file.read_bytes().strip(), MemoryPorts()
        ports.keep_values({digest: write_canonical(value) for digest, value in values.items()})
        for element in expected["complete"]:
            waits = runtime.describe(definition, state, ports).waits
            ref = next(wait.ref for wait in waits if wait.element_id == element)
            state = runtime.complete_task(definition, state, ref, {"done": element}, ports).state
        described = runtime.describe(definition, state, ports)
        assert described.ended
        assert described.data == expected["data"]


def test_a_large_value_is_not_in_the_state_and_comes_back() -> None:
    text = "x" * 100_000
    play = Play(diagram(REWORK), {"again": True, "text": text})
    play.complete("a", {"A": 1})

    assert len(play.last.state) < 2_000
    assert read(play.last.state)["v"] == 2
    assert play.last.kept_data["text"] != text
    assert runtime.describe(play.definition, play.last.state, play.ports).data["text"] == text


def test_a_state_whose_value_is_lost_is_refused() -> None:
    play = Play(diagram(REWORK), {"again": True, "text": "x" * 100_000})
    play.ports.keep_values({})

    with pytest.raises(RunFailed) as raised:
        play.complete("a", {"A": 1})
    assert raised.value.code == "value-missing"
