"""The API's processes: what is deployed, deploying more, starting one, sending messages."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response, request

from engine.commands.definitions import deploy_file
from engine.commands.processes import broadcast_signal, correlate_message, start_process
from engine.context import Context
from engine.errors import NotFound
from models.queries.definitions import find_version, list_newest, list_versions
from models.queries.instances import InstanceRow
from webapp.api.changes import change
from webapp.api.instances import INSTANCE, show_instance
from webapp.api.operation import Answer, operation
from webapp.api.schema import (
    choice,
    flag,
    instant,
    list_of,
    mapping,
    maybe,
    present,
    record,
    text,
    whole,
)
from webapp.services import read_session

TAG = "Processes"
KIND = choice("bpmn", "dmn", "form", description="Diagram, decision table or form.")
DEFINITION = record(
    "Definition",
    {
        "kind": KIND,
        "key": text(),
        "version": whole(),
        "name": text(),
        "digest": text("The SHA-256 of the file."),
        "deployed_at": instant(),
        "deployed_by": maybe(text()),
    },
)
DEFINITIONS = record("Definitions", {"items": list_of(DEFINITION)})
DEPLOYED = record(
    "Deployed",
    {"kind": KIND, "key": text(), "version": whole(), "changed": flag("Whether it is new.")},
)
START = record(
    "ProcessStart",
    {
        "business_key": text("What the instance is known by.", minimum=1, maximum=200),
        "data": mapping("The variables it starts with."),
    },
    optional=("data",),
)
MESSAGE = record(
    "MessageRequest",
    {
        "name": text("The message as the diagram names it.", minimum=1, maximum=200),
        "correlation_key": text("The business key of the instance.", minimum=1, maximum=200),
        "payload": mapping(),
        "message_id": text("Sent again, it is taken once.", minimum=1, maximum=200),
        "ttl_seconds": whole("How long it waits for its instance; a day by default.", minimum=1),
    },
    optional=("payload", "message_id", "ttl_seconds"),
)
CORRELATION = record(
    "Correlation",
    {
        "delivered": flag("Whether an instance took it; else it waits."),
        "message_id": text(),
        "instance_id": maybe(text()),
        "expires_at": maybe(instant()),
    },
)
SIGNAL = record(
    "SignalRequest",
    {
        "name": text("The signal as the diagrams name it.", minimum=1, maximum=200),
        "payload": mapping(),
    },
    optional=("payload",),
)
BROADCAST = record(
    "Broadcast", {"instances": list_of(text(), "The ids of the instances that it reached.")}
)
CONTENT_TYPES = {"bpmn": "application/xml", "dmn": "application/xml", "form": "application/json"}
FILE_TYPES = ("application/xml", "application/json", "application/octet-stream")


@operation("GET", "/definitions", tag=TAG, answers={200: DEFINITIONS}, query={"kind": KIND})
def read_definitions(query: dict[str, Any]) -> Answer:
    """List the newest version of everything that is deployed."""
    with read_session() as session:
        rows = list_newest(session, query["kind"])
    return Answer({"items": [present(row, DEFINITION) for row in rows]})


@operation("GET", "/definitions/<kind>/<key>", tag=TAG, answers={200: DEFINITIONS})
def read_versions(kind: str, key: str) -> Answer:
    """List every version of a diagram, decision table or form, the newest first."""
    with read_session() as session:
        rows = list_versions(session, kind, key)
    if not rows:
        raise NotFound("Nothing of that key is deployed.")
    return Answer({"items": [present(row, DEFINITION) for row in rows]})


@operation(
    "GET",
    "/definitions/<kind>/<key>/<int:version>/content",
    tag=TAG,
    answers={200: "application/xml"},
)
def read_content(kind: str, key: str, version: int) -> Response:
    """Download the file of a version, as it was deployed."""
    with read_session() as session:
        row = find_version(session, kind, key, version)
    if row is None:
        raise NotFound("There is no such version.")
    response = Response(row.content, content_type=CONTENT_TYPES[row.kind])
    response.headers.set("Content-Disposition", "attachment", filename=f"{row.key}.{row.kind}")
    response.set_etag(row.digest)
    return response


@operation(
    "POST",
    "/definitions",
    tag=TAG,
    scope="deploy",
    answers={200: DEPLOYED, 201: DEPLOYED},
    query={"name": {**text("The file name with its ending.", maximum=200), "default": ""}},
    request_types=FILE_TYPES,
)
def deploy(query: dict[str, Any]) -> Answer:
    """Deploy a diagram (.bpmn), decision table (.dmn) or form (.form) as the next version.

    The body is the file itself. What cannot run is refused with element, line and way out;
    running instances keep the version they were started with.
    """
    content = request.get_data()

    def work(ctx: Context) -> Answer:
        deployed = deploy_file(ctx, name=query["name"], content=content)
        body = present(deployed, DEPLOYED)
        return Answer(body, status=201 if deployed.changed else 200)

    return change(work, content_digest=hashlib.sha256(content).hexdigest())


@operation("POST", "/processes/<key>/instances", tag=TAG, answers={201: INSTANCE}, request=START)
def start(key: str, body: dict[str, Any]) -> Answer:
    """Start the newest version of a process.

    The governed processes start from their records: submit a proposal, raise an RFC or create a
    release instead.
    """

    def work(ctx: Context) -> Answer:
        instance = start_process(
            ctx, key=key, data=body.get("data", {}), business_key=body["business_key"]
        )
        shown = show_instance(InstanceRow(instance, instance.business_key, ""))
        return Answer(shown, status=201, location=f"/api/v1/instances/{instance.id}")

    return change(work)


@operation(
    "POST", "/messages", tag=TAG, answers={200: CORRELATION, 202: CORRELATION}, request=MESSAGE
)
def correlate(body: dict[str, Any]) -> Answer:
    """Send a message to the instance that waits for it.

    200 says that it was delivered; 202 that nothing waits for it yet and until when it is kept.
    """

    def work(ctx: Context) -> Answer:
        found = correlate_message(ctx, **body)
        return Answer(present(found, CORRELATION), status=200 if found.delivered else 202)

    return change(work)


@operation("POST", "/signals", tag=TAG, answers={200: BROADCAST}, request=SIGNAL)
def send_signal(body: dict[str, Any]) -> Answer:
    """Send a signal to every running instance that waits for it.

    All of them move on together or none does; a signal that nobody waits for is not kept.
    """

    def work(ctx: Context) -> Answer:
        return Answer({"instances": broadcast_signal(ctx, **body)})

    return change(work)
