"""Diagrams broken at random are accepted or refused with an element, and never crash the check."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from engine.errors import DiagramRefused
from engine.runtime.definitions import load_definition
from engine.runtime.validation.check import check_diagram
from engine.runtime.validation.context import Policy
from engine.runtime.validation.folder import load_publish_context
from engine.runtime.validation.problems import Problem
from tests.unit.engine.validation.drawing import TIMER, draw

ROUNDS, BLOCKS = 110, 10
LONGEST_CPU_SECONDS = 2.0
PROCESSES = Path(__file__).resolve().parents[4] / "processes"
CONTEXT = replace(
    load_publish_context(PROCESSES),
    policy=Policy(roles=False),
    declared=frozenset({"yes", "amount", "people"}),
)
#: Problems of the file as a whole, which have no element to name.
OF_THE_FILE = {
    "empty-file",
    "not-xml",
    "not-bpmn",
    "doctype-refused",
    "too-large",
    "too-complex",
    "encoding",
    "bad-character",
    "missing-id",
    "no-process",
}
TEXTS = [
    "",
    " ",
    "yes",
    "work",
    "${yes}",
    "=yes",
    "1 +",
    "P99999999Y",
    "PT1H",
    "true",
    "\N{SNOWMAN}",
    "x" * 5_000,
    "a b",
    "-1",
    "Start",
    "../../etc/passwd",
]

VOTES = (
    '<multiInstanceLoopCharacteristics camunda:collection="=people" camunda:elementVariable="one"'
    ' assent:outputCollection="votes" assent:outputElement="one"><completionCondition>'
    "nrOfCompletedInstances &gt; 2</completionCondition></multiInstanceLoopCharacteristics>"
)


def parameters(**values: str) -> str:
    """Write input parameters, and one output that is a list and one that is a map."""
    written = "".join(
        f'<camunda:inputParameter name="{name}">{value}</camunda:inputParameter>'
        for name, value in values.items()
    )
    return (
        f"<extensionElements><camunda:inputOutput>{written}"
        '<camunda:outputParameter name="several"><camunda:list><camunda:value>1</camunda:value>'
        "</camunda:list></camunda:outputParameter>"
        '<camunda:outputParameter name="mapped"><camunda:map><camunda:entry key="k">v'
        "</camunda:entry></camunda:map></camunda:outputParameter>"
        "</camunda:inputOutput></extensionElements>"
    )


BASES = [
    draw(
        """
        start begin
        xor again
        and split
        user a camunda:formKey="build"
        user b camunda:dueDate="P3D"
        boundary late attachedToRef="b" cancelActivity="false" | TIMER
        end reminded
        and join
        xor choose
        end done
        begin > again > split > a > join > choose
        split > b > join
        late > reminded
        choose > again : yes
        choose > done : default
        """.replace("TIMER", TIMER.format("PT1H"))
    ),
    draw(
        """
        start begin
        sub part {
        start s
        service work camunda:type="external" camunda:topic="dml.check_in"
        xor ok
        end failed | <errorEventDefinition errorRef="e1"/>
        end fine
        s > work > ok
        ok > failed : not(checkin_accepted)
        ok > fine : default
        }
        boundary oops attachedToRef="part" | <errorEventDefinition errorRef="e1"/>
        user repair
        end done
        end given_up
        begin > part > done
        oops > repair > given_up
        """,
        before='<error id="e1" errorCode="broken"/>',
    ),
    draw(
        """
        start begin
        user vote | VOTES
        script count scriptFormat="feel" | <script>total = count(votes)</script>
        or split
        user a
        user b
        or join
        end done
        begin > vote > count > split
        split > a : total > 1
        split > b : default
        a > join
        b > join > done
        """.replace("VOTES", VOTES)
    ),
    draw(
        """
        start begin
        events wait
        catch told | <messageEventDefinition messageRef="m1"/>
        catch late | TIMER
        throw cry | <signalEventDefinition signalRef="s1"/>
        throw out | <linkEventDefinition name="L"/>
        catch back | <linkEventDefinition name="L"/>
        end done
        end gone | <terminateEventDefinition/>
        begin > wait > told > cry > done
        wait > late > out
        back > gone
        sub reaction triggeredByEvent="true" {
        start alarm isInterrupting="false" | <signalEventDefinition signalRef="s1"/>
        task note
        end noted
        alarm > note > noted
        }
        """.replace("TIMER", TIMER.format("P1D")),
        before='<message id="m1" name="answer"/><signal id="s1" name="alarm"/>',
    ),
]
BASES.append(
    draw(
        """
        start begin camunda:initiator="author"
        service mark assent:record="proposal.mark" | PARAMETERS
        call part calledElement="service_design" | CALL
        rule decide camunda:decisionRef="conflict_policy" camunda:resultVariable="policy" | PAIR
        send tell camunda:type="external" camunda:topic="notifications.send" | NOTICE
        user close camunda:candidateGroups="change_manager,=groups" camunda:assignee="${author}"
        end done
        begin > mark > part > decide > tell > close > done
        """.replace("PARAMETERS", parameters(state="under_review"))
        .replace(
            "CALL",
            "<extensionElements><camunda:in source='author' target='reason'/>"
            "<camunda:out sourceExpression='=reason' target='groups'/></extensionElements>",
        )
        .replace("PAIR", parameters(kind="=author", severity="minor"))
        .replace("NOTICE", parameters(to_role="auditor", subject_line="S", text="=string(policy)"))
    )
)
BASES.append((PROCESSES / "service_design.bpmn").read_bytes())

Mutator = Callable[[random.Random, etree._Element], None]


def pick(rand: random.Random, root: etree._Element) -> etree._Element:
    return rand.choice([element for element in root.iter() if element is not root])


def delete_element(rand: random.Random, root: etree._Element) -> None:
    element = pick(rand, root)
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def repeat_element(rand: random.Random, root: etree._Element) -> None:
    element = pick(rand, root)
    element.addnext(etree.fromstring(etree.tostring(element)))


def move_element(rand: random.Random, root: etree._Element) -> None:
    element, place = pick(rand, root), pick(rand, root)
    if element is not place and element not in set(place.iterancestors()):
        place.append(element)


def rename_element(rand: random.Random, root: etree._Element) -> None:
    pick(rand, root).tag = pick(rand, root).tag


def delete_attribute(rand: random.Random, root: etree._Element) -> None:
    element = pick(rand, root)
    if element.attrib:
        del element.attrib[rand.choice(list(element.attrib))]


def change_attribute(rand: random.Random, root: etree._Element) -> None:
    element = pick(rand, root)
    if element.attrib:
        element.set(rand.choice(list(element.attrib)), rand.choice(TEXTS))


def take_foreign_attribute(rand: random.Random, root: etree._Element) -> None:
    element, other = pick(rand, root), pick(rand, root)
    if other.attrib:
        name = rand.choice(list(other.attrib))
        element.set(name, str(other.get(name)))


def swap_references(rand: random.Random, root: etree._Element) -> None:
    flows = [element for element in root.iter() if element.get("targetRef")]
    if len(flows) > 1:
        one, other = rand.sample(flows, 2)
        end = rand.choice(("sourceRef", "targetRef"))
        first, second = str(one.get(end)), str(other.get(end))
        one.set(end, second)
        other.set(end, first)


def put_script(rand: random.Random, root: etree._Element) -> None:
    element = pick(rand, root)
    script = etree.SubElement(element, "{http://camunda.org/schema/1.0/bpmn}script")
    script.text = rand.choice(TEXTS)


def change_text(rand: random.Random, root: etree._Element) -> None:
    pick(rand, root).text = rand.choice(TEXTS)


MUTATORS: list[Mutator] = [
    delete_element,
    repeat_element,
    move_element,
    rename_element,
    delete_attribute,
    change_attribute,
    take_foreign_attribute,
    swap_references,
    change_text,
    put_script,
]


def damage_bytes(rand: random.Random, xml: bytes) -> bytes:
    damaged = bytearray(xml)
    for _ in range(rand.randint(1, 4)):
        damaged[rand.randrange(len(damaged))] = rand.randrange(256)
    return bytes(damaged[: rand.choice((len(damaged), len(damaged), len(damaged) // 2))])


def mutate(seed: int) -> bytes:
    rand = random.Random(seed)
    base = rand.choice(BASES)
    if seed % 10 == 9:
        return damage_bytes(rand, base)
    root = etree.fromstring(base)
    for _ in range(rand.choice((1, 1, 2, 3))):
        if len(root):
            rand.choice(MUTATORS)(rand, root)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


@pytest.mark.parametrize("base", BASES)
def test_the_diagrams_that_get_broken_are_whole(base: bytes) -> None:
    assert check_diagram(base, CONTEXT) == []


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_broken_diagram_is_accepted_or_refused_with_an_element(block: int) -> None:
    nameless: list[tuple[int, Problem]] = []
    slow: list[int] = []
    refused = 0
    for seed in range(block * ROUNDS, (block + 1) * ROUNDS):
        xml = mutate(seed)
        before = time.process_time()
        problems = check_diagram(xml, CONTEXT)
        if time.process_time() - before > LONGEST_CPU_SECONDS:
            slow.append(seed)
        refused += bool(problems)
        nameless += [
            (seed, problem)
            for problem in problems
            if not problem.message
            or not problem.hint
            or (problem.element is None and problem.code not in OF_THE_FILE)
        ]
    assert nameless == []
    assert slow == []
    assert 0 < refused < ROUNDS


@pytest.mark.parametrize("block", range(BLOCKS))
def test_what_the_check_accepts_can_be_loaded(block: int) -> None:
    unloadable: list[tuple[int, str]] = []
    for seed in range(block * ROUNDS, (block + 1) * ROUNDS):
        xml = mutate(seed)
        if check_diagram(xml, CONTEXT):
            continue
        try:
            load_definition(xml)
        except DiagramRefused as refused:
            unloadable.append((seed, str(refused.problems[0])))
    assert unloadable == []
