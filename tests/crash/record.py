"""Keeps what campaigns did, one JSON line each, and adds the lines up for people.

Set $ASSENT_CRASH_RECORD to a file to keep them; `python -m tests.crash.record FILE` adds them up.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.crash.campaign import Report


def keep(report: Report, name: str) -> None:
    """Add a line about a campaign to the file that $ASSENT_CRASH_RECORD names, if it does."""
    file = os.environ.get("ASSENT_CRASH_RECORD")
    if file:
        with Path(file).open("a") as lines:
            lines.write(json.dumps({"name": name, **vars(report)}) + "\n")


def add_up(lines: list[dict[str, Any]]) -> str:
    """Give the sums of several campaigns as text for people."""
    kills: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for line in lines:
        kills.update(line["kills"])
        kinds.update(line["counts"]["kinds"])
        sums.update({n: count for n, count in line["counts"].items() if isinstance(count, int)})
    said = [f"{len(lines)} campaigns, {sum(kills.values())} kills"]
    said += [f"  {count:6} {where}" for where, count in sorted(kills.items())]
    said += [f"{name}: {count}" for name, count in sums.items()]
    said += [f"  {count:6} {kind}" for kind, count in kinds.most_common()]
    said += [f"late results that were fenced: {sum(line['fenced'] for line in lines)}"]
    said += [f"problems: {sum(len(line['problems']) for line in lines)}"]
    said += [f"seconds: {sum(line['seconds'] for line in lines):.0f}"]
    return "\n".join(said)


def main() -> None:
    """Add up the lines of the file that is named first."""
    text = Path(sys.argv[1]).read_text()
    sys.stdout.write(add_up([json.loads(line) for line in text.splitlines()]) + "\n")


if __name__ == "__main__":
    main()
