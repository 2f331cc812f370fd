"""A full disk: what is refused is refused whole, what was acknowledged stays, and it goes on."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.client import HABITS
from tests.crash.crew import Crew, Site
from tests.crash.http_worker import FATES
from tests.crash.invariants import Invariants
from tests.crash.processes import Launcher, Process, Trouble, find_free_port
from tests.crash.promises import check_promises
from tests.crash.reader import read_stopped_sqlite

DISK_BYTES = 24 * 1024 * 1024
ROOM_BYTES, CHUNK_BYTES = 120_000, 64 * 1024
ROUNDS = 5


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a file system of its own that is soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("NOT TESTED: a full disk needs the right to mount a small file system.")
    try:
        yield folder
    finally:
        # A process that a failed test left running may still be there.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Leave nearly no room on a disk; give the file that takes it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        while (room := shutil.disk_usage(disk).free - ROOM_BYTES) > 0:
            with contextlib.suppress(OSError):  # Somebody else took the room; look again.
                file.write(b"\0" * min(room, CHUNK_BYTES))
    return ballast


@pytest.mark.long
def test_a_full_disk_loses_and_repeats_nothing(
    small_disk: Path, launcher: Launcher, copy_installation: Callable[[], Path]
) -> None:
    folder = shutil.copytree(copy_installation(), small_disk / "installation")
    port, log = find_free_port(), small_disk.with_name("full.log")
    argv = ["serve", "--demo", "--port", str(port), "--data-dir", str(folder)]
    process = Process(launcher, argv, log, port)
    crew = Crew(Site(port), folder, seed=31, clients=5, habits=HABITS, fates=FATES)
    invariants = Invariants(folder / "media")
    problems: list[str] = []
    refused = 0

    def look() -> None:
        with read_stopped_sqlite(folder / "assent.sqlite") as reader:
            problems.extend(invariants.check(reader))
            problems.extend(check_promises(crew.ledger, reader, invariants.chains))
        problems.extend(crew.ledger.server_errors)

    with crew.at_work():
        for _ in range(ROUNDS):
            process.start(Trouble())
            assert process.wait_until_it_answers(), log.read_text()[-2000:]
            wait_for_answers(crew, 10)
            ballast, before = fill(small_disk), crew.ledger.times_full
            wait_until(lambda before=before: crew.ledger.times_full > before + 10)
            process.kill()
            look()
            refused += crew.ledger.times_full - before
            ballast.unlink()
        process.start(Trouble())
        assert process.wait_until_it_answers(), log.read_text()[-2000:]
        crew.wind_down()
        assert process.stop() == 0
        look()

    assert problems == [], problems[:10]
    assert refused > ROUNDS * 10
    assert crew.ledger.count()["unanswered"] == 0


def wait_for_answers(crew: Crew, count: int) -> None:
    """Wait until so many more asks were answered."""
    enough = crew.answers + count
    wait_until(lambda: crew.answers >= enough)


def wait_until(is_so: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something that comes; AssertionError when it does not."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)
