"""Serves the demo the way people do: `assent demo` and `assent serve` as processes of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "import sys; from webapp.cli import main; sys.exit(main())"]
SECONDS_TO_STOP = 60


@dataclass(frozen=True)
class Site:
    """A served installation: its address and its data folder."""

    address: str
    data_dir: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run an `assent` command beside the server, on the same data folder."""
        return run_command(*arguments, "--data-dir", str(self.data_dir))


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an `assent` command to its end; its answer is given whatever the exit code."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=_environment(),
        timeout=300,
        check=False,
    )


def load_demo(folder: Path) -> Path:
    """Load the example organization into a new data folder."""
    loaded = run_command("demo", "--data-dir", str(folder))
    assert loaded.returncode == 0, loaded.stderr
    return folder


@contextmanager
def serve_copy(demo: Path, folder: Path) -> Iterator[Site]:
    """Serve a copy of a loaded demo on any free port, with its workers, until the block ends."""
    shutil.copytree(demo, folder)
    (folder / "assent.sqlite.lock").unlink(missing_ok=True)
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--demo", "--data-dir", str(folder), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=PROJECT,
            env=_environment(),
        )
        try:
            yield Site(_read_address(process), folder)
        finally:
            process.terminate()
            process.communicate(timeout=SECONDS_TO_STOP)


def _read_address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # It was asked for.
    for line in process.stdout:
        found = re.search(r"Assent is at (\S+)", line)
        if found:
            return found.group(1)
    raise AssertionError("The server ended before it said where it is.")


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("ASSENT_")}
    return {**own, "PYTHONUNBUFFERED": "1"}
