"""The example organization at work on a running server: its people, and what they do together."""

from __future__ import annotations

from typing import Any

from tests.acceptance.person import Person
from tests.acceptance.server import Server, wait_for


class Company:
    """The people of the example organization, each by first name, and the server they use."""

    def __init__(
        self, server: Server, tokens: list[dict[str, str]], somebody: type[Person] = Person
    ):
        """Take the running server, who has which token, and what kind of person each is."""
        self.server = server
        self.people = {t["id"]: somebody(server, **t) for t in tokens}
        self.maren = self.people["u01"]  # process owner
        self.tomas = self.people["u02"]  # change manager
        self.ines = self.people["u03"]  # release manager
        self.piotr = self.people["u04"]  # portfolio manager
        self.elif_ = self.people["u05"]  # PMO lead
        self.jon = self.people["u06"]  # CAB, owner of Hosting and Network
        self.nadia = self.people["u07"]  # CAB, owner of the Integration Platform
        self.ruben = self.people["u08"]  # CAB, owner of Identity and Access
        self.clara = self.people["u09"]  # CAB, owner of Finance and Regulatory Reporting
        self.sami = self.people["u10"]  # build engineer
        self.greta = self.people["u11"]  # test manager
        self.levin = self.people["u12"]  # librarian of the media library
        self.oda = self.people["u13"]  # deployment operator
        self.ravi = self.people["u14"]  # deployment operator
        self.helene = self.people["u15"]  # owner of Customer Portal, Policy and Broker Quote
        self.bela = self.people["u16"]  # owner of Claims, Payments, Telephony and Mail
        self.ida = self.people["u17"]  # integrator
        self.franz = self.people["u18"]  # auditor
        self.vera = self.people["u19"]  # executive board
        self.karim = self.people["u20"]  # leads the database administrators
        self.cab = (self.jon, self.nadia, self.ruben, self.clara)
        self.service_owners = (*self.cab, self.helene, self.bela)

    def wait_for_gate(self, kind: str, number: str, gate: str) -> dict[str, Any]:
        """Wait until people are asked to decide a gate; give it."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.franz.get(f"/gates/{kind}/{number}/{gate}")
            pending = found["authorization"] and found["authorization"]["state"] == "pending"
            return found if pending else None

        found = wait_for(look, f"the vote on {gate} of {number}")
        assert found is not None
        return found

    def list_voters(self, kind: str, number: str, gate: str) -> list[Person]:
        """Give somebody for every seat of a gate that is being decided, in order of the seats."""
        seats = self.wait_for_gate(kind, number, gate)["authorization"]["seats"]
        free = {
            "cab_member": [p for p in self.cab if p.id not in {s["person"] for s in seats}],
            "change_manager": [self.tomas],
            "executive_board": [self.vera],
        }
        return [
            self.people[seat["person"]] if seat["person"] else free[seat["role"]].pop(0)
            for seat in seats
        ]

    def authorize(self, kind: str, number: str, gate: str) -> list[Person]:
        """Let everybody who is seated at a gate authorize; give who they were."""
        voters = self.list_voters(kind, number, gate)
        for voter in voters:
            voter.vote(number, f"authorize_{gate}")
        return voters

    def wait_for_state(self, path: str, *states: str) -> dict[str, Any]:
        """Wait until a proposal, RFC or release is in one of these states; give it."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.franz.get(path)
            return found if found["state"] in states else None

        found = wait_for(look, f"{path} in state {' or '.join(states)}")
        assert found is not None
        return found

    def list_events(self, subject: str, *tags: str) -> list[dict[str, Any]]:
        """Give the audit record of a subject, oldest first."""
        query = {"subject": subject, "limit": "200"} | ({"tag": ",".join(tags)} if tags else {})
        events: list[dict[str, Any]] = []
        while True:
            page = self.franz.get("/audit", **query)
            events += page["items"]
            if page["next"] is None:
                return events[::-1]
            query["after"] = page["next"]
