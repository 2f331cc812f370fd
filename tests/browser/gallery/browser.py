"""How Chromium is started in tests: found on the machine, quiet, and without network chatter."""

from __future__ import annotations

import os
import shutil
from typing import Any


def find_chromium() -> str:
    """Give the path of the Chromium to drive, or nothing: the one that is named, or the lightest.

    The headless shell has no user interface, so it needs half of the processor time.
    """
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium-headless-shell") or shutil.which("chromium") or ""


EXECUTABLE = find_chromium()

#: What Playwright turns off, which is said again because Chromium heeds only the last list, and
#: the two pages that Chromium loads for the address bar of every window though nobody sees it:
#: they took a third of the processor time of a test.
FEATURES_OFF = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding",
    "ThirdPartyStoragePartitioning", "OptimizationHints", "NetworkTimeServiceQuerying",
    "PreconnectToSearch",
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
)  # fmt: skip

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
        f"--disable-features={','.join(FEATURES_OFF)}",
    ],
}
