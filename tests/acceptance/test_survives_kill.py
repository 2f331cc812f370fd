"""The serving process is killed at every step of the walk; nothing is lost, nothing is doubled.

Each request that changes something is sent with an Idempotency-Key and followed by `kill -9`, in
turn after its answer came and while it is at work. The process is started again, the request is
sent again with its key, and the walk goes on.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.acceptance import story
from tests.acceptance.company import Company
from tests.acceptance.conftest import TOKENS
from tests.acceptance.person import Answer, Person
from tests.acceptance.server import Server, find_address, wait_for

#: A process that has the product loaded and starts servers, as starting Python 40 times is slow.
LOADED = multiprocessing.get_context("forkserver")
LOADED.set_forkserver_preload(["webapp.cli_serve"])
#: What people do in the walk that changes something.
STEPS = 30
LESSON = "Keep the power on while testing"


@dataclass
class KilledServer(Server):
    """A serving process that can be killed and started again many times in a minute."""

    serving: BaseProcess = field(init=False)
    kills: int = field(init=False, default=0)

    def start(self) -> Server:
        """Start serving on any free port; returns when the address is known."""
        said = self.folder.with_name(f"{self.folder.name}.out")
        said.write_text("")
        self.serving = LOADED.Process(target=serve, args=(self.folder, said, self.log))
        self.serving.start()
        self.address = wait_for(lambda: find_address(said.read_text()), "the address")
        return self

    def restart(self) -> None:
        """Kill the process with SIGKILL and start another on the same folder."""
        self.serving.kill()
        self.serving.join()
        assert self.serving.exitcode == -signal.SIGKILL
        self.kills += 1
        self.start()

    def stop(self) -> None:
        """Let the process end in order."""
        self.serving.terminate()
        self.serving.join()


def serve(folder: Path, said: Path, log: Path) -> None:
    """Run `assent serve` in this process."""
    from webapp.cli import main

    # The process that forks may have been started by a test that had settings of its own.
    for name in [name for name in os.environ if name.startswith("ASSENT_")]:
        del os.environ[name]
    sys.stdout, sys.stderr = said.open("w"), log.open("a")
    sys.exit(main(["serve", "--demo", "--port", "0", "--data-dir", str(folder)]))


class Unlucky(Person):
    """Somebody whose every change is hit by the end of the serving process."""

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        key: str | None = None,
        **headers: str,
    ) -> Answer:
        """Send a change, let the server be killed, and send it again with the same key."""
        if method == "GET":
            return super().send(method, path, body, content=content, **headers)
        assert isinstance(self.server, KilledServer)
        key = str(uuid4())
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.server.kills % 2:
            self._send_and_hear_nothing(method, path, body, content, key, named)
        first = super().send(method, path, body, content=content, key=key, **headers)
        if not self.server.kills % 2:
            self.server.restart()
        again = super().send(method, path, body, content=content, key=key, **headers)
        assert (again.status, again.content) == (first.status, first.content), again.asked
        return first

    def _send_and_hear_nothing(
        self,
        method: str,
        path: str,
        body: Any,
        content: bytes | None,
        key: str,
        headers: dict[str, str],
    ) -> None:
        """Send a request and kill the server while it is at work, wherever it may be."""
        target = urlsplit(self.server.address)
        connection = HTTPConnection(str(target.hostname), target.port)
        named = {"Content-Type": "application/json"} | headers
        named |= {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        sent = content if content is not None else json.dumps(body).encode() if body else None
        with contextlib.closing(connection):
            connection.request(method, f"/api/v1{path}", sent, named)
            self.server.restart()


@pytest.fixture
def unlucky_company(installation: Path, tmp_path: Path) -> Iterator[Company]:
    """Give a running company in which every change meets the end of the serving process."""
    folder = tmp_path / "var"
    shutil.copytree(installation, folder)
    server = KilledServer(folder)
    server.start()
    try:
        yield Company(server, json.loads((folder / TOKENS).read_text()), Unlucky)
    finally:
        server.stop()


def test_a_kill_at_every_step_of_the_walk_loses_nothing_and_doubles_nothing(
    unlucky_company: Company,
) -> None:
    company = unlucky_company

    change = story.bring_to_release(company, 0)
    story.plan(company, change)
    story.build_and_test(company, change)
    story.check_in(company, change)
    story.open_deployment(company, change)
    review = story.deploy(company, change)
    story.review(company, review, f"test: {LESSON}")

    company.wait_for_state(f"/proposals/{change.proposal}", "closed")
    assert isinstance(company.server, KilledServer)
    assert company.server.kills >= STEPS
    written = company.elif_.get("/proposals", text="Self-service address change")["items"]
    assert [row["number"] for row in written] == [change.proposal]
    (item,) = company.franz.get("/media", release=change.release)["items"]
    assert company.oda.ask(f"/media/{item['id']}/content").content == change.media
    lessons = company.elif_.get("/lessons", service="S01")["items"]
    assert [lesson["text"] for lesson in lessons].count(LESSON) == 1
    for number, process in list_instances(change, review):
        expect_each_task_done_once(company, number, process)
    expect_a_sound_record(company)


def list_instances(change: story.Change, review: str) -> list[tuple[str, str]]:
    """Give business key and process of each instance of the walk."""
    return [
        (change.proposal, "proposal_authorization"),
        (change.design, "service_design"),
        (change.rfc, "request_for_change"),
        (change.release, "release_and_deployment"),
        (review, "post_implementation_review"),
    ]


def expect_each_task_done_once(company: Company, number: str, process: str) -> None:
    """The instance has ended, and each of its tasks was done by one person, once."""
    instance = company.franz.find_instance(number, process)
    assert instance["state"] == "ended", process
    assert [wait for wait in instance["waits"] if wait["kind"] != "message"] == []
    history = company.franz.read_history(instance["id"])
    assert [event["seq"] for event in history] == list(range(1, len(history) + 1))
    done = Counter(
        (event["element"], event["actor"])
        for event in history
        if event["tag"] == "task:task:completed"
    )
    assert done
    assert set(done.values()) == {1}, done


def expect_a_sound_record(company: Company) -> None:
    """The record verifies, no job failed, and nothing is left in quarantine."""
    verified = company.server.run("audit", "verify", "--json")
    assert json.loads(verified.stdout)["broken"] == [], verified.stderr
    assert company.tomas.get("/incidents")["items"] == []
