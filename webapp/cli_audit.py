"""The command `assent audit`: the record exported, and verified by anyone who has the export."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from engine.archive_check import verify_archive
from engine.audit import (
    BrokenChain,
    RecordCheck,
    event_fields,
    list_chain_references,
    verify_chain,
    verify_end,
    verify_record,
    verify_values,
)
from engine.errors import InvalidInput
from engine.kept_values import read_written
from engine.values import digest_written
from models.audit import AuditChain
from models.queries.record import list_chain
from models.row_values import write_canonical
from webapp.api.schema import plain
from webapp.installation import add_place_option, open_database

EXAMPLES = """examples:
  assent audit export > record.jsonl      every event, and how long each chain is
  assent audit verify record.jsonl        offline: needs neither database nor server
  assent audit verify                     the record of this installation
  assent audit verify --json

Each event carries the hash of the one before it, so a change, a gap or a swap is found. The
export also says how many events each chain has, so that a missing end is found. Large values
stand once behind the events that refer to them by digest. In an installation the archive is
verified too: what it holds is what the record says was put there.
exit codes: 0 whole, 1 not whole (each place is named), 2 the export cannot be read,
or there is no record
"""
BROKEN = 1


def register(subparsers: Any) -> None:
    """Add the command `audit` with `verify` and `export`."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = subparsers.add_parser(
        "audit", help="verify and export the record", epilog=EXAMPLES, formatter_class=raw
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    verify = actions.add_parser(
        "verify", help="verify the record", epilog=EXAMPLES, formatter_class=raw
    )
    verify.add_argument("file", nargs="?", type=Path, metavar="FILE", help="an export")
    verify.add_argument("--json", action="store_true", help="print JSON")
    add_place_option(verify)
    verify.set_defaults(run=run_verify)
    export = actions.add_parser(
        "export", help="print the record as JSON lines", epilog=EXAMPLES, formatter_class=raw
    )
    export.add_argument("--chain", help="only this chain: an instance id, or subject:P4")
    add_place_option(export)
    export.set_defaults(run=run_export)


def run_verify(arguments: argparse.Namespace) -> int:
    """Verify an export or the installation and say where the record does not hold."""
    if arguments.file is not None:
        check = verify_lines(read_export(arguments.file))
    else:
        check = _verify_installation(arguments)
    broken, events, chains = check.broken, check.events, check.chains
    if arguments.json:
        problems = [asdict(each) for each in broken]
        print(json.dumps({"events": events, "chains": chains, "broken": problems}, indent=1))
    elif broken:
        for each in broken:
            print(f"{each.chain_id} event {each.seq}: {each.reason}", file=sys.stderr)
    else:
        print(f"The record is whole: {events:,} events in {chains:,} chains.")
    return BROKEN if broken else 0


def run_export(arguments: argparse.Namespace) -> int:
    """Print the record as JSON lines."""
    for line in _export(arguments, arguments.chain):
        print(json.dumps(line, ensure_ascii=False))
    return 0


def export_record(session: Session, chain_id: str | None = None) -> Iterator[dict[str, Any]]:
    """Give every event with its hash, chain by chain; after each the values and how it ends.

    A value that does not hold its digest any more is null, which has not that digest either.
    """
    statement = select(AuditChain).order_by(AuditChain.id)
    if chain_id is not None:
        statement = statement.where(AuditChain.id == chain_id)
    for chain in session.scalars(statement):
        events = [
            {**event_fields(event), "hash": event.hash} for event in list_chain(session, chain.id)
        ]
        yield from map(plain, events)
        for digest, written in read_written(
            session, chain.id, list_chain_references(chain.id, events)
        ):
            yield {"chain": chain.id, "digest": digest, "value": json.loads(written or "null")}
        yield {"chain": chain.id, "length": chain.length, "head": chain.head}


def read_export(path: Path) -> list[dict[str, Any]]:
    """Read an export: JSON lines, or a chain as the API gives it. Raises InvalidInput."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.") from error
    lines: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            value = json.loads(line) if line.strip() else {"events": []}
        except ValueError as error:
            raise InvalidInput(f"Line {number} of {path} is not JSON: {error}.") from error
        if not isinstance(value, dict):
            raise InvalidInput(f"Line {number} of {path} is not an event.")
        lines += value.get("events", [value])
        lines += (
            {"chain": value.get("chain"), "digest": digest, "value": kept}
            for digest, kept in value.get("values", {}).items()
        )
    return lines


def verify_lines(lines: Iterable[dict[str, Any]]) -> RecordCheck:
    """Verify an export, each chain that it holds."""
    events: dict[str, list[dict[str, Any]]] = {}
    ends: dict[str, dict[str, Any]] = {}
    holds: dict[str, dict[str, bool]] = {}
    for line in lines:
        chain = str(line.get("chain"))
        if "length" in line:
            ends[chain] = line
        elif "digest" in line:
            digest = str(line["digest"])
            is_whole = digest_written(write_canonical(line.get("value"))) == digest
            holds.setdefault(chain, {})[digest] = is_whole
        else:
            # The API also tells the id of the row, which no hash covers.
            fields = {name: value for name, value in line.items() if name != "id"}
            events.setdefault(chain, []).append(fields)
    broken: list[BrokenChain] = []
    for chain in sorted(events.keys() | ends.keys()):
        found = events.get(chain, [])
        broken += verify_chain(found)
        wanted = list_chain_references(chain, found)
        broken += verify_values(chain, wanted, holds.get(chain, {}))
        if chain in ends:
            broken += verify_end(chain, found, ends[chain]["length"], ends[chain]["head"])
    return RecordCheck(sum(len(found) for found in events.values()), len(events), broken)


def _verify_installation(arguments: argparse.Namespace) -> RecordCheck:
    database, _ = open_database(arguments)
    try:
        with database.read() as session:
            check = verify_record(session)
            if not check.events and not check.chains:
                raise InvalidInput(
                    "There is no record here: name the installation with --data-dir or --database."
                )
            return replace(check, broken=[*check.broken, *verify_archive(session)])
    except (DBAPIError, ValueError) as error:  # Bytes that are no text, or a time that is none.
        reason = " ".join(str(getattr(error, "orig", error)).split())
        return RecordCheck(0, 0, [BrokenChain("record", 0, f"cannot be read: {reason}")])
    finally:
        database.close()


def _export(arguments: argparse.Namespace, chain_id: str | None = None) -> Iterator[dict[str, Any]]:
    database, _ = open_database(arguments)
    try:
        with database.read() as session:
            yield from export_record(session, chain_id)
    finally:
        database.close()
