"""The token game: what gets stuck, runs twice, is dead or never ends, against a second player."""

from __future__ import annotations

import random

import pytest

from engine.runtime.validation.check import check_diagram
from engine.runtime.validation.context import Policy, PublishContext
from engine.runtime.validation.problems import Problem
from tests.unit.engine.validation.drawing import TIMER, draw

ANYTHING = PublishContext(policy=Policy(roles=False), declared=frozenset({"yes"}))


def check(notation: str) -> list[Problem]:
    return check_diagram(draw(notation), ANYTHING)


def codes(notation: str) -> set[str]:
    return {problem.code for problem in check(notation)}


SOUND = {
    "parallel reviews in a rework loop": """
        start begin
        xor again
        and split
        user a
        user b
        and join
        xor choose
        end done
        begin > again > split > a > join > choose
        split > b > join
        choose > again : yes
        choose > done : default
    """,
    "an inclusive join with a merge in one branch": """
        start begin
        or split
        xor x
        user a
        user b
        xor m
        or join
        end done
        begin > split
        split > x : yes
        split > b : default
        x > a : yes
        x > m : default
        a > m > join
        b > join > done
    """,
    "a reminder that does not interrupt, in a loop": """
        start begin
        xor again
        user work
        boundary late attachedToRef="work" cancelActivity="false" | TIMER
        user remind
        end reminded
        xor choose
        end done
        begin > again > work > choose
        choose > again : yes
        choose > done : default
        late > remind > reminded
    """,
    "an interrupting deadline that merges back": """
        start begin
        user work
        boundary late attachedToRef="work" | TIMER
        user escalate
        xor merge
        end done
        begin > work > merge > done
        late > escalate > merge
    """,
    "an event-based gateway in a loop": """
        start begin
        xor again
        events wait
        catch told | <messageEventDefinition messageRef="told_m"/>
        catch late | TIMER
        end done
        begin > again > wait > told > done
        wait > late > again
    """,
    "a terminate end beside another branch": """
        start begin
        and split
        user a
        user b
        end stop | <terminateEventDefinition/>
        end quiet
        begin > split > a > stop
        split > b > quiet
    """,
    "a link instead of a long flow": """
        start begin
        throw out | <linkEventDefinition name="L"/>
        catch in | <linkEventDefinition name="L"/>
        user work
        end done
        begin > out
        in > work > done
    """,
    "conditional flows out of a task into an inclusive join": """
        start begin
        user work
        user a
        user b
        or join
        end done
        begin > work
        work > a : yes
        work > b : default
        a > join
        b > join > done
    """,
}


@pytest.mark.parametrize("notation", SOUND.values(), ids=SOUND)
def test_a_sound_diagram_has_no_problems(notation: str) -> None:
    xml = draw(
        notation.replace("TIMER", TIMER.format("PT1H")), before='<message id="told_m" name="m"/>'
    )
    assert check_diagram(xml, ANYTHING) == []


UNSOUND = {
    "a branch that may end elsewhere before the join": (
        "deadlock",
        """
        start begin
        and split
        xor choose
        user a
        and join
        end elsewhere
        end done
        begin > split > choose
        choose > elsewhere : yes
        choose > join : default
        split > a > join > done
        """,
    ),
    "a way back from inside a parallel region": (
        "runs-twice",
        """
        start begin
        xor again
        and split
        user a
        user b
        xor choose
        and join
        end done
        begin > again > split > a > choose
        choose > again : yes
        choose > join : default
        split > b > join > done
        """,
    ),
    "two flows into a task after a split": (
        "runs-twice",
        """
        start begin
        and split
        user a
        user b
        user pay
        end done
        begin > split > a > pay > done
        split > b > pay
        """,
    ),
    "a reminder that merges back without interrupting": (
        "runs-twice",
        """
        start begin
        user work
        boundary late attachedToRef="work" cancelActivity="false" | TIMER
        xor merge
        user next
        end done
        begin > work > merge > next > done
        late > merge
        """,
    ),
    "two joins that wait for each other": (
        "deadlock",
        """
        start begin
        and one
        user work
        and two
        end done
        begin > one > work > two > done
        two > one
        """,
    ),
    "a parallel join after an exclusive split, inside a subprocess": (
        "deadlock",
        """
        start begin
        sub part {
        start s
        xor choose
        user a
        user b
        and join
        end e
        s > choose
        choose > a : yes
        choose > b : default
        a > join
        b > join > e
        }
        end done
        begin > part > done
        """,
    ),
}


@pytest.mark.parametrize(("code", "notation"), UNSOUND.values(), ids=UNSOUND)
def test_an_unsound_diagram_is_refused_with_a_trace(code: str, notation: str) -> None:
    problems = check(notation.replace("TIMER", TIMER.format("PT1H")))
    found = [problem for problem in problems if problem.code == code]
    assert found
    assert "Trace: " in found[0].message
    assert found[0].element


def test_a_loop_without_a_way_out_is_refused() -> None:
    assert "no-end" in codes("""
        start begin
        and split
        xor again
        user work
        end done
        begin > split > done
        split > again > work > again
    """)


def test_thirty_parallel_branches_with_choices_are_checked_within_the_bound() -> None:
    lines = ["start begin", "and split", "and join", "end done", "begin > split", "join > done"]
    for i in range(30):
        lines += [f"xor x{i}", f"user a{i}", f"xor m{i}", f"split > x{i}", f"a{i} > m{i} > join"]
        lines += [f"x{i} > a{i} : yes", f"x{i} > m{i} : default"]
    assert check("\n".join(lines)) == []


def test_fifty_reminders_that_share_their_end_are_checked_within_the_bound() -> None:
    lines = ["start begin", "end done", "end told"]
    timer = TIMER.format("PT1H")
    for i in range(50):
        lines += [
            f"user work{i}",
            f'boundary late{i} attachedToRef="work{i}" cancelActivity="false" | {timer}',
            f"task remind{i}",
            f"late{i} > remind{i} > told",
        ]
    lines.append("begin > " + " > ".join(f"work{i}" for i in range(50)) + " > done")
    assert check("\n".join(lines)) == []


def test_what_goes_wrong_behind_a_reminder_is_found_with_its_trace() -> None:
    timer = TIMER.format("PT1H")
    (problem,) = check(f"""
        start begin
        user work
        boundary late attachedToRef="work" cancelActivity="false" | {timer}
        and split
        task a
        task b
        xor meet
        task again
        end told
        end done
        begin > work > done
        late > split > a > meet > again > told
        split > b > meet
    """)
    assert (problem.code, problem.element) == ("runs-twice", "meet")
    assert "late → split → a → b" in problem.message


def test_a_diagram_of_thousands_of_elements_is_checked() -> None:
    names = [f"t{i}" for i in range(3_000)]
    lines = ["start begin", "end done", *(f"task {name}" for name in names)]
    assert check("\n".join([*lines, " > ".join(["begin", *names, "done"])])) == []


def test_more_states_than_the_bound_are_refused_instead_of_searched_for_ever() -> None:
    # Joins of neighboring branches keep the net from being reduced.
    lines = ["start begin", "and split", "end done", "begin > split", "and last", "last > done"]
    for i in range(24):
        lines += [f"user a{i}", f"and s{i}", f"user b{i}", f"split > a{i} > s{i} > b{i} > last"]
    for i in range(23):
        lines += [f"and j{i}", f"user c{i}", f"s{i} > j{i} > c{i} > last", f"s{i + 1} > j{i}"]
    assert codes("\n".join(lines)) <= {"too-complex"}


# A second player: it shares no code with the check, keeps counts instead of bits, and knows only
# tasks, exclusive and parallel gateways.


def random_diagram(seed: int) -> tuple[str, dict[str, str], list[tuple[str, str]]]:
    rand = random.Random(seed)
    names = [f"n{i}" for i in range(rand.randint(2, 8))]
    kinds = {name: rand.choice(("task", "xor", "and")) for name in names}
    edges = [("begin", names[0])]
    for place, name in enumerate(names[1:], 1):
        edges.append((rand.choice(names[:place]), name))
    for name in names:
        open_ended = not any(source == name for source, _ in edges)
        for _ in range(open_ended + rand.choice((0, 0, 0, 1))):
            target = rand.choice([*names, "done", "other"])
            target = "done" if target == name else target
            if (name, target) not in edges:
                edges.append((name, target))
    lines = ["start begin", "end done", "end other"]
    lines += [f"{kind} {name}" for name, kind in kinds.items()]
    lines += [f"{source} > {target}" for source, target in edges]
    return "\n".join(lines), kinds, edges


def play(kinds: dict[str, str], edges: list[tuple[str, str]]) -> bool:
    """Tell whether every run ends and no edge ever holds two tokens."""
    first = tuple(1 if source == "begin" else 0 for source, _ in edges)
    after: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    waiting = [first]
    while waiting:
        state = waiting.pop()
        if max(state) > 1:
            return False
        if state not in after:
            after[state] = set(steps(state, kinds, edges))
            waiting += after[state]
    ending = {state for state in after if not any(state)}
    grown = True
    while grown:
        more = {state for state, following in after.items() if following & ending} - ending
        ending |= more
        grown = bool(more)
    return len(ending) == len(after)


def steps(
    state: tuple[int, ...], kinds: dict[str, str], edges: list[tuple[str, str]]
) -> list[tuple[int, ...]]:
    found = []
    for node in {target for _, target in edges}:
        into = [i for i, edge in enumerate(edges) if edge[1] == node]
        out = [i for i, edge in enumerate(edges) if edge[0] == node]
        kind = kinds.get(node, "end")
        if kind == "and":
            choices = [(into, out)] if all(state[i] for i in into) else []
        else:
            gives = [[i] for i in out] if kind == "xor" and out else [out]
            choices = [([i], give) for i in into if state[i] for give in gives]
        for takes, gives_to in choices:
            counts = list(state)
            for i in takes:
                counts[i] -= 1
            for i in gives_to:
                counts[i] += 1
            found.append(tuple(counts))
    return found


@pytest.mark.parametrize("block", range(10))
def test_random_diagrams_are_judged_as_a_second_player_does(block: int) -> None:
    wrong, judged = [], set()
    for seed in range(block * 60, block * 60 + 60):
        notation, kinds, edges = random_diagram(seed)
        faults = codes(notation) & {"deadlock", "runs-twice", "no-end"}
        if bool(faults) == play(kinds, edges):
            wrong.append((seed, faults))
        judged.add(bool(faults))
    assert wrong == []
    assert judged == {True, False}
