"""The facts a conflict check reads: services, CIs, relations, resources, windows and entries.

Every class is a plain frozen value; times are aware UTC, intervals are half-open. Identifiers are
opaque: `name`, `title` and `label` are what people read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal

from workers.schedule.intervals import Interval
from workers.schedule.rules import Recurrence

EntryKind = Literal["proposal", "change", "rfc", "release"]
Firmness = Literal["forecast", "tentative", "firm"]
Propagation = Literal["hard", "soft", "redundant", "none"]
WindowKind = Literal["maintenance", "blackout", "lockdown"]
ScopeKind = Literal["all", "service", "ci", "ci_class", "site", "tag"]

#: An entry in one of these states is in nobody's way: not yet handed in, over, or given up.
CLOSED_STATES = frozenset(
    {
        "draft",
        "rejected",
        "withdrawn",
        "deferred",
        "cancelled",
        "realised",
        "implemented",
        "review",
        "closed",
        "done",
        "backed_out",
    }
)
#: The phase whose bookings move when the entry moves.
DEPLOYMENT_PHASE = "deployment"


@dataclass(frozen=True)
class Service:
    """A service; `tier` 1 is the most important; only `business` services count as shared."""

    id: str
    name: str
    kind: str
    tier: int


@dataclass(frozen=True)
class Ci:
    """A configuration item; `criticality` 1 is the most critical."""

    id: str
    name: str
    service: str | None
    ci_class: str = ""
    criticality: int = 5
    site: str = ""
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Relation:
    """`source` depends on `target`; impact flows from target to source.

    A redundant relation carries impact only when fewer than `quorum` targets of the same source
    and group are left.
    """

    source: str
    target: str
    propagation: Propagation
    redundancy_group: str | None = None
    quorum: int = 1


@dataclass(frozen=True)
class Resource:
    """People, environments, licences: `capacity` units, in the hours of the calendar."""

    id: str
    name: str
    kind: str
    capacity: Decimal
    unit: str = ""
    calendar: str | None = None
    exclusive: bool = False


@dataclass(frozen=True)
class Scope:
    """What a window is about; `ids` is empty for the kind `all`."""

    kind: ScopeKind
    ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Window:
    """A maintenance window (work is allowed) or a blackout or lockdown (work is not allowed)."""

    id: str
    name: str
    kind: WindowKind
    recurrence: Recurrence
    scopes: tuple[Scope, ...] = ()
    hard: bool = True
    override_authority: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Booking:
    """Units of a resource that an entry needs in an interval."""

    resource: str
    quantity: Decimal
    phase: str
    start_utc: datetime
    end_utc: datetime

    @property
    def interval(self) -> Interval:
        """The booked instants."""
        return Interval(self.start_utc, self.end_utc)


@dataclass(frozen=True)
class Outage:
    """The minutes of outage that an entry projects for a service."""

    service: str
    minutes: int


@dataclass(frozen=True)
class Prerequisite:
    """The entry that must have ended, `lag_minutes` before, when this one starts."""

    entry: str
    lag_minutes: int = 0


@dataclass(frozen=True)
class Entry:
    """A dated intention to change CIs: a proposal, change, RFC or release.

    Entries of the same `group` (a proposal with its RFCs and release) are one work and never in
    each other's way. `announced_utc` is when people were told; None means now. `change_type` is
    standard, normal, major or emergency.
    """

    id: str
    kind: EntryKind
    title: str
    changed_cis: frozenset[str]
    start_utc: datetime
    end_utc: datetime
    risk_points: int = 0
    bookings: tuple[Booking, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    outages: tuple[Outage, ...] = ()
    firmness: Firmness = "firm"
    state: str = "scheduled"
    tz: str = "UTC"
    change_type: str = "normal"
    group: str | None = None
    announced_utc: datetime | None = None
    label: str = ""

    @cached_property
    def interval(self) -> Interval:
        """The instants of the deployment."""
        return Interval(self.start_utc, self.end_utc)

    @property
    def is_open(self) -> bool:
        """Say whether others have to mind this entry."""
        return self.state not in CLOSED_STATES

    @cached_property
    def order_key(self) -> tuple[datetime, datetime, str, str]:
        """Earlier first; the title decides before the identifier, which may be any spelling."""
        return (self.start_utc, self.end_utc, self.title, self.id)

    def say(self) -> str:
        """Name the entry as people know it."""
        return f"{self.label or self.id} “{self.title}”" if self.title else self.label or self.id


@dataclass(frozen=True)
class Settings:
    """What the organization decided: limits, notice, and the moment of the check.

    `risk_limit` None switches the rule off; `notice_days` is by change type, or `proposal`;
    `as_of_utc` None switches the notice rule off.
    """

    as_of_utc: datetime | None = None
    risk_limit: int | None = None
    risk_days: int = 7
    notice_days: Mapping[str, int] = field(default_factory=dict)
    primary_tz: str = "UTC"


@dataclass(frozen=True)
class Revisions:
    """Counters of what was read; a run is stale when one of them has moved on."""

    graph: int = 0
    schedule: int = 0
    calendar: int = 0


@dataclass(frozen=True, eq=False)
class Landscape:
    """Everything a check reads, at one moment; two landscapes are equal only if they are the same.

    `ci_windows` and `service_windows` assign maintenance windows; those of the CI win.
    `remarks` are sentences about what the reader had to decide.
    """

    services: Mapping[str, Service] = field(default_factory=dict)
    cis: Mapping[str, Ci] = field(default_factory=dict)
    relations: tuple[Relation, ...] = ()
    resources: Mapping[str, Resource] = field(default_factory=dict)
    calendars: Mapping[str, Recurrence] = field(default_factory=dict)
    windows: Mapping[str, Window] = field(default_factory=dict)
    ci_windows: Mapping[str, frozenset[str]] = field(default_factory=dict)
    service_windows: Mapping[str, frozenset[str]] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    revisions: Revisions = field(default_factory=Revisions)
    remarks: tuple[str, ...] = ()

    def windows_of(self, ci_id: str) -> frozenset[str]:
        """Return the maintenance windows of a CI; its own beat those of its service."""
        if own := self.ci_windows.get(ci_id):
            return own
        ci = self.cis.get(ci_id)
        return self.service_windows.get(ci.service or "", frozenset()) if ci else frozenset()
