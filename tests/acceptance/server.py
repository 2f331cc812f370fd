"""The real product for a test: `assent serve --demo` in a process of its own, on a folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

PROJECT = Path(__file__).resolve().parents[2]
ASSENT = [sys.executable, "-c", "import sys; from webapp.cli import main; sys.exit(main())"]
ATTEMPTS, PAUSE_SECONDS = 1200, 0.05

T = TypeVar("T")


def wait_for(look: Callable[[], T], what: str) -> T:
    """Look again and again until something is there; AssertionError says what never came.

    How long it may take depends on the machine, so only the number of looks is bounded.
    """
    found = look()
    for _ in range(ATTEMPTS):
        if found:
            return found
        time.sleep(PAUSE_SECONDS)
        found = look()
    raise AssertionError(f"{what} never came; last seen: {found!r}")


def run_assent(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the product to its end."""
    return subprocess.run(
        [*ASSENT, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
        timeout=300,
    )


@dataclass
class Server:
    """A serving process on a data folder; killed and started again, it is the same installation."""

    folder: Path
    options: tuple[str, ...] = ()
    shows_demo: bool = True
    address: str = field(init=False, default="")
    process: subprocess.Popen[str] = field(init=False)

    @property
    def log(self) -> Path:
        """The file that takes what the process says to its operator."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def start(self) -> Server:
        """Start serving on any free port; returns when the address is known."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    *ASSENT, "serve", *(["--demo"] if self.shows_demo else []), "--port", "0",
                    "--data-dir", str(self.folder), *self.options,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=PROJECT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        try:
            self.address = self._read_address()
        except AssertionError:
            self.kill()
            raise
        return self

    def kill(self) -> None:
        """End the process as a power cut would: SIGKILL, nothing is finished or written."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def restart(self) -> None:
        """Kill the process if it lives and start another on the same folder."""
        if self.process.poll() is None:
            self.kill()
        self.start()

    def stop(self) -> None:
        """Let the process end in order."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate()

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the product on this installation, beside the server."""
        return run_assent(*arguments, "--data-dir", self.folder)

    def _read_address(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := find_address(line):
                return found
        raise AssertionError(f"the server ended before it said its address: {self.log.read_text()}")


def find_address(said: str) -> str:
    """Give the address in what a server has said so far, or nothing."""
    found = re.search(r"^Assent is at (http://\S+)\n", said, re.MULTILINE)
    return found.group(1) if found else ""


def serve_copy(template: Path, folder: Path) -> Server:
    """Serve a copy of an installation."""
    shutil.copytree(template, folder)
    return Server(folder).start()
