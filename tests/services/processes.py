"""Processes of services: found, run without root's rights, never left behind."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

READY_SECONDS = 120.0
PAUSE_SECONDS = 0.02
#: Ends a service when the process that started it is gone, however it went.
WATCH = 'read -r _; kill -"$1" "$2" 2>/dev/null'


class ServiceMissing(RuntimeError):
    """A service can't be had on this machine; the message says where to get it."""


def find_free_port() -> int:
    """Give a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_password() -> str:
    """Give a password that needs no quoting in a URL or a file."""
    return secrets.token_hex(12)


@dataclass(frozen=True)
class Account:
    """The operating-system account that services run under."""

    uid: int
    gid: int

    @classmethod
    def unprivileged(cls) -> Account:
        """Give the present account, or `nobody` when that is root: servers refuse root."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)

    @property
    def options(self) -> dict[str, object]:
        """What `subprocess` needs to run something under this account."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make this account the owner of a file or folder."""
        os.chown(path, self.uid, self.gid)


@contextlib.contextmanager
def own_folder(prefix: str, account: Account) -> Iterator[Path]:
    """Give a temporary folder that only this account may enter; gone at the end.

    Not below the folder of the test run: the account may not pass through that.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    account.give(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class ServiceProcess:
    """One server process under an account, ended with the process that started it."""

    command: Sequence[str | Path]
    account: Account
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = field(init=False, default=None)
    watcher: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def start(self, is_ready: Callable[[], bool]) -> None:
        """Start the process and return when it is ready; RuntimeError gives its log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*map(str, self.command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.log.parent,
                env={**os.environ, **self.environment},
                start_new_session=True,
                **self.account.options,  # type: ignore[call-overload]
            )
        self.watcher = subprocess.Popen(
            ["/bin/sh", "-c", WATCH, "watch", "KILL", str(self.process.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        end = time.monotonic() + READY_SECONDS
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.end(signal.SIGKILL)
                raise RuntimeError(f"{self.command[0]} did not start:\n{self.log.read_text()}")
            time.sleep(PAUSE_SECONDS)

    def end(self, how: signal.Signals) -> None:
        """Send a signal and wait until the process is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
        if self.process is not None:
            self.process.wait(READY_SECONDS)
        if self.watcher is not None:
            self.watcher.kill()
            self.watcher.communicate()
        self.process = self.watcher = None
