"""What changes touch: services, configuration items, resources, calendars and windows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


class Organization(Base, kw_only=True):
    """The organization that is governed, its zone and thresholds; revisions tell what is stale."""

    __tablename__ = "organization"

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT, unique=True)
    name: Mapped[str]
    tz: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    graph_revision: Mapped[int] = mapped_column(default=1)
    schedule_revision: Mapped[int] = mapped_column(default=1)
    window_revision: Mapped[int] = mapped_column(default=1)


class Service(Base, kw_only=True):
    """A service with its tier (1 is highest) and owner."""

    __tablename__ = "service"
    __table_args__ = (UniqueConstraint("tenant_id", "code"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    code: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    tier: Mapped[int]
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    site: Mapped[str | None] = mapped_column(default=None)


class ConfigurationItem(Base, kw_only=True):
    """A configuration item (CI): something a change may touch."""

    __tablename__ = "ci"
    __table_args__ = (UniqueConstraint("tenant_id", "code"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    code: Mapped[str]
    ci_class: Mapped[str]
    service_code: Mapped[str | None] = mapped_column(default=None, index=True)
    criticality: Mapped[int] = mapped_column(default=3)
    status: Mapped[str] = mapped_column(default="live")
    site: Mapped[str | None] = mapped_column(default=None)
    current_version: Mapped[str | None] = mapped_column(default=None)


class CiRelation(Base, kw_only=True):
    """`source_code` depends on `target_code`; impact flows from target to source."""

    __tablename__ = "ci_relation"
    __table_args__ = (UniqueConstraint("tenant_id", "source_code", "target_code", "kind"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    source_code: Mapped[str]
    target_code: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    propagation: Mapped[str]
    redundancy_group: Mapped[str | None] = mapped_column(default=None)


class Resource(Base, kw_only=True):
    """A shared resource: people, an environment, infrastructure; `capacity` is in `unit`."""

    __tablename__ = "resource"
    __table_args__ = (UniqueConstraint("tenant_id", "code"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    code: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    capacity: Mapped[int]
    unit: Mapped[str]
    calendar_code: Mapped[str | None] = mapped_column(default=None)
    ci_code: Mapped[str | None] = mapped_column(default=None)


class Calendar(Base, kw_only=True):
    """When something is available, as local wall time, zone and recurrence rule."""

    __tablename__ = "calendar"
    __table_args__ = (UniqueConstraint("tenant_id", "code"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    code: Mapped[str]
    rule: Mapped[dict[str, Any]]


class Window(Base, kw_only=True):
    """A maintenance window, or a blackout (hard or soft) with the role that may override it."""

    __tablename__ = "window"
    __table_args__ = (UniqueConstraint("tenant_id", "code"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    code: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    severity: Mapped[str | None] = mapped_column(default=None)
    reason: Mapped[str | None] = mapped_column(default=None)
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    override_role: Mapped[str | None] = mapped_column(default=None)
    rule: Mapped[dict[str, Any]]


class WindowScope(Base, kw_only=True):
    """What a window is about: everything, services or CIs."""

    __tablename__ = "window_scope"

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    window_code: Mapped[str] = mapped_column(index=True)
    scope_kind: Mapped[str]
    codes: Mapped[list[Any]] = mapped_column(default_factory=list)


class Policy(Base, kw_only=True):
    """A rule that governs the process, and what enforces it."""

    __tablename__ = "policy"
    __table_args__ = (UniqueConstraint("tenant_id", "code"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    code: Mapped[str]
    text: Mapped[str]
    enforced_by: Mapped[str]
