"""Reads files that people name, and those beside them, without stumbling over what is no file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

MOST_NEIGHBORS = 500
"""How many files beside a named one are looked at."""


def read_file(path: Path) -> bytes:
    """Return the content of a regular file; raises OSError, also for pipes, which never end."""
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is not a file.")
    return path.read_bytes()


def read_neighbors(folder: Path, *patterns: str) -> Iterator[tuple[Path, bytes]]:
    """Yield the files of a folder that match, in order; what can't be read is left out.

    Nobody named these files: one that is broken or forbidden must not keep others from running.
    """
    found = (path for pattern in patterns for path in sorted(folder.glob(pattern)))
    for path in islice(found, MOST_NEIGHBORS):
        with suppress(OSError):
            yield path, read_file(path)
