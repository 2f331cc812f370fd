"""Random block-structured processes: the runtime and an independent interpreter must agree."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.errors import RunFailed
from engine.runtime.interface import MessageWait, UserWait
from tests.unit.engine.runtime import blocks
from tests.unit.engine.runtime.harness import Play, kept_in_memory
from tests.unit.engine.runtime.reference_interpreter import Reference
from tests.unit.engine.runtime.reference_nodes import Conflict, Offer

MOST_EVENTS = 60
QUICK = 500
LONG = 20_000


class Different(AssertionError):
    """The runtime and the reference did not do the same."""


class Match:
    """One process, played by both with the same random choices."""

    def __init__(self, seed: int, depth: int) -> None:
        self.random = random.Random(f"play {seed}")
        self.block = blocks.random_block(seed, depth)
        self.counter = 0

    def play(self) -> str:
        """Play until the end, a conflict or enough events; raises `Different`."""
        self.reference = Reference(self.block, {"shared": 0, "latest": 0})
        self.play_ = Play(blocks.draw(self.block), {"shared": 0, "latest": 0})
        for _ in range(MOST_EVENTS):
            self.compare()
            if self.reference.ended:
                return "ended"
            if not self.step():
                return "conflict"
        return "stopped"

    def compare(self) -> None:
        waits = self.play_.last.waits
        theirs = [(w.element_id, w.data) for w in waits if isinstance(w, UserWait)]
        messages = sorted(w.message_name for w in waits if isinstance(w, MessageWait))
        ours = [(offer.id, offer.data) for offer in self.reference.offers("task")]
        self.require("tasks", _sorted(ours), _sorted(theirs))
        self.require("messages", sorted(o.id for o in self.reference.offers("message")), messages)
        self.require("end", self.reference.ended, self.play_.ended)
        if self.reference.ended:
            self.require("data", self.reference.data, self.play_.data)

    def require(self, what: str, expected: Any, found: Any) -> None:
        if expected != found:
            raise Different(f"{what}: expected {expected}, found {found}, trace {self.play_.trace}")

    def step(self) -> bool:
        """Let one random thing happen in both; False when both refuse it as a conflict."""
        offer = self.choose()
        payload = self.payload(offer)
        mine = theirs = True
        try:
            self.reference.happen(offer, payload)
        except Conflict:
            mine = False
        try:
            self.happen(offer, payload)
        except RunFailed as error:
            if error.code != "data-conflict":
                raise
            theirs = False
        self.require("conflict", mine, theirs)
        return mine

    def choose(self) -> Offer:
        messages = self.reference.offers("message")
        names = [offer.id for offer in messages]
        # A message that several events wait for goes to any of them, so it is not sent.
        messages = [offer for offer in messages if names.count(offer.id) == 1]
        if messages and self.random.random() < 0.3:
            return self.random.choice(messages)
        return self.random.choice(self.reference.offers("task"))

    def payload(self, offer: Offer) -> dict[str, Any]:
        self.counter += 1
        payload: dict[str, Any] = {f"{offer.id}v": self.counter}
        if isinstance(offer.block, blocks.Task):
            for variable in offer.block.decides:
                payload[variable] = self.random.random() < 0.4
            if offer.block.shares and self.random.random() < 0.1:
                payload["shared"] = self.counter
            if offer.block.shares and self.random.random() < 0.3:
                payload["latest"] = self.counter
        return payload

    def happen(self, offer: Offer, payload: dict[str, Any]) -> None:
        if offer.kind == "message":
            self.play_.message(offer.id, payload)
            return
        for wait in self.play_.last.waits:
            if isinstance(wait, UserWait) and (wait.element_id, wait.data) == (
                offer.id,
                offer.data,
            ):
                self.play_.complete_ref(wait.ref, payload)
                return
        raise Different(f"{offer.id} is not offered")


def _sorted(offers: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return sorted(f"{name} {sorted(data.items(), key=str)}" for name, data in offers)


def play_many(seeds: range) -> dict[str, int]:
    """Play processes, every other one saved, restored and compacted at each step."""
    results: dict[str, int] = {}
    for seed in seeds:
        match = Match(seed, depth=2 + seed % 3)
        try:
            if seed % 2:
                result = match.play()
            else:
                with kept_in_memory():
                    result = match.play()
        except Different as error:
            result = "different"
            results.setdefault("first", seed)
            print(seed, str(error)[:2_000])  # noqa: T201
        results[result] = results.get(result, 0) + 1
    return results


def test_random_processes_do_what_the_reference_says() -> None:
    results = play_many(range(QUICK))
    assert "different" not in results, results
    assert results["ended"] > QUICK // 3
    assert results["conflict"] > QUICK // 100


@pytest.mark.long
def test_very_many_random_processes_do_what_the_reference_says() -> None:
    results = play_many(range(10_000, 10_000 + LONG))
    assert "different" not in results, results
