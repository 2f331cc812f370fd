"""`assent incidents` and `assent jobs`: list, show, retry, assign, resolve, in words and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.commands.context import execute
from engine.commands.external_jobs import Hold, fail_external_job, fetch_jobs
from engine.jobs import RetryPlan
from engine.people import load_actor
from models.database import Database
from models.job import Incident, Job
from tests.integration.media_scan import ERRORS, IDA, SCAN, start
from tests.integration.play_diagrams import Table
from tests.movable_clock import MovableClock
from webapp.cli import main

TOMAS = "tomas.ehlers@aldermoor.example"
GRETA = "greta.holm@aldermoor.example"


@pytest.fixture
def failed(installation: Path, clock: MovableClock) -> list[str]:
    """Give the ids of two incidents, each with a job that failed for good."""
    database = Database(f"sqlite:///{installation / 'assent.sqlite'}")
    table = Table(database, clock)
    table.put("intake", SCAN, before=ERRORS)
    with database.read() as session:
        ida = load_actor(session, IDA)
    assert ida is not None
    for _ in range(2):
        start(table)
    jobs = execute(
        database, clock, ida, fetch_jobs,
        worker="w", lock_seconds={"media.scan": 60}, granted=["*"], limit=2,
    )  # fmt: skip
    for job in jobs:
        hold = Hold(job.id, job.lease_token, ["*"])
        execute(
            database, clock, ida, fail_external_job,
            hold=hold, error="scanner is down", plan=RetryPlan(0),
        )  # fmt: skip
    ids = [incident.id for incident in table.open_incidents()]
    database.close()
    return ids


@pytest.fixture
def assent(installation: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Give a function that runs a command and gives its exit code and what it printed."""

    def run(*words: str) -> tuple[int, str]:
        code = main([*words, "--data-dir", str(installation)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def jobs_of(installation: Path) -> list[Job]:
    database = Database(f"sqlite:///{installation / 'assent.sqlite'}")
    try:
        return Table(database, MovableClock()).all(Job)
    finally:
        database.close()


def test_jobs_and_incidents_are_listed_and_shown(failed: list[str], assent: Any):
    code, words = assent("incidents", "list", "--topic", "media.scan", "--process", "intake")
    _, listed = assent("jobs", "--state", "dead", "--json")
    _, shown = assent("incidents", "show", failed[0], "--json")
    incident = json.loads(shown)
    _, job = assent("jobs", "show", incident["job_id"])

    assert code == 1
    assert words.count("scanner is down") == 2
    assert [each["topic"] for each in json.loads(listed)["items"]] == ["media.scan"] * 2
    assert incident["job"]["data"] == {"file": "a.bin", "secret": "s3cret"}
    assert "attempts: 1" in job
    assert assent("jobs", "show", "nothing")[0] == 2
    assert assent("incidents", "--about", "K9")[0] == 0


def test_one_is_retried_with_other_data_and_many_as_they_are(
    failed: list[str], assent: Any, installation: Path, tmp_path: Path
):
    file = tmp_path / "data.json"
    file.write_text('{"file": "b.bin"}')

    edited = assent("incidents", "retry", failed[0], "--data", f"@{file}", "--as", TOMAS)
    both = assent("incidents", "retry", *failed, "--as", TOMAS, "--json")

    assert edited == (0, f"{failed[0]}  It will be tried again.\n")
    assert both[0] == 1
    assert [each["is_retried"] for each in json.loads(both[1])] == [False, True]
    files = [job.payload["inputs"]["file"] for job in jobs_of(installation)]
    assert files == ["b.bin", "a.bin"]
    assert {job.state for job in jobs_of(installation)} == {"ready"}


def test_jobs_are_retried_by_their_own_id(failed: list[str], assent: Any, installation: Path):
    ids = [job.id for job in jobs_of(installation)]

    done = assent("jobs", "retry", *ids, "--as", TOMAS)
    again = assent("jobs", "retry", ids[0], "--as", TOMAS)

    assert done[0] == 0
    assert again == (1, f"{ids[0]}  This job is not waiting for another try.\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", '{"approved": true}', "--as", TOMAS], "undeclared-field"),
        (["--data", "[1]", "--as", TOMAS], "JSON object"),
        (["--data", "{'file'", "--as", TOMAS], "bad-json"),
        (["--data", "@/nowhere/at/all", "--as", TOMAS], "cannot be read"),
        (["--as", GRETA], "see to incidents"),
        ([], "--as"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_changes(
    failed: list[str], assent: Any, installation: Path, words: list[str], said: str
):
    code, printed = assent("incidents", "retry", failed[0], *words)

    assert code == 2
    assert said in printed
    assert {job.state for job in jobs_of(installation)} == {"dead"}


def test_somebody_is_asked_and_what_has_no_instance_is_closed(
    failed: list[str], assent: Any, installation: Path, clock: MovableClock
):
    database = Database(f"sqlite:///{installation / 'assent.sqlite'}")
    with database.write() as session:
        session.add(Incident(id="free", kind="k", message="m", opened_at=clock.now()))
    database.close()

    asked = assent("incidents", "assign", failed[0], "--to", TOMAS, "--as", TOMAS, "--json")
    held = assent("incidents", "resolve", failed[0], "--reason", "no", "--as", TOMAS)
    closed = assent("incidents", "resolve", "free", "--reason", "A test.", "--as", TOMAS, "--json")

    assert json.loads(asked[1])["assignee_id"] == "u02"
    assert held[0] == 2
    assert json.loads(closed[1])["reason"] == "A test."
