"""The API's changes of running instances by hand: tokens moved, and versions changed."""

from __future__ import annotations

from typing import Any

from engine.commands.migrations import MigrationReport, migrate_instance, migrate_instances
from engine.commands.modifications import Modification, modify_instance
from engine.context import Context
from engine.interventions import Problem
from webapp.api.changes import change, require_match
from webapp.api.instances import etag_of, require_instance
from webapp.api.operation import Answer, operation
from webapp.api.schema import choice, flag, list_of, mapping, maybe, record, text, whole

TAG = "Instances"
AT = {"at": text("The id of an element.", minimum=1, maximum=200)}
INSTRUCTION = record(
    "Instruction",
    {
        "move": record(
            "TokenMove",
            {
                "from": text("The element that the tokens leave, undone.", minimum=1, maximum=200),
                "to": text("The element they go on at.", minimum=1, maximum=200),
            },
        ),
        "add": record("TokenAddition", AT),
        "cancel": record("TokenCancellation", AT),
    },
    optional=("move", "add", "cancel"),
)
REASON = text("Why; it goes on record. A dry run needs none.", maximum=2000)
DRY_RUN = flag("Only tell what would happen; nothing is changed.")
PROBLEM = record(
    "InterventionProblem",
    {
        "element_id": maybe(text("The element it is about.")),
        "code": text("What is wrong, for programs."),
        "reason": text("What is wrong, for people."),
    },
)
TOKENS = mapping("How many tokens wait at each element.")
MODIFICATION_REQUEST = record(
    "ModificationRequest",
    {
        "instructions": list_of(INSTRUCTION, "Carried out in order; each is one of the three."),
        "reason": REASON,
        "dry_run": DRY_RUN,
    },
    optional=("reason", "dry_run"),
)
MODIFICATION = record(
    "Modification",
    {
        "instance_id": text(),
        "done": flag("False for a dry run."),
        "before": TOKENS,
        "after": TOKENS,
        "passed": list_of(text(), "The elements that completed on the way."),
        "ended": flag("Whether the instance has ended with it."),
        "problems": list_of(PROBLEM, "What would be refused; empty where it can be done."),
    },
)
MAPPING = {
    **mapping("The new ids of renamed elements, by the old."),
    "additionalProperties": text(minimum=1, maximum=200),
}
MIGRATION_REQUEST = record(
    "MigrationRequest",
    {
        "version": whole("The version to go to; the newest by default.", minimum=1),
        "mapping": MAPPING,
        "reason": REASON,
        "dry_run": DRY_RUN,
    },
    optional=("version", "mapping", "reason", "dry_run"),
)
BULK_REQUEST = record(
    "BulkMigrationRequest",
    {
        "from_version": whole("The version they run now.", minimum=1),
        "instances": list_of(text(maximum=200), "Only these; by default all of the version."),
        **MIGRATION_REQUEST["properties"],
    },
    optional=("instances", "version", "mapping", "reason", "dry_run"),
)
MIGRATION = record(
    "Migration",
    {
        "instance_id": text(),
        "business_key": text(),
        "from_version": whole(),
        "to_version": whole(),
        "done": flag("False for a dry run, and for an instance that stays where it is."),
        "elements": list_of(
            record(
                "ElementMigration",
                {
                    "element_id": text("An element with a token or an armed event."),
                    "outcome": choice("mapped", "dropped", "refused"),
                    "target": maybe(text("The element that takes its place.")),
                    "reason": maybe(text("Why it has no place in the new version.")),
                },
            )
        ),
        "before": TOKENS,
        "after": TOKENS,
        "problems": list_of(PROBLEM, "What keeps it where it is; empty where it can go over."),
    },
)
MIGRATIONS = record("Migrations", {"items": list_of(MIGRATION)})


@operation(
    "POST",
    "/instances/<instance_id>/modify",
    tag=TAG,
    answers={200: MODIFICATION},
    request=MODIFICATION_REQUEST,
    versioned=True,
)
def modify(instance_id: str, body: dict[str, Any]) -> Answer:
    """Move, add or cancel tokens of a running instance, with a reason; process owners may.

    Nothing gets past a gate that is not open in its current round. With `dry_run` the answer tells
    the tokens before and after and what would be refused, and nothing is changed.
    """

    def work(ctx: Context) -> Answer:
        require_match(etag_of(require_instance(ctx.session, instance_id)))
        found = modify_instance(ctx, instance_id=instance_id, **body)
        return _answer(ctx, instance_id, show_modification(found))

    return change(work)


@operation(
    "POST",
    "/instances/<instance_id>/migrate",
    tag=TAG,
    answers={200: MIGRATION},
    request=MIGRATION_REQUEST,
    versioned=True,
)
def migrate(instance_id: str, body: dict[str, Any]) -> Answer:
    """Bring a running instance to another version of its diagram; process owners may.

    With `dry_run` the answer tells for each element with a token where that would go, or why it
    has no place, and nothing is changed.
    """

    def work(ctx: Context) -> Answer:
        require_match(etag_of(require_instance(ctx.session, instance_id)))
        report = migrate_instance(ctx, instance_id=instance_id, **body)
        return _answer(ctx, instance_id, show_migration(report))

    return change(work)


@operation(
    "POST", "/processes/<key>/migrate", tag=TAG, answers={200: MIGRATIONS}, request=BULK_REQUEST
)
def migrate_many(key: str, body: dict[str, Any]) -> Answer:
    """Bring the running instances of a version to another one, at most 50 at once.

    Each goes over by itself: one that has a problem stays where it is and hinders no other.
    """
    given = {**body, "instance_ids": body.get("instances")}
    given.pop("instances", None)

    def work(ctx: Context) -> Answer:
        reports = migrate_instances(ctx, process_key=key, **given)
        return Answer({"items": [show_migration(report) for report in reports]})

    return change(work)


def show_modification(found: Modification) -> dict[str, Any]:
    """Give a modification as the API shows it."""
    return {
        "instance_id": found.instance_id,
        "done": found.done,
        "before": dict(found.before),
        "after": dict(found.after),
        "passed": list(found.passed),
        "ended": found.ended,
        "problems": [_show_problem(problem) for problem in found.problems],
    }


def show_migration(report: MigrationReport) -> dict[str, Any]:
    """Give what became of an instance as the API shows it."""
    return {
        "instance_id": report.instance_id,
        "business_key": report.business_key,
        "from_version": report.from_version,
        "to_version": report.to_version,
        "done": report.done,
        "elements": [vars(element) for element in report.elements],
        "before": dict(report.before),
        "after": dict(report.after),
        "problems": [_show_problem(problem) for problem in report.problems],
    }


def _show_problem(problem: Problem) -> dict[str, Any]:
    return {
        "element_id": problem.element or None,
        "code": problem.code,
        "reason": problem.reason,
    }


def _answer(ctx: Context, instance_id: str, body: dict[str, Any]) -> Answer:
    ctx.session.flush()
    return Answer(body, etag=etag_of(require_instance(ctx.session, instance_id)))
