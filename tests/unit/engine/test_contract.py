"""The vocabulary in code and the README of the process owners' room say the same."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import engine.records
from engine import contract
from engine.records import registry

README = (Path(__file__).resolve().parents[3] / "processes" / "README.md").read_text("utf-8")


def section(title: str) -> str:
    return README.split(f"## {title}", 1)[1].split("\n## ", 1)[0]


def rows(title: str) -> list[list[str]]:
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_roles_of_the_readme_are_the_roles_of_the_code() -> None:
    assert set(section("Roles").replace("`", " ").split()) == set(contract.ROLES)


def test_the_topics_of_the_readme_are_the_topics_of_the_code() -> None:
    written = {code(row[0])[0]: row for row in rows("Topics")}
    assert written.keys() == contract.TOPICS.keys()
    for name, operation in contract.TOPICS.items():
        gives = [text for text in code(written[name][2]) if re.fullmatch(r"\w+", text)]
        assert tuple(gives) == operation.outputs, name
        assert set(code(written[name][1])) == set(operation.inputs), name


def test_the_record_actions_of_the_readme_are_those_of_the_code() -> None:
    written = {code(row[0])[0]: row for row in rows("Record actions")}
    assert written.keys() == contract.RECORD_ACTIONS.keys()
    for name, row in written.items():
        operation = contract.RECORD_ACTIONS[name]
        assert ("assent:gate" in row[0]) == operation.needs_gate, name
        given = set(re.findall(r"`(\w+)`", row[2]))
        assert set(operation.outputs) <= given | set(code(row[2])), name


@pytest.mark.parametrize("name", sorted(contract.RECORD_ACTIONS))
def test_a_record_action_takes_what_the_readme_says(name: str) -> None:
    row = next(row for row in rows("Record actions") if code(row[0])[0] == name)
    if "form" in row[1]:
        assert contract.RECORD_ACTIONS[name].inputs == ()
        return
    taken = re.findall(r"`(\w+)`", row[1].split(":")[0])
    assert set(contract.RECORD_ACTIONS[name].inputs) == set(taken)


def test_the_processes_start_with_what_the_readme_says() -> None:
    for row in rows("The diagrams"):
        start = contract.STARTS[code(row[0])[0]]
        assert start.variables == tuple(code(row[3])[0].split(", "))
    assert len(contract.STARTS) == len(rows("The diagrams"))


def test_the_messages_of_the_readme_are_those_of_the_code() -> None:
    names = set(re.findall(r"\w+", " ".join(code(section("Messages")))))
    assert contract.MESSAGES.keys() <= names
    processes = set(contract.STARTS)
    fields = {name for carried in contract.MESSAGES.values() for name in carried}
    assert names - processes == contract.MESSAGES.keys() | fields


def test_every_record_action_of_the_code_is_registered() -> None:
    import_all_records()
    assert registry.RECORD_ACTIONS.keys() == contract.RECORD_ACTIONS.keys()


def import_all_records() -> None:
    for module in iter_modules(engine.records.__path__):
        import_module(f"engine.records.{module.name}")
