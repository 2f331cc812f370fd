"""The workers of the docs, run as they are against a real server."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.acceptance.company import Company
from tests.acceptance.server import PROJECT, wait_for

DIAGRAM = Path(__file__).with_name("media_intake.bpmn")
WORKERS = PROJECT / "docs" / "workers"
LANGUAGES = {"python": (sys.executable, "worker.py"), "node": ("node", "worker.mjs")}


def find_program(name: str) -> str:
    """Give a program of the machine; without it, skip on a user's machine and fail in CI."""
    found = shutil.which(name)
    if found is None:
        problem = f"{name} is not installed, so the worker in the docs was not run"
        pytest.fail(problem) if os.environ.get("CI") == "true" else pytest.skip(problem)
    return found


def issue_token(company: Company) -> str:
    issued = company.server.run(
        "token", "issue", "--email", company.ida.email, "--name", "scanner",
        "--scope", "work", "--topic", "media.scan",
    )  # fmt: skip
    assert issued.returncode == 0, issued.stderr
    return issued.stdout.strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_worker_of_the_docs_does_the_jobs_of_its_topic(
    shared_company: Company, language: str, tmp_path: Path
):
    program, script = LANGUAGES[language]
    environment = {
        **os.environ,
        "ASSENT_URL": shared_company.server.address,
        "ASSENT_TOKEN": issue_token(shared_company),
    }
    deploy(shared_company)
    said = tmp_path / "worker.log"
    with said.open("w") as log:
        worker = subprocess.Popen(
            [find_program(program), str(WORKERS / script)],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        ends = [
            end_of(shared_company, f"{language}-{file}", file)
            for file in ("a.tar", "b.exe", "c.tar")
        ]
    finally:
        worker.kill()
        worker.wait()

    assert ends == [["taken"], ["refused"], ["taken"]], said.read_text()
    assert said.read_text() == ""


def test_a_worker_that_leaves_locks_nothing_and_a_stopping_server_answers_those_that_wait(
    company: Company,
):
    token = issue_token(company)
    deploy(company)
    body = {"worker": "w", "topics": [{"name": "media.scan"}], "wait_seconds": 30}
    with open_request(company, token, body) as leaver:
        assert is_still_waiting(leaver)
        leaver.shutdown(socket.SHUT_RDWR)
    wait_for(lambda: "Client disconnected" in company.server.log.read_text(), "the leave noticed")

    started = {"business_key": "K", "data": {"file": "a"}}
    company.ida.post("/processes/media_intake/instances", started).expect(201)
    jobs = company.ida.get("/jobs", channel="external")["items"]
    take_all(company, token, body)
    with open_request(company, token, body) as waiting:
        assert is_still_waiting(waiting)
        company.server.process.terminate()
        answer = read_all(waiting)

    assert [(job["state"], job["attempts"]) for job in jobs] == [("ready", 0)]
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b'{"items":[]}')


def take_all(company: Company, token: str, body: dict[str, Any]) -> None:
    """Fetch the one job, so that the next who asks has to wait."""
    with open_request(company, token, body) as taking:
        assert b'"lock_token"' in read_all(taking)


def is_still_waiting(connection: socket.socket) -> bool:
    """Tell whether no answer has come for a second."""
    return not select.select([connection], [], [], 1)[0]


def read_all(connection: socket.socket) -> bytes:
    """Give everything that comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def open_request(company: Company, token: str, body: dict[str, Any]) -> socket.socket:
    """Send a request for jobs and leave the answer to come."""
    target = urlsplit(company.server.address)
    content = json.dumps(body).encode()
    connection = socket.create_connection((str(target.hostname), int(target.port or 80)))
    connection.sendall(
        b"POST /api/v1/jobs/fetch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nAuthorization: Bearer " + token.encode()
        + b"\r\nContent-Length: " + str(len(content)).encode() + b"\r\n\r\n" + content
    )  # fmt: skip
    return connection


def deploy(company: Company) -> None:
    company.maren.send(
        "POST", f"/definitions?name={DIAGRAM.name}", content=DIAGRAM.read_bytes(),
        Content_Type="application/xml",
    ).expect(200, 201)  # fmt: skip


def end_of(company: Company, business_key: str, file: str) -> list[str]:
    """Start an instance and give where it ended, which only a worker can bring about."""
    body = {"business_key": business_key, "data": {"file": file}}
    started = company.ida.post("/processes/media_intake/instances", body).expect(201)
    ended = wait_for(
        lambda: company.ida.get(f"/instances/{started['id']}")["end_events"],
        f"the end of {business_key}",
    )
    assert isinstance(ended, list)
    return ended
