"""A client of the bench: one authenticated keep-alive connection, every call timed."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What the server answered, and how long the call took at the client."""

    status: int
    body: Any
    milliseconds: float


class BenchClient:
    """Speaks to one server as one person; not for several threads at once."""

    def __init__(self, port: int, token: str):
        """Take where the server listens on this machine, and the token to show."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def get(self, path: str) -> Reply:
        """Read something."""
        return self._call("GET", path, None)

    def post(self, path: str, body: Any) -> Reply:
        """Ask for something to be done."""
        return self._call("POST", path, json.dumps(body))

    def start(self, process: str, business_key: str, data: dict[str, Any] | None = None) -> Reply:
        """Start an instance, which runs until it waits."""
        body = {"business_key": business_key, "data": data or {}}
        return self.post(f"/api/v1/processes/{process}/instances", body)

    def list_tasks(self, business_key: str) -> Reply:
        """List the open tasks of an instance."""
        return self.get(f"/api/v1/tasks?business_key={business_key}")

    def complete(self, task_id: str, data: dict[str, Any]) -> Reply:
        """Complete a user task."""
        return self.post(f"/api/v1/tasks/{task_id}/complete", {"data": data})

    def read_instance(self, instance_id: str) -> dict[str, Any]:
        """Read an instance with its variables."""
        body: dict[str, Any] = expect(self.get(f"/api/v1/instances/{instance_id}"), 200)
        return body

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()

    def _call(self, method: str, path: str, body: str | None) -> Reply:
        began = time.perf_counter()
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        milliseconds = (time.perf_counter() - began) * 1_000
        return Reply(answer.status, json.loads(content) if content else None, milliseconds)


def expect(reply: Reply, status: int) -> Any:
    """Give the body of a reply; raises BenchBroken when the server answered otherwise."""
    if reply.status != status:
        raise BenchBroken(f"expected {status}, got {reply.status}: {reply.body}")
    return reply.body


class BenchBroken(RuntimeError):
    """The server did something else than what was to be measured, so there is no figure."""
