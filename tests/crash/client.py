"""A client of a campaign: it acts as several people and does not give up on what it asked for."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from tests.acceptance.company import Company
from tests.acceptance.person import Person
from tests.acceptance.proposals import write_build, write_plan, write_proposal, write_rfc
from tests.crash.answers import find_recipe
from tests.crash.asker import Asker, Stopped

TASKS_IN_A_ROW = 4
WEEKS = 1500
#: How often a client does what, in proportion.
HABITS = {
    "do_tasks": 60, "propose": 8, "raise_rfc": 8, "release": 8, "amend": 4, "edit_draft": 6,
    "send_message": 3, "retry_incident": 6, "claim": 3, "override": 4, "survey": 8,
}  # fmt: skip


@dataclass(kw_only=True)
class Client(Asker):
    """A client that acts as the people of a company."""

    company: Company
    habits: dict[str, int] = field(default_factory=lambda: dict(HABITS))

    def run(self) -> None:
        """Work until the campaign winds down, with an answer to everything; or until it stops."""
        names, weights = list(self.habits), list(self.habits.values())
        try:
            while True:
                (name,) = self.rng.choices(names, weights)
                getattr(self, name)()
        except Stopped:
            return

    # What people do.

    def do_tasks(self) -> None:
        """Somebody looks at the inbox and does some of what is there."""
        who = self.rng.choice(list(self.company.people.values()))
        listed = self.look(who, "/tasks", limit="100") or {"items": []}
        tasks = listed["items"]
        for task in self.rng.sample(tasks, min(TASKS_IN_A_ROW, len(tasks))):
            mark = self.mark()
            data = self._answer(who, task, mark)
            if data is not None:
                path = f"/tasks/{task['id']}/complete"
                body = {"data": data}
                self.ask("task", who, "POST", path, body=body, about=task["id"], mark=mark)

    def _answer(self, who: Person, task: dict[str, Any], mark: str) -> dict[str, Any] | None:
        element, release = task["element_id"], task["business_key"]
        version = f"1.{release.removeprefix('REL-')}"
        media = f"media of {release}\n".encode() * 40
        if element == "plan_release":
            planned = self.look(who, f"/releases/{release}")
            starts, ends = (str((planned or {}).get(n) or "") for n in ("start_at", "end_at"))
            return write_plan(starts, ends) if starts and ends else None
        if element == "build":
            return write_build("portal", version, hashlib.sha256(media).hexdigest())
        if element == "submit_media":
            self.upload(who, release, version, media)
            return {"media_submitted": True, "submission_note": mark}
        recipe = find_recipe(element)
        return recipe(self.rng, mark) if recipe else None

    def upload(self, who: Person, release: str, version: str, media: bytes) -> None:
        """Somebody uploads the media of a release, perhaps other bytes first."""
        if self.rng.random() < 0.3:
            media = media + self.mark().encode()
        path = f"/media?release={release}&name=portal&version={version}"
        about = hashlib.sha256(media).hexdigest()
        self.ask("media", who, "POST", path, content=media, about=about)

    def propose(self) -> None:
        """Somebody writes a proposal and, mostly, hands it in."""
        who = self.rng.choice([self.company.elif_, self.company.piotr])
        mark = self.mark()
        body = write_proposal(self.rng.randrange(WEEKS), title=f"Address change {mark}")
        drafted = self.ask("draft", who, "POST", "/proposals", body=body, mark=mark)
        if not drafted.is_done:
            return
        number = drafted.answer.json["number"]  # type: ignore[union-attr]
        if self.rng.random() > 0.2:
            self.ask("submit", who, "POST", f"/proposals/{number}/submit", about=number)

    def edit_draft(self) -> None:
        """Somebody changes a draft that several have open at the same time."""
        who = self.company.elif_
        listed = self.look(who, "/proposals", state="draft", mine="true", limit="5")
        if not listed or not listed["items"]:
            return
        number = self.rng.choice(listed["items"])["number"]
        seen = self._send(lambda: who.ask(f"/proposals/{number}"))
        mark = self.mark()
        self.ask(
            "edit", who, "PATCH", f"/proposals/{number}", body={"description": mark},
            about=number, base=seen.headers.get("etag"), mark=mark,
        )  # fmt: skip

    def amend(self) -> None:
        """The proposer amends a proposal that was handed in: its text, or its dates."""
        who = self.company.piotr
        listed = self.look(who, "/proposals", limit="40") or {"items": []}
        open_ones = [p for p in listed["items"] if p["state"] not in ("draft", "realized")]
        if not open_ones:
            return
        number, mark = self.rng.choice(open_ones)["number"], self.mark()
        fields = ("deploy_from", "deploy_to", "build_start", "build_end", "bookings")
        moved = write_proposal(self.rng.randrange(WEEKS))
        dates = {n: moved[n] for n in fields} if self.rng.random() < 0.3 else {}
        self.ask(
            "amend", who, "POST", f"/proposals/{number}/amend",
            body={"utility": f"A customer changes it. {mark}", **dates}, about=number, mark=mark,
        )  # fmt: skip

    def raise_rfc(self) -> None:
        """Ines raises a request for change, of a chartered proposal or of none."""
        ines, mark = self.company.ines, self.mark()
        listed = self.look(ines, "/proposals", state="chartered", limit="50") or {"items": []}
        numbers = [p["number"] for p in listed["items"]]
        proposal = self.rng.choice(numbers) if numbers and self.rng.random() < 0.6 else None
        body = write_rfc(self.rng.randrange(WEEKS), proposal, title=f"Portal form {mark}")
        self.ask("rfc", ines, "POST", "/rfcs", body=body, mark=mark)

    def release(self) -> None:
        """Ines puts a scheduled request for change into a release."""
        ines, mark = self.company.ines, self.mark()
        listed = self.look(ines, "/rfcs", state="scheduled", limit="50") or {"items": []}
        free = [r["number"] for r in listed["items"] if not r["release_number"]]
        if free:
            body = {"name": f"Portal {mark}", "rfc_numbers": [self.rng.choice(free)]}
            self.ask("release", ines, "POST", "/releases", body=body, mark=mark)

    def send_message(self) -> None:
        """A program sends a message that nothing waits for yet."""
        mark = self.mark()
        body = {
            "name": "stock_counted",
            "correlation_key": f"count-{mark}",
            "payload": {"mark": mark},
            "message_id": f"m-{mark}",
        }
        self.ask("message", self.company.ida, "POST", "/messages", body=body, mark=mark)

    def survey(self) -> None:
        """A program has a site surveyed and announces it: before, afterwards or at once."""
        key, mark = self.mark(), self.mark()
        announce = Thread(target=self._announce_survey, args=(key, mark), daemon=True)
        order = self.rng.choice(["before", "afterwards", "at once"])
        if order != "afterwards":
            announce.start()
        if order == "before":
            announce.join()
        self._start_survey(key)
        if order == "afterwards":
            announce.start()
        announce.join()

    def _start_survey(self, key: str) -> None:
        path = "/processes/site_survey/instances"
        self.ask("survey", self.company.ida, "POST", path, body={"business_key": key}, mark=key)

    def _announce_survey(self, key: str, mark: str) -> None:
        body = {
            "name": "survey_announced",
            "correlation_key": key,
            "payload": {"notice": mark},
            "message_id": f"m-{mark}",
        }
        with contextlib.suppress(Stopped):  # Then the survey itself is not asked for, either.
            self.ask(
                "notice", self.company.ida, "POST", "/messages", body=body, mark=mark, about=key
            )

    def retry_incident(self) -> None:
        """Tomas has a job tried again that failed for good."""
        listed = self.look(self.company.tomas, "/incidents", limit="20") or {"items": []}
        if listed["items"]:
            incident = self.rng.choice(listed["items"])["id"]
            path = f"/incidents/{incident}/retry"
            self.ask("retry", self.company.tomas, "POST", path, about=incident)

    def claim(self) -> None:
        """Somebody claims a task, or gives it back."""
        who = self.rng.choice(list(self.company.people.values()))
        listed = self.look(who, "/tasks", limit="20") or {"items": []}
        if listed["items"]:
            task = self.rng.choice(listed["items"])
            kind = "give_back" if task["claimed_at"] else "claim"
            verb = "release" if task["claimed_at"] else "claim"
            self.ask(kind, who, "POST", f"/tasks/{task['id']}/{verb}", about=task["id"])

    def override(self) -> None:
        """Tomas accepts a finding with a reason."""
        tomas, mark = self.company.tomas, self.mark()
        listed = self.look(tomas, "/findings", state="open", limit="50") or {"items": []}
        if listed["items"]:
            finding = self.rng.choice(listed["items"])["id"]
            body = {"resolution": "override", "reason": f"Agreed with the owners. {mark}"}
            path = f"/findings/{finding}/resolve"
            self.ask("override", tomas, "POST", path, body=body, about=finding, mark=mark)
