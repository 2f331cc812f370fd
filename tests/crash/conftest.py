from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance import story
from tests.acceptance.company import Company
from tests.acceptance.conftest import TOKENS, installation
from tests.acceptance.person import issue_token
from tests.acceptance.proposals import write_proposal
from tests.acceptance.server import Server
from tests.crash.crew import WORK_TOKEN
from tests.crash.processes import Launcher

__all__ = ["installation"]

SURVEY = Path(__file__).with_name("site_survey.bpmn")


@pytest.fixture(scope="session")
def busy_installation(installation: Path) -> Path:
    """Give the folder of a stopped demo with changes in every phase, made once for all workers."""
    folder = installation.with_name("busy-installation")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / TOKENS).exists():
            shutil.copytree(installation, folder, ignore=shutil.ignore_patterns(TOKENS))
            _make_busy(folder, (installation / TOKENS).read_text())
    return folder


def _make_busy(folder: Path, tokens: str) -> None:
    server = Server(folder).start()
    try:
        company = Company(server, json.loads(tokens))
        story.charter(company, 301)
        change = story.bring_to_release(company, 303)
        story.plan(company, change)
        story.build_and_test(company, change)
        company.authorize("release", change.release, "phase_3")
        company.elif_.post("/proposals", write_proposal(305)).expect(201)
        company.maren.send(
            "POST", f"/definitions?name={SURVEY.name}", content=SURVEY.read_bytes(),
            Content_Type="application/xml",
        ).expect(201)  # fmt: skip
        work = issue_token(server, company.ida.email, scopes=["work"], topics=["survey.*"])
        (folder / WORK_TOKEN).write_text(work["token"])
    finally:
        server.stop()
    (folder / TOKENS).write_text(tokens)


@pytest.fixture
def copy_installation(busy_installation: Path, tmp_path: Path) -> Callable[[], Path]:
    """Give a function that makes a copy of the busy installation for a campaign to use up."""

    def copy() -> Path:
        folder = tmp_path / f"installation-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(busy_installation, folder)
        return folder

    return copy


@pytest.fixture(scope="session")
def launcher(busy_installation: Path) -> Iterator[Launcher]:
    """Give a launcher that has parsed the shipped diagrams."""
    with Launcher() as launcher:
        launcher.order("warm", database=str(busy_installation / "assent.sqlite"))
        yield launcher
