"""The command `assent worker` as a family of processes: what happens to the rest when one dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.acceptance.server import PROJECT, wait_for

COMMAND = [sys.executable, "-c", "import sys; from webapp.cli import main; sys.exit(main())"]


def list_family(pid: int) -> list[int]:
    """Give a process and all that descend from it."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return [pid, *(each for child in children for each in list_family(child))]


def is_running(pid: int) -> bool:
    """Tell whether a process is there and more than a remainder that waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_when_the_supervising_command_is_killed_its_worker_processes_stop_by_themselves(
    empty_postgresql_url: str, broker_url: str, tmp_path: Path
) -> None:
    # Given a command with two worker processes, which have said that they work.
    log = tmp_path / "log"
    with log.open("w") as said:
        command = subprocess.Popen(
            [
                *COMMAND, "worker", "-p", "2", "-t", "2", "--data-dir", str(tmp_path / "var"),
                "--database", empty_postgresql_url, "--broker", broker_url,
            ],
            stdout=said, stderr=said, cwd=PROJECT,
        )  # fmt: skip
    family = []
    try:
        wait_for(lambda: log.read_text().count("Worker process is ready") >= 2, "two workers")
        family = list_family(command.pid)

        # When the command is killed with kill -9.
        command.kill()
        command.wait()

        # Then nothing of it is left, and the workers stopped in order.
        wait_for(lambda: not any(map(is_running, family)), f"the end of {family}")
    finally:
        for pid in filter(is_running, {command.pid, *family}):
            os.kill(pid, signal.SIGKILL)
        command.wait()
    assert len(family) >= 4
    assert log.read_text().count("Worker has been shut down") == 2
