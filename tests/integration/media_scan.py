"""A diagram with a task for an external worker, and the worker, as tests speak to both."""

from __future__ import annotations

from typing import Any

from tests.integration.play_diagrams import Table
from tests.integration.site import Program, Site

SCAN = """
    start begin
    service scan camunda:type="external" camunda:topic="media.scan" {parameters}
    boundary infected attachedToRef="scan" | <errorEventDefinition errorRef="virus"/>
    end clean
    end refused
    begin > scan > clean
    infected > refused
""".replace(
    "{parameters}",
    '| <extensionElements><camunda:inputOutput><camunda:inputParameter name="file">${file}'
    '</camunda:inputParameter><camunda:inputParameter name="secret">${secret}'
    '</camunda:inputParameter><camunda:outputParameter name="verdict">${verdict}'
    "</camunda:outputParameter></camunda:inputOutput></extensionElements>",
)
ERRORS = '<error id="virus" name="virus" errorCode="VIRUS"/>'
IDA, TOMAS = "u17", "u02"


def draw_table(site: Site) -> Table:
    """Give the table of a site on which the diagram is deployed."""
    table = Table(site.services.database, site.services.clock)  # type: ignore[arg-type]
    table.put("intake", SCAN, before=ERRORS)
    return table


def make_worker(site: Site) -> Program:
    """Give the worker of the diagram's topic."""
    return site.speak_for(IDA, "work", topics=("media.*",))


def start(table: Table) -> str:
    """Start an instance; give its id."""
    return table.start("intake", file="a.bin", secret="s3cret")


def ask(program: Program, topic: str = "media.scan", **wanted: Any) -> Any:
    """Ask for jobs."""
    wish = {"name": topic, "lock_seconds": 60, "variables": ["file"]}
    return program.post("/jobs/fetch", {"worker": "w1", "topics": [wish], **wanted})


def take(worker: Program) -> dict[str, Any]:
    """Fetch the one job there is."""
    [job] = ask(worker).json["items"]
    return job  # type: ignore[no-any-return]


def report(
    worker: Program, job: dict[str, Any], what: str, key: str | None = None, **body: Any
) -> Any:
    """Report what became of a job."""
    headers = {"Idempotency_Key": key} if key else {}
    body = {"lock_token": job["lock_token"], **body}
    return worker.post(f"/jobs/{job['id']}/{what}", body, **headers)


def fail_for_good(table: Table, worker: Program, error: str = "scanner is down") -> tuple[str, str]:
    """Let an instance's job become an incident; give the ids of instance and incident."""
    instance = start(table)
    report(worker, take(worker), "fail", error=error, attempts_left=0)
    [incident] = [each for each in table.open_incidents() if each.instance_id == instance]
    return instance, incident.id
