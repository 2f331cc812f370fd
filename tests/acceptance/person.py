"""A person of the example organization as a client of the API, and how each got a token."""

from __future__ import annotations

import html
import http.client
import http.cookies
import json
import re
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from tests.acceptance.server import Server, wait_for

PASSWORD = "assent-demo"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
#: How long a client waits for an answer.
PATIENCE_SECONDS = 120.0
SCOPES = ["read", "write", "deploy"]


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    asked: str
    status: int
    headers: dict[str, str]
    content: bytes
    server_port: int | None = None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)

    def expect(self, *statuses: int) -> Any:
        """Give the JSON of an answer that must have one of these statuses."""
        assert self.status in statuses, f"{self.asked}: {self.status} {self.text}"
        return self.json


class Addressed(Protocol):
    """Something that answers at an address."""

    @property
    def address(self) -> str:
        """The address to send the next request to."""


def send(
    server: Addressed, method: str, path: str, content: bytes | None, headers: dict[str, str]
) -> Answer:
    """Send a request and give the answer; raises OSError or HTTPException when none comes."""
    target = urlsplit(server.address)
    patience = getattr(server, "patience_seconds", PATIENCE_SECONDS)
    connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=patience)
    try:
        connection.request(method, path, body=content, headers=headers)
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        content = response.read()
        return Answer(f"{method} {path}", response.status, named, content, server_port=target.port)
    finally:
        connection.close()


@dataclass(eq=False)
class Person:
    """Somebody who works with the product: over HTTP with a bearer token, or on its pages."""

    server: Addressed = field(repr=False)
    id: str
    name: str
    email: str
    token: str = field(repr=False)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        key: str | None = None,
        **headers: str,
    ) -> Answer:
        """Send a request below /api/v1: `body` as JSON, or `content` as it is."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            named["Idempotency-Key"] = key
        if body is not None:
            content = json.dumps(body).encode()
            named.setdefault("Content-Type", "application/json")
        return send(self.server, method, f"/api/v1{path}", content, named)

    def get(self, path: str, **query: str) -> Any:
        """Read something that must be there."""
        given = f"?{urlencode(query)}" if query else ""
        return self.send("GET", path + given).expect(200)

    def ask(self, path: str, **query: str) -> Answer:
        """Read something that may be refused."""
        return self.send("GET", path + (f"?{urlencode(query)}" if query else ""))

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        """Ask for something to be done."""
        return self.send("POST", path, body, key=key)

    def see_page(self, path: str) -> str:
        """Give the text of a page that must be there, on one line and without its markup.

        Pages are for people with a session, so this person signs in for it.
        """
        page = Browser.sign_in(self.server, self.email).open(path)
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())

    def upload(self, release: str, name: str, version: str, content: bytes, **query: str) -> Answer:
        """Send the bytes of a media item."""
        asked = urlencode({"release": release, "name": name, "version": version, **query})
        return self.send(
            "POST", f"/media?{asked}", content=content, Content_Type="application/octet-stream"
        )

    # What people see and do.

    def list_tasks(self, business_key: str | None = None) -> list[dict[str, Any]]:
        """Give the open tasks this person sees."""
        query = {"business_key": business_key} if business_key else {}
        tasks: list[dict[str, Any]] = self.get("/tasks", limit="200", **query)["items"]
        return tasks

    def see_tasks(self, business_key: str) -> list[str]:
        """Give the elements of the open tasks this person sees of a subject."""
        return sorted(task["element_id"] for task in self.list_tasks(business_key))

    def find_task(self, business_key: str, element: str) -> dict[str, Any]:
        """Wait until this person sees the task of an element and give it."""

        def look() -> dict[str, Any] | None:
            tasks = self.list_tasks(business_key)
            return next((task for task in tasks if task["element_id"] == element), None)

        found = wait_for(look, f"{self.name}'s task {element} of {business_key}")
        assert found is not None
        return found

    def attempt(
        self,
        business_key: str,
        element: str,
        data: dict[str, Any] | None = None,
        *,
        key: str | None = None,
    ) -> Answer:
        """Wait for a task and try to complete it."""
        task = self.find_task(business_key, element)
        return self.complete(task["id"], data or {}, key=key)

    def complete(self, task_id: str, data: dict[str, Any], *, key: str | None = None) -> Answer:
        """Try to complete a task by its id."""
        return self.post(f"/tasks/{task_id}/complete", {"data": data}, key=key)

    def do(
        self, business_key: str, element: str, data: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Wait for a task and complete it."""
        done: dict[str, Any] = self.attempt(business_key, element, data).expect(200)
        return done

    def vote(self, business_key: str, element: str, **more: str) -> dict[str, Any]:
        """Wait for the vote's task and authorize."""
        return self.do(business_key, element, {"decision": "authorize", **more})

    def find_instance(self, business_key: str, process: str) -> dict[str, Any]:
        """Give the newest instance of a process about a subject, in full."""
        query = {"business_key": business_key, "process": process}
        rows = self.get("/instances", **query)["items"]
        assert rows, f"there is no {process} of {business_key}"
        found: dict[str, Any] = self.get(f"/instances/{rows[0]['id']}")
        return found

    def read_history(self, instance_id: str) -> list[dict[str, Any]]:
        """Give everything that happened in an instance, oldest first."""
        events: list[dict[str, Any]] = []
        query = {"limit": "200"}
        while True:
            page = self.get(f"/instances/{instance_id}/history", **query)
            events += page["items"]
            if page["next"] is None:
                return events
            query["after"] = page["next"]

    def list_findings(self, number: str, state: str = "open") -> list[dict[str, Any]]:
        """Give the findings about a subject."""
        query = {"subject": number, "state": state, "limit": "200"}
        findings: list[dict[str, Any]] = self.get("/findings", **query)["items"]
        return findings

    def list_notices(self) -> list[dict[str, Any]]:
        """Give what this person was told, newest first."""
        notices: list[dict[str, Any]] = self.get("/me/notices")["items"]
        return notices


@dataclass
class Browser:
    """Somebody's browser without JavaScript: a session cookie, pages and forms."""

    server: Server
    cookie: str

    @classmethod
    def sign_in(cls, server: Server, email: str) -> Browser:
        """Sign in as a person of the demo."""
        form = urlencode({"email": email, "password": PASSWORD}).encode()
        answer = send(server, "POST", "/sign-in", form, FORM)
        assert answer.status == 303, answer.text
        cookie = http.cookies.SimpleCookie(answer.headers["set-cookie"])
        return cls(server, "; ".join(f"{m.key}={m.value}" for m in cookie.values()))

    def open(self, path: str) -> str:
        """Give a page that must be there."""
        answer = send(self.server, "GET", path, None, {"Cookie": self.cookie})
        assert answer.status == 200, f"{answer.asked}: {answer.status}"
        return answer.text

    def submit(self, path: str, fields: dict[str, str], csrf: str | None = None) -> Answer:
        """Fill in the form of a page and send it."""
        fields = {**fields, "csrf_token": csrf or self.read_form_token()}
        return send(
            self.server, "POST", path, urlencode(fields).encode(), {"Cookie": self.cookie, **FORM}
        )

    def read_form_token(self) -> str:
        """Give what proves that a form came from a page of this session."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.open("/inbox"))
        assert found, "the page has no form token"
        return found.group(1)


def issue_token(server: Server, email: str, **wanted: object) -> dict[str, str]:
    """Sign in as a demo person and issue a token, as this person would: id, name and secret.

    `wanted` is what the token may do, when it is not what people do.
    """
    browser = Browser.sign_in(server, email)
    headers = {
        "Cookie": browser.cookie,
        "X-CSRF-Token": browser.read_form_token(),
        "Content-Type": "application/json",
    }
    body = {"name": "acceptance test", "scopes": SCOPES, **wanted}
    content = json.dumps(body).encode()
    issued = send(server, "POST", "/api/v1/me/tokens", content, headers).expect(201)
    me = send(server, "GET", "/api/v1/me", None, headers).expect(200)
    return {"id": me["id"], "name": me["name"], "email": email, "token": issued["secret"]}
