"""The command `assent conflicts`: findings and free slots of an organization file, no server."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from engine.errors import InvalidInput, Refusal
from workers.conflicts.finding import SEVERITIES, Finding
from workers.conflicts.landscape import Entry, Landscape
from workers.conflicts.organization_file import read_landscape
from workers.conflicts.rules import find_entry, next_slots, recheck_all
from workers.conflicts.slots import Slot
from workers.schedule.localtime import describe_interval, utc_text

_EXAMPLES = """examples:
  assent conflicts --org example_org.json
  assent conflicts --org example_org.json --json --slots P4 --slots P2
  assent conflicts --org example_org.json --fail-on high

exit codes: 0 checked, 1 a finding as bad as --fail-on or worse, 2 the file or an id is not usable
"""


def register(subparsers: Any) -> None:
    """Add the command to the subparsers of `assent`; `run` is called with the parsed arguments."""
    parser = subparsers.add_parser(
        "conflicts",
        help="find conflicts and free slots in an organization file",
        description="Find conflicts and free slots in an organization file, without a server.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--org", required=True, type=Path, help="organization file (JSON)")
    parser.add_argument(
        "--slots",
        action="append",
        default=[],
        metavar="ID",
        help="also list free slots of this proposal or change (may be repeated)",
    )
    parser.add_argument("--count", type=int, default=3, help="slots per entry (default 3)")
    parser.add_argument(
        "--horizon-days", type=int, default=90, help="how far to look for slots (default 90)"
    )
    parser.add_argument(
        "--fail-on", choices=SEVERITIES, help="exit with 1 if a finding is this bad or worse"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the file and print what was found; return the exit code."""
    try:
        landscape = read_landscape(read_document(arguments.org))
        findings = recheck_all(landscape)
        slots = {
            name: next_slots(landscape, name, arguments.count, arguments.horizon_days)
            for name in arguments.slots
        }
    except Refusal as refusal:
        print(f"assent conflicts: {refusal.message}", file=sys.stderr)
        return 2
    for remark in landscape.remarks:
        print(f"note: {remark}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(as_json(findings, slots), indent=1))
    else:
        print(as_text(landscape, findings, slots))
    return 1 if _is_as_bad_as(findings, arguments.fail_on) else 0


def read_document(path: Path) -> object:
    """Return the parsed JSON of a file; InvalidInput if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise InvalidInput(f"{path} cannot be read: {reason.strerror}.") from reason
    except (ValueError, RecursionError) as reason:
        raise InvalidInput(f"{path} is not JSON: {reason}.") from reason


def as_json(findings: list[Finding], slots: dict[str, list[Slot]]) -> dict[str, Any]:
    """Return what `--json` prints; times are UTC."""
    return {
        "findings": [finding.as_json() for finding in findings],
        "slots": {
            name: [utc_text(slot.start_utc) for slot in found] for name, found in slots.items()
        },
    }


def as_text(landscape: Landscape, findings: list[Finding], slots: dict[str, list[Slot]]) -> str:
    """Return the findings and slots for people; times are local."""
    lines = [f"{len(findings)} finding{'' if len(findings) == 1 else 's'}"]
    for finding in findings:
        lines.append(f"{finding.severity:8} {finding.kind:24} {finding.sentence}")
    for name, found in slots.items():
        entry = find_entry(landscape, name)
        lines += ["", f"Free slots of {entry.say()}:"]
        lines += [f"  {_say_slot(entry, slot)}" for slot in found]
        if not found:
            lines.append("  none within the horizon")
    return "\n".join(lines)


def _say_slot(entry: Entry, slot: Slot) -> str:
    return describe_interval(slot.start_utc, slot.end_utc, entry.tz)


def _is_as_bad_as(findings: list[Finding], limit: str | None) -> bool:
    if limit is None:
        return False
    bad = SEVERITIES[: SEVERITIES.index(limit) + 1]
    return any(finding.severity in bad for finding in findings)
