"""Gateways: which tokens they wait for, which flows they follow, how they merge data."""

from __future__ import annotations

import itertools

import pytest

from engine.errors import DiagramRefused, RunFailed
from tests.unit.engine.runtime.harness import Play, diagram, flow, nodes, path, script

pytestmark = pytest.mark.usefixtures("mode")

REWORK = (
    nodes("startEvent", "s")
    + nodes("userTask", "a", "b")
    + nodes("parallelGateway", "fork", "join")
    + nodes("exclusiveGateway", "merge")
    + '<exclusiveGateway id="enough" default="enough_e"/>'
    + nodes("endEvent", "e")
    + path("s", "merge", "fork", "a", "join", "enough", "e")
    + path("fork", "b", "join")
    + flow("enough", "merge", "again")
)


@pytest.mark.parametrize("orders", list(itertools.product(["ab", "ba"], repeat=4)))
def test_a_parallel_approval_in_a_rework_loop_needs_both_votes_every_round(
    orders: tuple[str, ...],
) -> None:
    play = Play(diagram(REWORK), {"again": True})
    for number, order in enumerate(orders):
        again = number + 1 < len(orders)
        first, second = order
        play.complete(first, {first.upper(): number})
        assert play.offered == [second]
        assert not play.ended
        play.complete(second, {second.upper(): number, "again": again})
        assert play.data["A"] == play.data["B"] == number
    assert play.ended


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_a_rejection_in_one_branch_survives_the_other_finishing_last(order: str) -> None:
    play = Play(diagram(REWORK), {"again": True})
    play.complete("a", {"A": "yes"}).complete("b", {"B": "no"})

    for task in order:
        play.complete(task, {"A": "no"} if task == "a" else {"B": "yes", "again": False})

    assert (play.data["A"], play.data["B"]) == ("no", "yes")


CONFLICT = (
    nodes("startEvent", "s")
    + nodes("userTask", "a", "b")
    + nodes("parallelGateway", "fork", "join")
    + nodes("endEvent", "e")
    + path("s", "fork", "a", "join", "e")
    + path("fork", "b", "join")
)


def test_branches_that_change_a_variable_differently_fail_at_the_join() -> None:
    play = Play(diagram(CONFLICT), {"x": 0})
    play.complete("a", {"x": 1})
    before = play.last

    with pytest.raises(RunFailed) as raised:
        play.complete("b", {"x": 2})

    assert (raised.value.code, raised.value.element) == ("data-conflict", "join")
    assert play.last is before


def test_the_same_change_in_both_branches_is_no_conflict() -> None:
    play = Play(diagram(CONFLICT), {"x": 0})
    play.complete("a", {"x": 1}).complete("b", {"x": 1})
    assert play.data == {"x": 1}


def test_true_and_one_are_different_changes() -> None:
    play = Play(diagram(CONFLICT), {"x": 0})
    play.complete("a", {"x": 1})
    with pytest.raises(RunFailed):
        play.complete("b", {"x": True})


@pytest.mark.parametrize(("order", "value"), [("ab", 2), ("ba", 1)])
def test_a_variable_declared_last_wins_takes_the_later_value(order: str, value: int) -> None:
    play = Play(diagram(CONFLICT, attributes='assent:lastWins="y, x"'), {"x": 0})
    for task in order:
        play.complete(task, {"x": 1 if task == "a" else 2})
    assert play.data == {"x": value}


def test_while_branches_disagree_the_instance_shows_the_value_before_they_parted() -> None:
    body = CONFLICT.replace(path("fork", "a"), path("fork", "a0", "a"))
    play = Play(diagram(body + nodes("userTask", "a0")), {"x": 0})
    play.complete("a0", {"x": 1, "y": 1})
    assert play.data == {"x": 1, "y": 1}
    assert play.wait("b").data == {"x": 0}


def test_a_value_changed_before_an_inner_split_does_not_conflict_with_a_later_change() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("userTask", "a", "b", "c")
        + nodes("parallelGateway", "outer", "inner", "join")
        + script("set", "x = 1")
        + nodes("endEvent", "e")
        + path("s", "outer", "set", "inner", "a", "join", "e")
        + path("inner", "b", "join")
        + path("outer", "c", "join")
    )
    play = Play(diagram(body), {"x": 0})
    play.complete("a", {"x": 2}).complete("b").complete("c")
    assert play.data == {"x": 2}
    assert play.ended


def inclusive() -> str:
    return (
        nodes("startEvent", "s")
        + '<inclusiveGateway id="fork" default="fork_c"/>'
        + nodes("inclusiveGateway", "join")
        + nodes("userTask", "a", "b", "c", "z")
        + nodes("endEvent", "e")
        + path("s", "fork")
        + flow("fork", "a", "wantA")
        + flow("fork", "b", "wantB")
        + path("fork", "c")
        + path("a", "join")
        + path("b", "join")
        + path("c", "join")
        + path("join", "z", "e")
    )


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        ({"wantA": True, "wantB": True}, ["a", "b"]),
        ({"wantA": True, "wantB": False}, ["a"]),
        ({"wantA": False, "wantB": False}, ["c"]),
        ({"wantA": None, "wantB": True}, ["b"]),
    ],
)
def test_an_inclusive_gateway_waits_for_exactly_the_branches_it_opened(
    wanted: dict[str, bool], offered: list[str]
) -> None:
    play = Play(diagram(inclusive()), wanted)
    assert play.offered == offered
    for task in offered[:-1]:
        play.complete(task)
        assert "z" not in play.offered
    play.complete(offered[-1])
    assert play.offered == ["z"]


def test_an_inclusive_join_waits_for_a_slow_branch_that_merges_on_its_way() -> None:
    body = (
        nodes("startEvent", "s")
        + '<inclusiveGateway id="fork" default="fork_b"/>'
        + nodes("inclusiveGateway", "join")
        + '<exclusiveGateway id="x" default="x_c"/>'
        + nodes("exclusiveGateway", "merge")
        + nodes("userTask", "a", "b", "c", "d", "z")
        + nodes("endEvent", "e")
        + path("s", "fork")
        + flow("fork", "a", "true")
        + flow("fork", "x", "true")
        + flow("fork", "b")
        + path("a", "join", "z", "e")
        + path("b", "join")
        + flow("x", "d", "false")
        + path("x", "c", "merge", "join")
        + path("d", "merge")
    )
    play = Play(diagram(body))
    assert play.offered == ["a", "c"]
    play.complete("a")
    assert play.offered == ["c"]
    play.complete("c")
    assert play.offered == ["z"]


def test_an_inclusive_block_in_a_loop_waits_in_every_round() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("exclusiveGateway", "merge")
        + '<inclusiveGateway id="fork" default="fork_b"/>'
        + nodes("inclusiveGateway", "join")
        + '<exclusiveGateway id="x" default="x_e"/>'
        + nodes("userTask", "a", "b")
        + nodes("endEvent", "e")
        + path("s", "merge", "fork")
        + flow("fork", "a", "true")
        + flow("fork", "c", "true")
        + nodes("userTask", "c")
        + path("fork", "b", "join")
        + path("a", "join", "x", "e")
        + path("c", "join")
        + flow("x", "merge", "again")
    )
    play = Play(diagram(body), {"again": True})
    for number, (first, second) in enumerate([("a", "c"), ("c", "a"), ("a", "c")]):
        assert play.offered == ["a", "c"]
        play.complete(first)
        assert play.offered == [second]
        play.complete(second, {"again": number < 2})
    assert play.ended


def test_a_gateway_may_join_and_fork_at_once_and_empty_branches_count() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("parallelGateway", "fork", "both", "join")
        + nodes("userTask", "a", "b", "c")
        + nodes("endEvent", "e")
        + path("s", "fork", "a", "both", "b", "join", "e")
        + flow("fork", "both", id="empty1")
        + flow("fork", "both", id="empty2")
        + path("both", "c", "join")
    )
    play = Play(diagram(body))
    assert play.offered == ["a"]
    play.complete("a")
    assert play.offered == ["b", "c"]
    play.complete("c").complete("b")
    assert play.ended
    assert play.trace.count("both") == 1


def test_an_exclusive_gateway_takes_the_first_true_flow_and_then_no_other() -> None:
    body = (
        nodes("startEvent", "s")
        + '<exclusiveGateway id="x" default="x_c"/>'
        + nodes("userTask", "a", "b", "c")
        + path("s", "x")
        + flow("x", "a", "n > 5")
        + flow("x", "b", "=n > 3")
        + flow("x", "c")
        + nodes("endEvent", "e")
        + path("a", "e")
        + path("b", "e")
        + path("c", "e")
    )
    assert Play(diagram(body), {"n": 7}).offered == ["a"]
    assert Play(diagram(body), {"n": 4}).offered == ["b"]
    assert Play(diagram(body), {"n": 1}).offered == ["c"]
    assert Play(diagram(body), {}).offered == ["c"]


def test_no_true_condition_and_no_default_fails_naming_the_gateway() -> None:
    body = nodes("startEvent", "s") + nodes("exclusiveGateway", "x") + nodes("endEvent", "e", "f")
    xml = diagram(body + path("s", "x") + flow("x", "e", "n = 1") + flow("x", "f", "n = 2"))
    with pytest.raises(RunFailed) as raised:
        Play(xml, {"n": 3})
    assert (raised.value.code, raised.value.element) == ("no-flow", "x")


def test_a_condition_that_is_no_truth_value_fails_naming_the_flow() -> None:
    body = nodes("startEvent", "s") + nodes("exclusiveGateway", "x") + nodes("endEvent", "e", "f")
    xml = diagram(body + path("s", "x") + flow("x", "e", "n + 1") + flow("x", "f"))
    with pytest.raises(RunFailed) as raised:
        Play(xml, {"n": 3})
    assert raised.value.element == "x_e"


def test_an_activity_follows_all_its_true_flows_or_the_default() -> None:
    body = (
        nodes("startEvent", "s")
        + '<userTask id="t" default="t_d"/>'
        + nodes("userTask", "a", "b", "c", "d")
        + nodes("endEvent", "e")
        + path("s", "t")
        + flow("t", "a", "n > 1")
        + flow("t", "b", "n > 2")
        + flow("t", "d")
        + "".join(path(name, "e") for name in "abcd")
    )
    assert Play(diagram(body)).complete("t", {"n": 3}).offered == ["a", "b"]
    assert Play(diagram(body)).complete("t", {"n": 0}).offered == ["d"]
    assert Play(diagram(body + path("t", "c"))).complete("t", {"n": 0}).offered == ["c"]


def test_several_flows_out_of_an_event_and_into_a_task_pass_each_token() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("userTask", "a")
        + nodes("task", "x", "y")
        + nodes("endEvent", "e")
        + path("s", "x", "a", "e")
        + path("s", "y", "a")
    )
    play = Play(diagram(body))
    assert play.offered == ["a", "a"]
    assert play.last.tokens == {"a": 2}
    play.complete("a")
    assert not play.ended
    assert play.complete("a").ended


def test_a_condition_after_a_parallel_gateway_is_refused() -> None:
    body = nodes("startEvent", "s") + nodes("parallelGateway", "f") + nodes("endEvent", "e")
    with pytest.raises(DiagramRefused) as raised:
        Play(diagram(body + path("s", "f") + flow("f", "e", "x")))
    assert raised.value.problems[0]["code"] == "condition-ignored"


def test_two_bare_flows_out_of_an_exclusive_gateway_are_refused() -> None:
    body = nodes("startEvent", "s") + nodes("exclusiveGateway", "f") + nodes("endEvent", "e", "g")
    with pytest.raises(DiagramRefused) as raised:
        Play(diagram(body + path("s", "f", "e") + path("f", "g")))
    assert raised.value.problems[0]["code"] == "no-default"
