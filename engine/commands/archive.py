"""Finished instances to the archive, a batch a transaction, and one of them back again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, delete, insert, select

from engine.archive_check import find_recorded_digest
from engine.audit import record_event
from engine.context import Context
from engine.errors import ArchiveDamaged, InvalidInput, NotAllowed, NotFound
from engine.jobs import enqueue
from models.archive import ArchivedInstance
from models.archive_content import (
    ARCHIVED,
    LISTED,
    ContentDamaged,
    pack_rows,
    table_of,
    unpack_rows,
)
from models.base import TENANT
from models.instance import Instance
from models.job import Job
from models.queries.archive import list_archivable
from models.vocabulary import AuditTag, JobKind, JobState, Role

BATCH = 100
#: The topic of the job that archives once a day, and what its dedup keys begin with.
ARCHIVE_TOPIC = "archive.finished"
ONE_DAY = timedelta(days=1)
RowsByInstance = dict[str, dict[str, list[Mapping[str, Any]]]]


def archive_finished(ctx: Context, *, older_than: timedelta, limit: int = BATCH) -> list[str]:
    """Move up to `limit` instances that ended so long ago to the archive; give their ids.

    Nothing is moved that a running instance still belongs with or that has an open incident. The
    record and the authorizations stay where they are. Asked again it goes on with the next ones.
    """
    _require_keeper(ctx)
    if older_than < timedelta(0):
        raise InvalidInput("An age is not negative.", field="older_than")
    ids = list_archivable(ctx.session, ended_before=ctx.now - older_than, limit=limit)
    if not ids:
        return []
    rows = _read_rows(ctx, ids)
    digests = {instance_id: _put_away(ctx, rows[instance_id]) for instance_id in ids}
    # The digests on record make the archive as tamper-evident as the record itself.
    _record(
        ctx,
        AuditTag.INSTANCE_ARCHIVED,
        f"Finished instances moved to the archive: {len(ids)}",
        digests,
    )
    ctx.session.flush()
    for entity in reversed(ARCHIVED):
        table = table_of(entity)
        ctx.session.execute(delete(table).where(_key_column(table).in_(ids)))
    return ids


def restore_instance(ctx: Context, *, instance_id: str) -> Instance:
    """Put an archived instance back as it was; raises NotFound, or ArchiveDamaged."""
    _require_keeper(ctx)
    archived = ctx.session.scalar(
        select(ArchivedInstance).where(ArchivedInstance.id == instance_id).with_for_update()
    )
    if archived is None:
        raise NotFound(f"The archive has no instance {instance_id}.")
    if archived.digest != find_recorded_digest(ctx.session, instance_id):
        raise ArchiveDamaged(f"{instance_id}: The record has another digest for it.")
    try:
        rows = unpack_rows(archived.digest, archived.content)
    except ContentDamaged as damaged:
        raise ArchiveDamaged(f"{instance_id}: {damaged}") from damaged
    for entity in ARCHIVED:
        table = table_of(entity)
        if rows[table.name]:
            ctx.session.execute(insert(table), rows[table.name])
    ctx.session.delete(archived)
    said = f"{archived.business_key} brought back from the archive"
    _record(ctx, AuditTag.INSTANCE_RESTORED, said, {archived.id: archived.digest})
    ctx.session.flush()
    return ctx.session.get_one(Instance, instance_id)


def keep_archiving(ctx: Context, *, days: int) -> None:
    """Have what ended `days` ago archived once a day from now on; 0 ends that.

    Called at every start of a serving process: it changes a waiting job, and adds one where none
    is. The job that runs adds the next by itself.
    """
    # The keys are few and have an index; the topic of a job has none.
    keys = (Job.dedup_key >= f"{ARCHIVE_TOPIC}:", Job.dedup_key < f"{ARCHIVE_TOPIC};")
    waiting = ctx.session.scalars(
        select(Job).where(Job.tenant_id == TENANT, *keys).with_for_update()
    ).all()
    for job in waiting:
        if days == 0 and job.state != JobState.LEASED:
            ctx.session.delete(job)
        elif job.payload != _payload(days):
            job.payload = _payload(days)
    if days and not waiting:
        schedule_archiving(ctx, days=days, after_job="start", wait=timedelta(0))


def schedule_archiving(
    ctx: Context, *, days: int, after_job: str, wait: timedelta = ONE_DAY
) -> None:
    """Add the job that archives next; one that follows the same job is there only once."""
    if days:
        enqueue(
            ctx.session,
            kind=JobKind.SYSTEM.value,
            topic=ARCHIVE_TOPIC,
            now=ctx.now,
            due_at=ctx.now + wait,
            payload=_payload(days),
            dedup_key=f"{ARCHIVE_TOPIC}:{after_job}",
        )


def _payload(days: int) -> dict[str, Any]:
    return {"inputs": {"days": days}}


def _require_keeper(ctx: Context) -> None:
    """Assent itself, asked by whoever operates it, and process owners keep the archive."""
    if ctx.actor.person_id is not None and not ctx.actor.holds(Role.PROCESS_OWNER):
        raise NotAllowed("Only a process owner archives and restores instances.")


def _read_rows(ctx: Context, ids: list[str]) -> RowsByInstance:
    found: RowsByInstance = defaultdict(lambda: defaultdict(list))
    for table in map(table_of, ARCHIVED):
        key = _key_column(table)
        statement = select(table).where(key.in_(ids)).order_by(*table.primary_key)
        for row in ctx.session.execute(statement).mappings():
            found[row[key.key]][table.name].append(dict(row))
    return found


def _record(ctx: Context, tag: AuditTag, sentence: str, digests: dict[str, str]) -> None:
    """Record in the chain of the archive, so that the history of an instance stays its own."""
    record_event(ctx, tag, "archive", sentence, detail={"instances": digests})


def _put_away(ctx: Context, rows: dict[str, list[Mapping[str, Any]]]) -> str:
    [instance] = rows[Instance.__tablename__]
    digest, content = pack_rows(rows)
    listed = {name: instance[name] for name in LISTED}
    ctx.session.add(ArchivedInstance(**listed, archived_at=ctx.now, digest=digest, content=content))
    return digest


def _key_column(table: Table) -> Any:
    return table.c.id if table is table_of(Instance) else table.c.instance_id
