"""The test's side of the launcher: processes of the product that start fast and are killed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.acceptance.server import PROJECT

KILLED = -9
CONNECT_SECONDS = 60.0
LOOK_SECONDS = 0.01


class Launcher:
    """A launcher process; everything it started ends with it."""

    def __init__(self) -> None:
        """Start it; it imports the product while the caller goes on."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.launcher"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )

    def __enter__(self) -> Launcher:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def order(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Give an order and wait for what comes of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the launcher has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a process on purpose: where it is killed, what was taken out of it."""

    point: tuple[str, int] | None = None
    mutants: tuple[str, ...] = ()
    witness: Path | None = None
    slow: float = 0.0


@dataclass
class Process:
    """An `assent …` process that can be started again with the same arguments."""

    launcher: Launcher
    argv: list[str]
    log: Path
    port: int | None = None
    environment: dict[str, str] = field(default_factory=dict)
    pid: int = field(init=False, default=0)

    def start(self, trouble: Trouble) -> None:
        """Start it; a web process may not listen yet, see `wait_until_it_answers`."""
        self.pid = self.launcher.order(
            "start",
            argv=self.argv,
            log=str(self.log),
            point=trouble.point,
            mutants=trouble.mutants,
            witness=str(trouble.witness) if trouble.witness else None,
            slow=trouble.slow,
            environment=self.environment,
        )["pid"]

    def wait_until_it_answers(self) -> bool:
        """Tell whether it listens; False when it ended before."""
        assert self.port is not None
        until = time.monotonic() + CONNECT_SECONDS
        while time.monotonic() < until:
            if self.has_ended():
                return False
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return True
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"{self.argv} does not listen; see {self.log}")

    def has_ended(self, within_seconds: float = 0.0) -> bool:
        """Tell whether it has ended by itself, waiting so long for it."""
        return self.launcher.order("reap", pid=self.pid, seconds=within_seconds)["code"] is not None

    def kill(self) -> int:
        """Kill it if it lives; give the exit code, -9 when it was killed."""
        code: int = self.launcher.order("kill", pid=self.pid)["code"]
        return code

    def stop(self) -> int:
        """Let it end in order; give the exit code."""
        code: int = self.launcher.order("terminate", pid=self.pid)["code"]
        return code


def find_free_port() -> int:
    """Give a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
