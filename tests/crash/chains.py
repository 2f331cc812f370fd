"""Reads the record as it grows: hashes every event again and retells the gates from it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.crash.reader import Reader, Row, as_json, hash_event
from tests.crash.values import put_back, read_values

GRANTING = ("authorize", "authorize_with_conditions")
#: Work that may only be done while the gate before it stands open.
BEHIND_GATES = {
    "charter": "proposal",
    "plan_release": "phase_1",
    "build": "phase_2",
    "test": "phase_2",
    "submit_media": "phase_3",
    "deploy": "phase_4",
}

GateKey = tuple[str, str]


@dataclass
class Gate:
    """A gate of an instance as the record tells it: the round at hand, and whether it opened."""

    round: int = 0
    seats: int = 0
    votes: dict[str, str] = field(default_factory=dict)
    is_open: bool = False


@dataclass
class ChainReader:
    """Follows every chain; what was verified once is only compared by the hash of its end."""

    steps: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """How often each element was completed, by instance."""
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often something is told, by tag and what it is about."""
    _ends: dict[str, tuple[int, str]] = field(default_factory=dict)
    _gates: defaultdict[GateKey, Gate] = field(default_factory=lambda: defaultdict(Gate))

    def read(self, reader: Reader) -> Iterator[str]:
        """Read what is new, and give a sentence for everything that does not hold."""
        seen: dict[str, int] = {}
        values = read_values(reader)
        for row in reader.rows("SELECT * FROM audit_event ORDER BY chain_id, seq"):
            chain, (seq, end) = row["chain_id"], self._ends.get(row["chain_id"], (0, ""))
            seen[chain] = row["seq"]
            if row["seq"] < seq:
                continue
            if row["seq"] == seq:
                if row["hash"] != end:
                    yield f"audit event {seq} of {chain} has become another"
                continue
            yield from self._verify(row, seq, end)
            detail = put_back(as_json(row["detail"]), chain, values)
            yield from self._retell(row, detail)
            self._ends[chain] = (row["seq"], row["hash"])
        heads = {
            r["id"]: (r["length"], r["head"]) for r in reader.rows("SELECT * FROM audit_chain")
        }
        for chain, end_of_chain in self._ends.items():
            if heads.get(chain) != end_of_chain or seen.get(chain) != end_of_chain[0]:
                yield f"audit chain {chain} has lost its end: {heads.get(chain)} {end_of_chain}"

    def _verify(self, row: Row, seq: int, end: str) -> Iterator[str]:
        if (row["seq"], row["previous_hash"]) != (seq + 1, end):
            yield f"audit chain {row['chain_id']} is not whole at {row['seq']}"
        if hash_event(row) != row["hash"]:
            yield f"audit event {row['seq']} of {row['chain_id']} does not have its hash"

    def _retell(self, row: Row, detail: dict[str, Any]) -> Iterator[str]:
        tag = row["tag"]
        self._count(row, detail)
        # What moved an instance on tells of the steps that followed.
        yield from self._take_steps(row["chain_id"], detail.get("steps", []))
        if tag.startswith("authority:") and "gate" in detail:
            gate = self._gates[row["chain_id"], detail["gate"]]
            yield from self._take_gate_event(gate, row, detail)

    def _count(self, row: Row, detail: dict[str, Any]) -> None:
        about = next((detail[n] for n in ("task", "incident", "media") if n in detail), None)
        if row["tag"] == "proposal:proposal:amended":
            about = f"{row['subject']}.{detail['revision']}"
        if row["tag"] == "authority:vote:cast":
            about = detail["comment"]
        if "error" in detail:
            about = detail["error"]
        self.told[row["tag"], str(about or row["subject"])] += 1

    def _take_steps(self, chain: str, steps: list[str]) -> Iterator[str]:
        for step in steps:
            element, _, state = step.rpartition(":")
            if state != "completed":
                continue
            self.steps[chain][element] += 1
            gate = BEHIND_GATES.get(element)
            if gate and not self._gates[chain, gate].is_open:
                yield f"{element} was done in {chain} while {gate} was not open"

    def _take_gate_event(self, gate: Gate, row: Row, detail: dict[str, Any]) -> Iterator[str]:
        tag, where = row["tag"], f"{detail['gate']} of {row['subject']}"
        if tag == "authority:gate:seated":
            gate.round, gate.seats = detail["round"], len(detail["seats"])
            gate.votes, gate.is_open = {}, False
        elif tag == "authority:vote:cast":
            if row["actor_id"] in gate.votes or detail["round"] != gate.round:
                yield f"{row['actor_name']} voted on {where} twice or in another round"
            gate.votes[row["actor_id"]] = detail["decision"]
        elif tag == "authority:gate:opened":
            granted = [d for d in gate.votes.values() if d in GRANTING]
            if detail["round"] != gate.round or not len(granted) == len(gate.votes) >= gate.seats:
                yield f"{where} opened on {gate.votes} with {gate.seats} seats"
            gate.is_open = True
