"""How Chromium is started in tests: found on the machine, quiet, and without network chatter."""

from __future__ import annotations

import os
import shutil
from typing import Any

EXECUTABLE = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""

LAUNCH: dict[str, Any] = {
    "executable_path": EXECUTABLE,
    "args": [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ],
}
