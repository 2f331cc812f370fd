"""The workers of the docs, run as they are against a real server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

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
    shared_company.maren.send(
        "POST", f"/definitions?name={DIAGRAM.name}", content=DIAGRAM.read_bytes(),
        Content_Type="application/xml",
    ).expect(200, 201)  # fmt: skip
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
