"""Puts the files of a test run into memory where there is room for them.

Tests make thousands of small databases. Making one of PostgreSQL on a disk takes ten times the
processor time, and every commit waits for the disk. What a killed process has written is there
afterwards either way.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
#: A whole run needs a fraction of it.
BYTES_WANTED = 4 * 1024**3


def has_room(folder: Path) -> bool:
    """Say whether there is such a folder with room, in which programs may be run, too."""
    if not os.access(folder, os.W_OK):
        return False
    found = os.statvfs(folder)
    is_small = found.f_bavail * found.f_frsize < BYTES_WANTED
    return not is_small and not found.f_flag & os.ST_NOEXEC


def keep_files_in_memory() -> None:
    """Let everything temporary of this process and its children be made in memory, if possible.

    Somebody who says in TMPDIR where it is to be gets it there.
    """
    if "TMPDIR" not in os.environ and has_room(SHARED_MEMORY):
        os.environ["TMPDIR"] = str(SHARED_MEMORY)
        tempfile.tempdir = None  # What was found before is looked for again.
