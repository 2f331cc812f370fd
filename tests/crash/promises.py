"""Every promise of the ledger looked for in the installation: there exactly once, none refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from tests.crash.chains import ChainReader
from tests.crash.ledger import Ask, Ledger
from tests.crash.reader import Reader, Row, as_json
from tests.crash.reports import check_reports

#: The event that tells of an ask of a kind, where it is about something with an id or a number.
TOLD_AS = {
    "task": "task:task:completed",
    "submit": "proposal:proposal:submitted",
    "retry": "job:incident:retried",
}
#: Where a mark is found: a table, and the column that has it.
MARKED = {
    "draft": ("proposal", "title"),
    "rfc": ("rfc", "title"),
    "release": ("release", "name"),
    "message": ("message", "message_id"),
    "notice": ("message", "message_id"),
    "survey": ("instance", "business_key"),
}


def check_promises(ledger: Ledger, reader: Reader, chains: ChainReader) -> list[str]:
    """Give a sentence for each promise that was not kept, or kept twice."""
    done = ledger.list_done()
    problems = list(_check_told(done, chains))
    problems += _check_marked(ledger, reader)
    problems += _check_tasks(ledger, reader)
    problems += _check_edits(ledger, reader)
    problems += _check_media(done, reader)
    problems += _check_overrides(done, reader)
    problems += check_reports(ledger, reader, chains)
    problems += _check_kept_answers(done, reader)
    return problems


def _check_told(done: list[Ask], chains: ChainReader) -> Iterator[str]:
    for ask in done:
        if ask.kind not in TOLD_AS:
            continue
        times = chains.told[TOLD_AS[ask.kind], ask.about]
        if times != 1:
            yield f"{ask.kind} of {ask.about} ({ask.key}) was acknowledged and is told {times} x"
    revisions = Counter((a.about, _answer(a)["revision"]) for a in done if a.kind == "amend")
    for (number, revision), asked in revisions.items():
        times = chains.told["proposal:proposal:amended", f"{number}.{revision}"]
        if (asked, times) != (1, 1):
            yield f"revision {revision} of {number}: acknowledged {asked} times, told {times} times"
    completed = Counter(a.about for a in done if a.kind == "task")
    for task, times in completed.items():
        if times > 1:
            yield f"task {task} was acknowledged to {times} people"


def _check_marked(ledger: Ledger, reader: Reader) -> Iterator[str]:
    for kind, (table, column) in MARKED.items():
        found = [str(row["text"]) for row in reader.rows(f"SELECT {column} AS text FROM {table}")]
        times = Counter(text.split()[-1].removeprefix("m-") for text in found if text)
        for ask in [a for a in ledger.asks if a.kind == kind]:
            count = times[ask.mark]
            if ask.is_done and count != 1:
                yield f"{kind} {ask.mark} was acknowledged and is there {count} times"
            if ask.is_refused and count:
                yield f"{kind} {ask.mark} was refused and is there"
            if count > 1:
                yield f"{kind} {ask.mark} is there {count} times"


def _check_tasks(ledger: Ledger, reader: Reader) -> Iterator[str]:
    rows = {r["id"]: r for r in reader.rows("SELECT id, state, done_by, data FROM user_task")}
    for ask in [a for a in ledger.asks if a.kind == "task"]:
        row = rows.get(ask.about)
        is_there = row is not None and (row["state"], row["done_by"]) == ("done", ask.who.id)
        if ask.is_done and not is_there:
            yield f"{ask.who.name} was told that task {ask.about} is done; it is {row}"
        if ask.is_refused and row and ask.mark in str(row["data"]).replace('"', " ").split():
            yield f"task {ask.about} was refused to {ask.who.name} and is done with {ask.mark}"


def _check_edits(ledger: Ledger, reader: Reader) -> Iterator[str]:
    """Of the edits that were made to one state of a draft one was taken, and the last one stays."""
    edits = [ask for ask in ledger.asks if ask.kind == "edit" and not ask.is_refused]
    done = [ask for ask in edits if ask.is_done]
    for base, times in Counter((a.about, a.base) for a in done).items():
        if times > 1:
            yield f"{times} edits of {base[0]} at {base[1]} were taken: one overwrote another"
    rows = {r["number"]: r for r in reader.rows("SELECT number, description FROM proposal")}
    for number in {ask.about for ask in done}:
        marks = [ask.mark for ask in edits if ask.about == number]
        if rows[number]["description"] not in marks:
            yield f"the edits of draft {number} are gone"


def _check_media(done: list[Ask], reader: Reader) -> Iterator[str]:
    rows = reader.rows("SELECT sha256, count(*) AS times FROM media_item GROUP BY sha256")
    times = {row["sha256"]: row["times"] for row in rows}
    for ask in done:
        if ask.kind == "media" and times.get(ask.about) != 1:
            yield f"media {ask.about} were acknowledged and are there {times.get(ask.about)} times"


def _check_overrides(done: list[Ask], reader: Reader) -> Iterator[str]:
    rows = {r["id"]: r for r in reader.rows("SELECT id, state, reason FROM conflict_finding")}
    for ask in done:
        if ask.kind == "override" and ask.about not in rows:
            yield f"finding {ask.about} was settled and is gone"


def _check_kept_answers(done: list[Ask], reader: Reader) -> Iterator[str]:
    """What was said is what would be said again."""
    kept: dict[tuple[str, str], Row] = {
        (row["person_id"], row["key"]): row
        for row in reader.rows("SELECT * FROM idempotent_answer")
    }
    for ask in done:
        row = kept.get((ask.who.id, ask.key))
        if row is None:
            yield f"{ask.kind} {ask.key} was acknowledged and its answer is not kept"
        elif as_json(row["body"]) != _answer(ask):
            yield f"{ask.kind} {ask.key} was answered otherwise than what is kept"


def _answer(ask: Ask) -> dict[str, object]:
    assert ask.answer is not None
    answer: dict[str, object] = json.loads(ask.answer.content)
    return answer
