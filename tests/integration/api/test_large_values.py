"""Large values over the API, on pages and in exports: always whole, and verified by anyone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from engine.values import REFERENCE
from models.account import IdempotentAnswer
from models.instance import InstanceValue
from tests.integration.play_diagrams import Table
from tests.integration.site import Program, Site
from webapp.cli import main

TEXT = "a long story " * 500
LOOP = """
    start begin
    user write camunda:candidateGroups="process_owner"
    xor more
    end done
    begin > write > more
    more > write : again = true
    more > done : default
"""


@pytest.fixture
def owner(example: Site) -> Program:
    return example.program("olga", "process_owner")


@pytest.fixture
def instance(example: Site) -> str:
    """Give an instance that was given the same text three times, and waits."""
    table = Table(example.services.database, example.services.clock)  # type: ignore[arg-type]
    table.put("loop", LOOP)
    instance = table.start("loop", text=TEXT)
    for _ in range(2):
        table.finish("write", instance, text=TEXT, again=True)
    return instance


def count_values(site: Site) -> int:
    with site.services.database.read() as session:
        return len(session.scalars(select(InstanceValue)).all())


def test_the_api_gives_whole_values(example: Site, owner: Program, instance: str) -> None:
    shown = owner.get(f"/instances/{instance}").json
    done = [task for task in shown["tasks"] if task["state"] == "done"]
    task = owner.get(f"/tasks/{done[0]['id']}").json
    history = owner.get(f"/instances/{instance}/history").json["items"]
    listed = owner.get("/audit?subject=K1").json["items"]

    assert count_values(example) == 1
    assert shown["variables"] == {"text": TEXT, "again": True}
    assert task["data"] == {"text": TEXT, "again": True}
    for events in (history, listed):
        texts = [event["detail"]["data"]["text"] for event in events if "data" in event["detail"]]
        assert texts == [TEXT] * 3


def test_the_pages_show_whole_values(example: Site, owner: Program, instance: str) -> None:
    shown = owner.get(f"/instances/{instance}").json
    done = next(task["id"] for task in shown["tasks"] if task["state"] == "done")
    browser = example.browser("olga")

    for path in (f"/instances/{instance}", f"/tasks/{done}", "/record?subject=K1"):
        page = browser.get(path).text
        assert TEXT in page, path
        assert REFERENCE not in page, path


def test_answers_that_are_kept_for_a_key_hold_no_copy_of_a_value(
    example: Site, owner: Program, instance: str
) -> None:
    answers = []
    for key in ("one", "two"):
        [task] = owner.get("/tasks?business_key=K1").json["items"]
        path, body = f"/tasks/{task['id']}/complete", {"data": {"text": TEXT, "again": True}}
        answers.append(owner.post(path, body, Idempotency_Key=key).json)
        answers.append(owner.post(path, body, Idempotency_Key=key).json)

    assert answers[0] == answers[1]
    assert answers[2] == answers[3]
    assert answers[3]["data"] == {"text": TEXT, "again": True}
    with example.services.database.read() as session:
        kept = session.scalars(select(IdempotentAnswer.body)).all()
    assert [len(body) < len(TEXT) for body in kept] == [True, True]


class TestAnExport:
    @pytest.fixture
    def lines(
        self, example: Site, instance: str, capsys: pytest.CaptureFixture[str]
    ) -> list[dict[str, Any]]:
        return export(example, capsys)

    def test_it_carries_each_value_once_and_is_verified_offline(
        self, lines: list[dict[str, Any]], tmp_path: Path
    ) -> None:
        values = [line["value"] for line in lines if "digest" in line]

        assert values == [TEXT]
        assert verify(lines, tmp_path) == 0

    def test_a_value_that_was_changed_is_found(
        self, lines: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        [value] = [line for line in lines if "digest" in line]
        value["value"] = value["value"].replace("long", "lung", 1)

        assert verify(lines, tmp_path) == 1
        assert f"sha256:{value['digest']} was changed" in capsys.readouterr().err

    def test_a_value_that_is_missing_is_found(
        self, lines: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        without = [line for line in lines if "digest" not in line]

        assert verify(without, tmp_path) == 1
        assert "is missing" in capsys.readouterr().err

    def test_a_value_that_was_changed_in_the_database_is_found_here_and_there(
        self, example: Site, instance: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with example.services.database.write() as session:
            [row] = session.scalars(select(InstanceValue))
            changed = row.value[:-1] + bytes([row.value[-1] ^ 1])
            session.execute(update(InstanceValue).values(value=changed))
        lines = export(example, capsys)

        assert main(["audit", "verify", "--data-dir", str(example.folder)]) == 1
        assert f"{instance} event 1: its value" in capsys.readouterr().err
        assert verify(lines, tmp_path) == 1
        assert "was changed" in capsys.readouterr().err

    def test_the_chain_that_the_api_gives_is_verified_too(
        self, owner: Program, instance: str, tmp_path: Path
    ) -> None:
        chain = owner.get(f"/audit/chains/{instance}").json

        assert verify([chain], tmp_path) == 0
        assert list(chain["values"].values()) == [TEXT]
        chain["values"] = dict.fromkeys(chain["values"], "another")
        assert verify([chain], tmp_path) == 1


def export(site: Site, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["audit", "export", "--data-dir", str(site.folder)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def verify(lines: list[dict[str, Any]], tmp_path: Path) -> int:
    file = tmp_path / "record.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    return main(["audit", "verify", str(file)])
