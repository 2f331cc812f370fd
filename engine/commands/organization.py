"""Loading an organization file: people, services, CIs, windows and changes under way."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from engine.audit import record_event
from engine.context import SYSTEM, Context
from engine.errors import Conflict, NotAllowed
from engine.gates import record_duty
from engine.proposal_parts import SOURCES
from engine.schedule import publish_proposal
from models.account import Person, RoleAssignment
from models.organization import (
    Calendar,
    CiRelation,
    ConfigurationItem,
    Organization,
    Policy,
    Resource,
    Service,
    Window,
    WindowScope,
)
from models.proposal import Proposal
from models.review import Lesson, Review
from models.schedule import ScheduleEntry
from models.vocabulary import AuditTag, Firmness, ProposalState, Role, SubjectKind

UNDER_WAY = (ProposalState.UNDER_REVIEW.value, ProposalState.SUBMITTED.value)


def load_organization(
    ctx: Context, *, document: dict[str, Any], password_hash: str | None = None
) -> Organization:
    """Load an organization file into an empty installation, in one transaction.

    People keep the ids of the file and all get `password_hash`. Proposals under review are loaded
    as handed in; starting their processes is the caller's next step.
    """
    if ctx.actor != SYSTEM and not ctx.actor.holds(Role.PROCESS_OWNER):
        raise NotAllowed("Process owners load an organization.")
    if ctx.session.scalar(select(Organization)) is not None:
        raise Conflict("This installation has an organization already.")
    about = document["organization"]
    organization = Organization(
        name=about["name"], tz=about["primary_tz"], settings=document.get("settings", {})
    )
    ctx.session.add(organization)
    _load_people(ctx, document, password_hash)
    ctx.session.flush()
    _load_landscape(ctx, document)
    _load_windows(ctx, document)
    ctx.session.flush()
    _load_changes(ctx, document)
    _load_proposals(ctx, document)
    _load_lessons(ctx, document)
    record_event(
        ctx, AuditTag.ORGANIZATION_LOADED, "organization", f"{organization.name} was loaded"
    )
    return organization


def _load_people(ctx: Context, document: dict[str, Any], password_hash: str | None) -> None:
    for person in document["people"]:
        ctx.session.add(
            Person(
                id=person["id"],
                name=person["name"],
                email=person["email"],
                password_hash=password_hash,
            )
        )
    ctx.session.flush()
    for person in document["people"]:
        scope = person.get("scope", [])
        for role in _roles_of(person):
            ctx.session.add(RoleAssignment(person_id=person["id"], role=role, scope=scope))
    owners = {s["owner"] for s in document["services"] if s.get("owner")}
    by_id = {person["id"]: person for person in document["people"]}
    for owner in sorted(owners):
        if Role.SERVICE_OWNER not in _roles_of(by_id[owner]):
            ctx.session.add(RoleAssignment(person_id=owner, role=Role.SERVICE_OWNER))


def _roles_of(person: dict[str, Any]) -> list[str]:
    roles = person.get("roles") or [person["role"]]
    return [str(role) for role in roles]


def _load_landscape(ctx: Context, document: dict[str, Any]) -> None:
    for s in document["services"]:
        ctx.session.add(
            Service(
                code=s["id"],
                name=s["name"],
                kind=s["kind"],
                tier=s["tier"],
                owner_id=s.get("owner"),
                site=s.get("site"),
            )
        )
    for c in document["cis"]:
        ctx.session.add(
            ConfigurationItem(
                code=c["id"],
                ci_class=c["class"],
                service_code=c.get("service"),
                criticality=c.get("criticality", 3),
                status=c.get("status", "live"),
                site=c.get("site"),
            )
        )
    for r in document["ci_relations"]:
        ctx.session.add(
            CiRelation(
                source_code=r["source"],
                target_code=r["target"],
                kind=r["type"],
                propagation=r["propagation"],
                redundancy_group=r.get("redundancy_group"),
            )
        )
    for r in document["resources"]:
        ctx.session.add(
            Resource(
                code=r["id"],
                name=r["name"],
                kind=r["kind"],
                capacity=r["capacity"],
                unit=r["unit"],
                calendar_code=r.get("calendar"),
                ci_code=r.get("ci"),
            )
        )
    for p in document.get("policies", []):
        ctx.session.add(Policy(code=p["id"], text=p["text"], enforced_by=p["enforced_by"]))


def _load_windows(ctx: Context, document: dict[str, Any]) -> None:
    for calendar in document.get("calendars", []):
        ctx.session.add(Calendar(code=calendar["id"], rule=calendar))
    for window in document.get("maintenance_windows", []):
        ctx.session.add(
            Window(code=window["id"], kind="maintenance", name=window["name"], rule=window)
        )
    for assignment in document.get("window_assignments", []):
        ctx.session.add(
            WindowScope(
                window_code=assignment["window"],
                scope_kind=assignment["scope_kind"],
                codes=assignment["scope"],
            )
        )
    for blackout in document.get("blackout_windows", []):
        ctx.session.add(
            Window(
                code=blackout["id"],
                kind="blackout",
                name=blackout["name"],
                severity=blackout["severity"],
                reason=blackout.get("reason"),
                owner_id=blackout.get("owner"),
                override_role=blackout.get("override_authority"),
                rule=blackout,
            )
        )
        ctx.session.add(
            WindowScope(
                window_code=blackout["id"],
                scope_kind=blackout["scope_kind"],
                codes=blackout["scope"],
            )
        )


def _load_changes(ctx: Context, document: dict[str, Any]) -> None:
    for change in document.get("scheduled_changes", []):
        ctx.session.add(
            ScheduleEntry(
                owner_kind="change",
                owner_number=change["id"],
                title=change["title"],
                start_at=_moment(change["start_utc"]),
                end_at=_moment(change["end_utc"]),
                tz=change["tz"],
                firmness=Firmness.FIRM.value,
                cis=change["changed_cis"],
                risk_points=change.get("risk_points", 0),
                bookings=[_booking(b) for b in change.get("resource_bookings", [])],
                prerequisites=change.get("prerequisites", []),
                updated_at=ctx.now,
            )
        )


def _load_proposals(ctx: Context, document: dict[str, Any]) -> None:
    services = {c["id"]: c.get("service") for c in document["cis"]}
    for given in document.get("proposals", []):
        proposal = _make_proposal(ctx, given, services)
        ctx.session.add(proposal)
        ctx.session.flush()
        record_duty(ctx, SubjectKind.PROPOSAL, proposal.id, "proposer", proposal.proposer_id)
        under_way = proposal.state in UNDER_WAY
        publish_proposal(ctx, proposal, Firmness.FORECAST if under_way else Firmness.TENTATIVE)


def _make_proposal(
    ctx: Context, given: dict[str, Any], services: dict[str, str | None]
) -> Proposal:
    case, inputs, dates = given["business_case"], given["decision_inputs"], given["schedule"]
    chartered = given["state"] == ProposalState.CHARTERED
    return Proposal(
        number=given["id"],
        title=given["title"],
        state=ProposalState.SUBMITTED.value if given["state"] in UNDER_WAY else given["state"],
        source=given["source"] if given["source"] in SOURCES else "other",
        proposer_id=given["submitted_by"],
        description=given["description"],
        business_outcomes=given["business_outcomes"],
        utility=given["utility"],
        warranty=given["warranty"],
        business_case=_business_case(case),
        risk=inputs["risk"],
        cost_eur=inputs["cost_eur"],
        org_units=inputs["org_units"],
        novelty=inputs["service_novelty"],
        urgency=inputs["urgency"],
        design_start=date.fromisoformat(dates["design_start"]),
        design_end=date.fromisoformat(dates["design_end"]),
        build_start=date.fromisoformat(dates["build_start"]),
        build_end=date.fromisoformat(dates["build_end"]),
        deploy_from=_moment(given["deployment"]["start_utc"]),
        deploy_to=_moment(given["deployment"]["end_utc"]),
        tz=given["deployment"]["tz"],
        changed_cis=given["changed_cis"],
        new_cis=given["new_cis"],
        services=sorted({s for c in given["changed_cis"] if (s := services.get(c))}),
        outages=given.get("projected_service_outage", []),
        bookings=[_booking(b) for b in given.get("resource_bookings", [])],
        prerequisites=given.get("prerequisites", []),
        chartered_at=ctx.now if chartered else None,
        chartered_by=given["submitted_by"] if chartered else None,
        created_at=ctx.now,
        updated_at=ctx.now,
    )


def _business_case(case: dict[str, Any]) -> dict[str, Any]:
    financial = case.get("financial", {})
    return {
        "risks": [
            {"text": r["text"], "probability": r.get("prob"), "impact": r.get("impact")}
            for r in case["risks"]
        ],
        "issues": [issue["text"] for issue in case["issues"]] or ["None known."],
        "alternatives": case["alternatives"],
        "budget_eur": case["budget_eur"],
        "financial_expectation": (
            f"Net present value {financial.get('npv_eur', 0):,} EUR, "
            f"payback in {financial.get('payback_months', 0)} months"
        ),
    }


def _load_lessons(ctx: Context, document: dict[str, Any]) -> None:
    reviews: dict[str, str] = {}
    for pir in document.get("pirs", []):
        review = Review(
            number=pir["id"],
            title=pir["title"],
            state="closed",
            outcome=pir["outcome"],
            objectives_met=pir["objective_met"],
            planned_from=_moment(pir["planned"]["start_utc"]),
            planned_to=_moment(pir["planned"]["end_utc"]),
            actual_from=_moment(pir["actual"]["start_utc"]),
            actual_to=_moment(pir["actual"]["end_utc"]),
            findings={"incidents": pir["incidents"], "backout_used": pir["backout_used"]},
            created_at=ctx.now,
            closed_at=ctx.now,
        )
        ctx.session.add(review)
        reviews |= dict.fromkeys(pir["lessons"], review.id)
    ctx.session.flush()
    for lesson in document.get("lessons", []):
        ctx.session.add(
            Lesson(
                number=lesson["id"],
                text=lesson["text"],
                category=lesson["category"],
                state="accepted",
                review_id=reviews.get(lesson["id"]),
                cis=lesson["cis"],
                services=lesson["services"],
                created_at=ctx.now,
            )
        )


def _booking(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "resource": given["resource"],
        "quantity": given["quantity"],
        "phase": given["phase"],
        "from": given["start_utc"],
        "to": given["end_utc"],
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
