"""What must hold in every state that a crash can leave behind, whoever asked for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.crash.chains import GRANTING, ChainReader
from tests.crash.reader import Reader, as_instant, as_json, hash_file
from tests.crash.values import find_value_problems

VERSIONED = ("instance", "proposal", "rfc", "release", "review")
TIMER_FIRED = "engine:timer:fired"
ENDINGS = ("done", "bpmn_error", "fired", "cancelled")

JOBS_WITHOUT_INSTANCE = """
    SELECT job.id, job.topic, job.state FROM job
    LEFT JOIN instance ON instance.id = job.instance_id
    WHERE job.instance_id IS NOT NULL AND (instance.id IS NULL OR instance.state <> 'running')
"""
DEAD_JOBS_WITHOUT_INCIDENT = """
    SELECT job.id, job.topic FROM job WHERE job.state = 'dead' AND NOT EXISTS
        (SELECT 1 FROM incident WHERE incident.job_id = job.id AND incident.resolved_at IS NULL)
"""
INCIDENTS_WITHOUT_JOB = """
    SELECT incident.id, incident.kind FROM incident
    LEFT JOIN job ON job.id = incident.job_id
    WHERE incident.job_id IS NOT NULL AND incident.resolved_at IS NULL
    AND (job.id IS NULL OR job.state <> 'dead')
"""
INSTANCES_WITHOUT_A_WAY_ON = """
    SELECT instance.id, instance.process_key, instance.business_key FROM instance
    WHERE instance.state = 'running'
    AND NOT EXISTS (SELECT 1 FROM user_task t
                    WHERE t.instance_id = instance.id AND t.state = 'open')
    AND NOT EXISTS (SELECT 1 FROM job WHERE job.instance_id = instance.id)
    AND NOT EXISTS (SELECT 1 FROM message_wait m WHERE m.instance_id = instance.id)
    AND NOT EXISTS (SELECT 1 FROM incident i
                    WHERE i.instance_id = instance.id AND i.resolved_at IS NULL)
"""
TASKS_OF_ENDED_INSTANCES = """
    SELECT t.id, t.element_id FROM user_task t JOIN instance ON instance.id = t.instance_id
    WHERE t.state = 'open' AND instance.state <> 'running'
"""
ENDED_JOBS_THAT_LIVE = f"""
    SELECT job.id, job.topic, job_log.outcome FROM job JOIN job_log ON job_log.job_id = job.id
    WHERE job_log.outcome IN {ENDINGS}
"""
JOBS_ENDED_TWICE = f"""
    SELECT job_id, topic, count(*) AS times FROM job_log WHERE outcome IN {ENDINGS}
    GROUP BY job_id, topic HAVING count(*) > 1
"""
MESSAGES_THAT_MISSED = """
    SELECT m.message_id, w.instance_id, m.received_at FROM message m JOIN message_wait w
    ON w.kind = 'message' AND w.message_name = m.name AND w.correlation_key = m.correlation_key
    WHERE m.delivered_at IS NULL
"""
MISSED_SECONDS = 30.0
QUERIES = {
    "job without a running instance": JOBS_WITHOUT_INSTANCE,
    "dead job without an incident": DEAD_JOBS_WITHOUT_INCIDENT,
    "open incident of a job that is not dead": INCIDENTS_WITHOUT_JOB,
    "running instance without a way on": INSTANCES_WITHOUT_A_WAY_ON,
    "open task of an ended instance": TASKS_OF_ENDED_INSTANCES,
    "job that has ended and is still there": ENDED_JOBS_THAT_LIVE,
    "job that has ended twice": JOBS_ENDED_TWICE,
}


def count_due_jobs(reader: Reader, within_seconds: float = 60.0) -> int:
    """Give how many jobs are being done or will be within so many seconds.

    The second look at a message that was kept comes long after it; only the first is waited for.
    """
    now = datetime.now(UTC)
    soon, at_once = now + timedelta(seconds=within_seconds), now + timedelta(seconds=5)
    rows = reader.rows(
        "SELECT topic, state, due_at FROM job WHERE state IN ('ready', 'leased', 'scheduled')"
    )
    return sum(
        row["state"] != "scheduled"
        or as_instant(row["due_at"]) < (at_once if row["topic"] == "kept_message" else soon)
        for row in rows
    )


@dataclass
class Invariants:
    """Checks one state after another; remembers what may not go back."""

    media: Path
    chains: ChainReader = field(default_factory=ChainReader)
    _versions: dict[tuple[str, str], int] = field(default_factory=dict)

    def check(self, reader: Reader, *, with_media: bool = True) -> list[str]:
        """Give a sentence for everything that does not hold in the state that is read."""
        problems = [f"{what}: {row}" for what, sql in QUERIES.items() for row in reader.rows(sql)]
        problems += _check_messages(reader)
        problems += self.chains.read(reader)
        problems += self._check_versions(reader)
        problems += self._check_visits(reader)
        problems += _check_authorizations(reader)
        problems += find_value_problems(reader)
        if with_media:
            problems += _check_media(reader, self.media)
        return problems

    def count(self) -> dict[str, object]:
        """Give how many events are on record by now, and how many timers they say have fired."""
        told = self.chains.told
        fired = sum(n for (tag, _), n in told.items() if tag == TIMER_FIRED)
        return {"events on record": told.total(), "timers fired": fired}

    def _check_versions(self, reader: Reader) -> Iterator[str]:
        for table in VERSIONED:
            found = {(table, r["id"]): r["version"] for r in reader.rows(
                f"SELECT id, version FROM {table}"
            )}  # fmt: skip
            for key, version in self._versions.items():
                if key[0] == table and found.get(key, 0) < version:
                    yield f"{table} {key[1]} went from version {version} to {found.get(key)}"
            self._versions |= found

    def _check_visits(self, reader: Reader) -> Iterator[str]:
        """The state of an instance and its record tell of the same steps."""
        for row in reader.rows("SELECT id, process_key, visits FROM instance"):
            visits, steps = Counter(as_json(row["visits"])), self.chains.steps[row["id"]]
            if visits != steps:
                differ = {n: (visits[n], steps[n]) for n in visits | steps if visits[n] != steps[n]}
                yield f"{row['process_key']} {row['id']}: state and record differ: {differ}"


def _check_messages(reader: Reader) -> Iterator[str]:
    """No message waits beside an instance that waits for it, but for a moment."""
    before = datetime.now(UTC) - timedelta(seconds=MISSED_SECONDS)
    for row in reader.rows(MESSAGES_THAT_MISSED):
        if as_instant(row["received_at"]) < before:
            yield f"message {row['message_id']} does not reach {row['instance_id']}, which waits"


def _check_authorizations(reader: Reader) -> Iterator[str]:
    """A gate that was opened has the votes of its round, by as many people as it takes."""
    votes: dict[str, list[tuple[str, str]]] = {}
    for row in reader.rows("SELECT authorization_id, person_id, decision FROM vote"):
        votes.setdefault(row["authorization_id"], []).append((row["person_id"], row["decision"]))
    for row in reader.rows('SELECT * FROM "authorization" WHERE opened_at IS NOT NULL'):
        cast = votes.get(row["id"], [])
        granted = {person for person, decision in cast if decision in GRANTING}
        if len(granted) < row["quorum"] or len(granted) != len(cast):
            yield f"{row['gate']} round {row['round']} of {row['subject_id']} opened on {cast}"


def _check_media(reader: Reader, media: Path) -> Iterator[str]:
    """No record without its object, and no object in the library under another digest."""
    for row in reader.rows("SELECT name, store_key, sha256 FROM media_item"):
        path = media / row["store_key"]
        if not path.exists():
            yield f"the object {row['store_key']} of {row['name']} is not there"
        elif hash_file(path) != row["sha256"]:
            yield f"the object {row['store_key']} of {row['name']} has other bytes"
    for path in (media / "library").glob("sha256/*/*/*"):
        if hash_file(path) != path.name.partition("#")[0]:
            yield f"{path.name} in the library has other bytes"
