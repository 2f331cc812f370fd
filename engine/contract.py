"""The vocabulary diagrams may use: roles, topics, record actions, gates, messages, start data.

`processes/README.md` says the same for people; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.vocabulary import Role


@dataclass(frozen=True)
class Operation:
    """What a worker topic or a record action takes and gives, by variable name."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    needs_gate: bool = False
    required: tuple[str, ...] = ()
    """The inputs without which it can't work."""


@dataclass(frozen=True)
class Start:
    """How a shipped process begins: its subject and the variables it is given."""

    subject: str
    variables: tuple[str, ...]


def _operation(inputs: str = "", outputs: str = "", *, gate: bool = False) -> Operation:
    required = tuple(name for name in inputs.split() if not name.endswith("?"))
    return Operation(
        tuple(name.rstrip("?") for name in inputs.split()), tuple(outputs.split()), gate, required
    )


ROLES: tuple[str, ...] = tuple(role.value for role in Role)

SUBJECTS: tuple[str, ...] = ("proposal", "rfc", "release", "review")

GATES: tuple[str, ...] = ("proposal", "rfc", "phase_1", "phase_2", "phase_3", "phase_4")

EVIDENCE: tuple[str, ...] = (
    "proposal",
    "conflicts",
    "criteria",
    "rfcs",
    "media",
    "lessons",
    "release",
    "review",
    "votes",
)

DUTIES: tuple[str, ...] = ("author", "builder", "tester", "designer", "deployer")

SEPARATIONS: tuple[str, ...] = ("proposer", "author", "builder", "tester", "designer")

TOPICS: Mapping[str, Operation] = {
    "conflicts.check": _operation(
        outputs="findings_open findings_blocking worst_severity conflict_run"
    ),
    "dml.check_in": _operation(outputs="checkin_accepted checkin_problems"),
    "dml.check_out": _operation(outputs="media_verified media_problems"),
    "notifications.send": _operation("to_role? to_person? subject_line text"),
}

RISK_FACTS = (
    "service_tier hit_services users_share data_class backout_tested novel_technique manual_steps"
    " teams team_failure_rate ci_failed_recently lead_time_below_notice evidence_complete"
)

RECORD_ACTIONS: Mapping[str, Operation] = {
    "proposal.check_completeness": _operation(outputs="complete missing"),
    "proposal.mark": _operation("state triage?"),
    "proposal.route_to_request": _operation("kind?", "rfc"),
    "proposal.charter": _operation(outputs="design"),
    "authority.seat": _operation("level?", "seats quorum round", gate=True),
    "authorization.tally": _operation(outputs="outcome conditions", gate=True),
    "authorization.preauthorize": _operation("level?", gate=True),
    "gate.open": _operation(gate=True),
    "schedule.publish": _operation(outputs="scheduled_from scheduled_to"),
    "schedule.cancel": _operation(),
    "design.accept": _operation(),
    "design.reopen": _operation("reason?", "design"),
    "rfc.collect_risk_facts": _operation(outputs=RISK_FACTS),
    "rfc.record_risk": _operation("points? band? terms?"),
    "rfc.mark": _operation("state"),
    "rfc.close": _operation("outcome?"),
    "release.enter_phase": _operation("phase? state?"),
    "release.record_plan": _operation(),
    "release.record_build": _operation(),
    "release.record_test": _operation(),
    "release.record_back_out": _operation("reason?"),
    "release.finish": _operation("outcome?"),
    "release.cancel": _operation("reason?"),
    "review.open": _operation("outcome?", "review"),
    "review.record": _operation(),
    "review.close": _operation(),
}

STARTS: Mapping[str, Start] = {
    "proposal_authorization": Start(
        "proposal",
        ("proposer", "risk", "cost_eur", "org_units", "novelty", "urgency", "amended"),
    ),
    "service_design": Start("proposal", ("reason",)),
    "request_for_change": Start("rfc", ("rfc_type", "risk", "urgency")),
    "release_and_deployment": Start("release", ("risk",)),
    "post_implementation_review": Start("review", ("release",)),
}

MESSAGES: Mapping[str, tuple[str, ...]] = {
    "proposal_amended": ("risk", "cost_eur", "org_units", "novelty", "urgency"),
    "proposal_withdrawn": (),
    "release_finished": ("outcome",),
    "design_accepted": (),
}
"""The fields of each message's payload."""

INSTANCE_COUNTS: tuple[str, ...] = (
    "nrOfInstances",
    "nrOfActiveInstances",
    "nrOfCompletedInstances",
)
"""What is counted of a multi-instance activity; read by its expressions and kept nowhere."""

LOCAL_VARIABLES: tuple[str, ...] = ("loopCounter", *INSTANCE_COUNTS)
"""What a multi-instance activity and its completion condition know besides the process data."""
