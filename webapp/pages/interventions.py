"""Changing running instances by hand: tokens moved, and versions changed, each tried dry first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from markupsafe import Markup
from sqlalchemy.orm import Session

from engine.commands.migrations import (
    MAXIMUM_INSTANCES,
    MigrationReport,
    migrate_instance,
    migrate_instances,
)
from engine.commands.modifications import Modification, modify_instance
from engine.definitions import DeployedVersion, find_definition, load_definition_row
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound, Refusal
from engine.runtime.interface import Definition as Diagram
from models.definition import Definition
from models.instance import Instance
from models.queries.definitions import find_version, list_versions
from models.queries.instances import find_instance
from models.vocabulary import InstanceState, Role
from webapp import intervention_form as forms
from webapp.auth.identity import current_actor
from webapp.commands import run_command
from webapp.diagrams import draw_afterwards, draw_instance
from webapp.services import read_session

blueprint = Blueprint("interventions", __name__)


@dataclass(frozen=True)
class _Place:
    """A running instance with the version of the diagram that it runs."""

    instance: Instance
    row: DeployedVersion
    diagram: Diagram
    before: Markup


@blueprint.get("/instances/<instance_id>/modify")
def show_modification(instance_id: str) -> Any:
    """Show the form that moves tokens; what is chosen in the address is tried and shown."""
    place = _find_place(instance_id)
    if not request.args:
        return _render_modification(place, forms.read_rows(request.args))
    rows = forms.read_rows(request.args)
    errors = forms.check_rows(rows)
    if errors:
        return _render_modification(place, rows, errors=errors), 422
    return _try_modification(place, rows, reason=request.args.get("reason", ""))


@blueprint.post("/instances/<instance_id>/modify")
def modify(instance_id: str) -> Any:
    """Move the tokens as it was tried; refused where the instance has moved on since."""
    place = _find_place(instance_id)
    rows = forms.read_rows(request.form)
    reason = request.form.get("reason", "")
    try:
        run_command(
            modify_instance,
            instance_id=instance_id,
            instructions=forms.write_instructions(rows),
            reason=reason,
            expected_version=_read_version(),
        )
    except Refusal as refusal:
        errors = {"reason": refusal.message} if refusal.field == "reason" else {}
        told = None if errors else refusal
        return _try_modification(place, rows, told, errors, reason), refusal.status
    flash("The tokens are where you put them. It is on record.", "good")
    return redirect(f"/instances/{instance_id}", 303)


@blueprint.get("/instances/<instance_id>/migrate")
def show_migration(instance_id: str) -> Any:
    """Show what going to another version does to an instance; nothing is changed."""
    place = _find_place(instance_id)
    version, reason = _read_whole("version"), request.args.get("reason", "")
    return _try_migration(place, version, forms.read_mapping(request.args), reason=reason)


@blueprint.post("/instances/<instance_id>/migrate")
def migrate(instance_id: str) -> Any:
    """Bring an instance to the version that was looked at."""
    place = _find_place(instance_id)
    target, mapping = _read_whole("target"), forms.read_mapping(request.form)
    reason = request.form.get("reason", "")
    try:
        report = run_command(
            migrate_instance,
            instance_id=instance_id,
            version=target,
            mapping=mapping,
            reason=reason,
            expected_version=_read_version(),
        )
    except Refusal as refusal:
        errors = {"reason": refusal.message} if refusal.field == "reason" else {}
        told = None if errors else refusal
        return _try_migration(place, target, mapping, told, errors, reason), refusal.status
    flash(f"It runs version {report.to_version} of the diagram now. It is on record.", "good")
    return redirect(f"/instances/{instance_id}", 303)


@blueprint.get("/processes/<key>/versions/<int:version>/migrate")
def show_bulk(key: str, version: int) -> Any:
    """Show for each running instance of a version what going to the newest does to it."""
    mapping = forms.read_mapping(request.args)
    try:
        reports = _try_bulk(key, version, mapping)
    except (InvalidInput, Conflict) as refusal:
        return _render_bulk(key, version, [], {}, refusal=refusal), refusal.status
    return _render_bulk(key, version, reports, mapping)


@blueprint.post("/processes/<key>/versions/<int:version>/migrate")
def migrate_bulk(key: str, version: int) -> Any:
    """Bring the chosen instances to the newest version and show what became of each."""
    _require_owner()
    mapping = forms.read_mapping(request.form)
    reason, chosen = request.form.get("reason", ""), request.form.getlist("instance")
    try:
        if not chosen:
            raise InvalidInput("Choose at least one instance.", field="instances")
        reports = run_command(
            migrate_instances,
            process_key=key,
            from_version=version,
            version=_read_whole("target"),
            mapping=mapping,
            instance_ids=chosen,
            reason=reason,
        )
    except Refusal as refusal:
        errors = {refusal.field: refusal.message} if refusal.field == "reason" else {}
        return _render_bulk(
            key, version, _try_bulk(key, version, mapping), mapping,
            refusal=None if errors else refusal, errors=errors, reason=reason, chosen=chosen,
        ), refusal.status  # fmt: skip
    return _render_bulk(key, version, reports, mapping, is_result=True, reason=reason)


def _try_modification(
    place: _Place,
    rows: list[forms.Row],
    refusal: Refusal | None = None,
    errors: dict[str, str] | None = None,
    reason: str = "",
) -> str:
    """Show the form with what a dry run of it tells, or why there could be none."""
    try:
        tried = run_command(
            modify_instance,
            instance_id=place.instance.id,
            instructions=forms.write_instructions(rows),
            dry_run=True,
        )
    except Refusal as refused:
        return _render_modification(
            place, rows, errors=errors, refusal=refusal or refused, reason=reason
        )
    return _render_modification(
        place, rows, errors=errors, refusal=refusal, tried=tried, reason=reason
    )


def _render_modification(
    place: _Place,
    rows: list[forms.Row],
    *,
    errors: dict[str, str] | None = None,
    refusal: Refusal | None = None,
    tried: Modification | None = None,
    reason: str = "",
) -> str:
    return render_template(
        "instance/modify.html",
        instance=place.instance,
        definition=place.row,
        rows=rows,
        sources=forms.list_sources(place.diagram, place.instance.tokens),
        targets=forms.list_targets(place.diagram),
        name=lambda element: forms.name_element(place.diagram, element),
        before=place.before,
        after=_draw_after(place.row, place.instance, tried) if tried else None,
        tried=tried,
        reason=reason,
        refusal=refusal,
        errors=errors or {},
    )


def _try_migration(
    place: _Place,
    version: int | None,
    mapping: dict[str, str],
    refusal: Refusal | None = None,
    errors: dict[str, str] | None = None,
    reason: str = "",
) -> str:
    with read_session() as session:
        versions = list_versions(session, "bpmn", place.instance.process_key)
        others = [row.version for row in versions if row.version != place.row.version]
        target = find_version(session, "bpmn", place.instance.process_key, version or None)
    report = None
    try:
        report = run_command(
            migrate_instance,
            instance_id=place.instance.id,
            version=version,
            mapping=mapping,
            dry_run=True,
        )
    except Refusal as refused:
        refusal = refusal or refused
    new = load_definition_row(target) if target else place.diagram
    return render_template(
        "instance/migrate.html",
        instance=place.instance,
        definition=place.row,
        versions=others,
        target=target,
        report=report,
        mapping=mapping,
        alternatives=_list_alternatives([report] if report else [], place.diagram, new, mapping),
        name=lambda element: forms.name_element(place.diagram, element),
        name_new=lambda element: forms.name_element(new, element),
        before=place.before,
        after=_draw_after(target, place.instance, report) if report and target else None,
        reason=reason,
        refusal=refusal,
        errors=errors or {},
    )


def _try_bulk(key: str, version: int, mapping: dict[str, str]) -> list[MigrationReport]:
    return run_command(
        migrate_instances, process_key=key, from_version=version, mapping=mapping, dry_run=True
    )


def _render_bulk(
    key: str,
    version: int,
    reports: list[MigrationReport],
    mapping: dict[str, str],
    *,
    is_result: bool = False,
    refusal: Refusal | None = None,
    errors: dict[str, str] | None = None,
    reason: str = "",
    chosen: list[str] | None = None,
) -> str:
    with read_session() as session:
        old_row = _find_version(session, key, version)
        new_row = _find_version(session, key, None)
    old, new = load_definition_row(old_row), load_definition_row(new_row)
    return render_template(
        "processes/migrate.html",
        definition=old_row,
        target=new_row,
        reports=reports,
        most=MAXIMUM_INSTANCES,
        mapping=mapping,
        alternatives=_list_alternatives(reports, old, new, mapping),
        name=lambda element: forms.name_element(old, element),
        name_new=lambda element: forms.name_element(new, element),
        is_result=is_result,
        chosen=chosen,
        reason=reason,
        refusal=refusal,
        errors=errors or {},
    )


def _list_alternatives(
    reports: list[MigrationReport], old: Diagram, new: Diagram, mapping: dict[str, str]
) -> dict[str, list[tuple[str, str]]]:
    """Give what may be mapped by hand: elements without a place, and those mapped already."""
    refused = [problem.element for report in reports for problem in report.problems]
    wanted = dict.fromkeys(element for element in [*refused, *mapping] if element in old.elements)
    return {element: forms.list_alternatives(old, new, element) for element in wanted}


def _draw_after(
    row: Definition | DeployedVersion, instance: Instance, found: Modification | MigrationReport
) -> Markup | None:
    if found.problems:
        return None
    return draw_afterwards(row, instance, found.after)


def _find_place(instance_id: str) -> _Place:
    _require_owner()
    with read_session() as session:
        found = find_instance(session, instance_id)
        if found is None:
            raise NotFound(f"There is no instance {instance_id}.")
        if found.instance.state != InstanceState.RUNNING:
            raise Conflict("The instance has ended already; nothing of it can be moved.")
        row = find_definition(session, "bpmn", row_id=found.instance.definition_id)
        before = draw_instance(session, found.instance)
    return _Place(found.instance, row, load_definition_row(row), before)


def _find_version(session: Session, key: str, version: int | None) -> Definition:
    row = find_version(session, "bpmn", key, version)
    if row is None:
        raise NotFound(f"There is no such version of {key}.")
    return row


def _require_owner() -> None:
    if not current_actor().holds(Role.PROCESS_OWNER):
        raise NotAllowed("Only a process owner changes running instances.")


def _read_version() -> int:
    """Give the version of the instance that the person saw; one they never saw counts as stale."""
    return _read_whole("version") or 0


def _read_whole(name: str) -> int | None:
    given = request.values.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 10 else None
