from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.company import Company
from tests.acceptance.person import issue_token
from tests.acceptance.server import PROJECT, Server, serve_copy

ORGANIZATION = PROJECT / "webapp" / "demo" / "example_org.json"
TOKENS = "tokens.json"


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Give the folder of a demo as it is after its first start, made once for all workers."""
    root = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        root = root.parent
    folder = root / "demo-installation"
    with (root / "demo-installation.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / TOKENS).exists():
            _install(folder)
    return folder


@pytest.fixture(scope="session")
def shared_company(
    installation: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Company]:
    """Give a running company that tests share; each brings proposals of its own."""
    yield from _open(installation, tmp_path_factory.mktemp("shared") / "var")


@pytest.fixture
def company(installation: Path, tmp_path: Path) -> Iterator[Company]:
    """Give a running company of this test's own."""
    yield from _open(installation, tmp_path / "var")


def _open(installation: Path, folder: Path) -> Iterator[Company]:
    server = serve_copy(installation, folder)
    try:
        yield Company(server, json.loads((folder / TOKENS).read_text()))
    finally:
        server.stop()


def _install(folder: Path) -> None:
    """Let the product set itself up, and give everybody a token."""
    people = json.loads(ORGANIZATION.read_text())["people"]
    server = Server(folder).start()
    try:
        tokens = [issue_token(server, person["email"]) for person in people]
    finally:
        server.stop()
    (folder / TOKENS).write_text(json.dumps(tokens))
