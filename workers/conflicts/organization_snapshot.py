"""Reads services, CIs, resources, calendars and windows from the database into a landscape.

The rows hold the same fields as an organization file, so the file's reader checks and reads them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import NotFound
from models.organization import (
    Calendar,
    CiRelation,
    ConfigurationItem,
    Organization,
    Resource,
    Service,
    WindowScope,
)
from models.organization import Window as WindowRow
from workers.conflicts.landscape import Landscape, Revisions, Scope, ScopeKind, Window
from workers.conflicts.organization_file import read_landscape

MAINTENANCE = "maintenance"


def load_organization(session: Session) -> Organization:
    """Give the organization that is governed; raises NotFound before one was loaded."""
    organization: Organization | None = session.scalar(select(Organization))
    if organization is None:
        raise NotFound("No organization has been loaded yet.")
    return organization


def read_revisions(organization: Organization) -> Revisions:
    """Give the counters of what a check reads."""
    return Revisions(
        graph=organization.graph_revision,
        schedule=organization.schedule_revision,
        calendar=organization.window_revision,
    )


def read_organization(session: Session, organization: Organization) -> Landscape:
    """Give a landscape without entries; raises InvalidInput naming a row that cannot be read."""
    windows = list(session.scalars(select(WindowRow)))
    scopes = _scopes_by_window(session)
    landscape = read_landscape(
        {
            "organization": {"primary_tz": organization.tz},
            "services": [_service(row) for row in session.scalars(select(Service))],
            "cis": [_ci(row) for row in session.scalars(select(ConfigurationItem))],
            "ci_relations": [_relation(row) for row in session.scalars(select(CiRelation))],
            "calendars": [
                {**row.rule, "id": row.code} for row in session.scalars(select(Calendar))
            ],
            "resources": [_resource(row) for row in session.scalars(select(Resource))],
            "maintenance_windows": [_window(row) for row in windows if row.kind == MAINTENANCE],
            "window_assignments": [
                {"window": row.code, "scope_kind": kind, "scope": sorted(codes)}
                for row in windows
                if row.kind == MAINTENANCE
                for kind, codes in scopes[row.code]
            ],
            "blackout_windows": [_blackout(row) for row in windows if row.kind != MAINTENANCE],
            "settings": organization.settings,
        }
    )
    return replace(landscape, windows=_with_scopes(landscape, scopes))


def _service(row: Service) -> dict[str, Any]:
    return {"id": row.code, "name": row.name, "kind": row.kind, "tier": row.tier}


def _ci(row: ConfigurationItem) -> dict[str, Any]:
    return {
        "id": row.code,
        "service": row.service_code,
        "class": row.ci_class,
        "criticality": row.criticality,
        "site": row.site,
    }


def _relation(row: CiRelation) -> dict[str, Any]:
    return {
        "source": row.source_code,
        "target": row.target_code,
        "propagation": row.propagation,
        "redundancy_group": row.redundancy_group,
    }


def _resource(row: Resource) -> dict[str, Any]:
    return {
        "id": row.code,
        "name": row.name,
        "kind": row.kind,
        "capacity": row.capacity,
        "unit": row.unit,
        "calendar": row.calendar_code,
    }


def _window(row: WindowRow) -> dict[str, Any]:
    return {**row.rule, "id": row.code, "name": row.name}


def _blackout(row: WindowRow) -> dict[str, Any]:
    return {
        **row.rule,
        "id": row.code,
        "name": row.name,
        "kind": row.kind,
        "severity": row.severity or "hard",
        "reason": row.reason,
        "override_authority": row.override_role,
        "scope_kind": "all",
        "scope": [],
    }


def _scopes_by_window(session: Session) -> dict[str, list[tuple[str, frozenset[str]]]]:
    scopes: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)
    for row in session.scalars(select(WindowScope).order_by(WindowScope.id)):
        scopes[row.window_code].append((row.scope_kind, frozenset(row.codes)))
    return scopes


def _with_scopes(
    landscape: Landscape, scopes: dict[str, list[tuple[str, frozenset[str]]]]
) -> dict[str, Window]:
    """Give blackouts the scopes of their rows; a file has one each, the database any number."""
    return {
        code: window
        if window.kind == MAINTENANCE
        else replace(
            window,
            scopes=tuple(Scope(cast(ScopeKind, kind), ids) for kind, ids in scopes[code]),
        )
        for code, window in landscape.windows.items()
    }
