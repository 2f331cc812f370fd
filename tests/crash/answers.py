"""What people answer to the tasks of the shipped diagrams: mostly yes, sometimes another way."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.acceptance.proposals import GO, write_review, write_test

Data = dict[str, Any]
Recipe = Callable[[Random, str], Data]


def _mostly(rng: Random, usual: str, *others: str, share: float = 0.12) -> str:
    return rng.choice(others) if others and rng.random() < share else usual


def _vote(rng: Random, mark: str) -> Data:
    decision = _mostly(rng, "authorize", "authorize_with_conditions", "send_back", share=0.1)
    if rng.random() < 0.01:
        decision = "reject"
    conditions = {"conditions": f"With care. {mark}"} if decision.endswith("conditions") else {}
    return {"decision": decision, "comment": mark, **conditions}


def _assess(rng: Random, mark: str) -> Data:
    return {
        "assessment": _mostly(rng, "proceed", "send_back", share=0.06),
        "risk": rng.choice(["low", "medium", "medium", "high"]),
        "assessment_comment": mark,
    }


def _test(rng: Random, mark: str) -> Data:
    result = _mostly(rng, "passed", "failed_build", share=0.1)
    return {**write_test(result), "test_comment": mark}


RECIPES: dict[str, Recipe] = {
    "complete_proposal": lambda _r, m: {"completion_note": m},
    "resolve_conflicts": lambda _r, m: {"resolution_note": m},
    "resolve_release_conflicts": lambda _r, m: {"resolution_note": m},
    "assess_proposal": _assess,
    "rework_proposal": lambda _r, m: {"rework_note": m},
    "rework_release": lambda _r, m: {"rework_note": m},
    "rework_rfc": lambda _r, m: {"rework_note": m},
    "charter": lambda r, m: {
        "charter_decision": _mostly(r, "charter", "defer"),
        "charter_comment": m,
    },
    "resume_proposal": lambda _r, m: {"resume_note": m},
    "design_infrastructure": lambda _r, m: {"infrastructure_design": m},
    "design_services": lambda _r, m: {"service_levels": m},
    "design_development": lambda _r, m: {"software_design": m, "software_test_approach": "All."},
    "accept_design": lambda r, m: {
        "design_decision": _mostly(r, "accept", "rework"),
        "design_comment": m,
    },
    "raise_rfcs": lambda _r, m: {"rfcs_complete": True, "rfcs_note": m},
    "emergency_review": lambda _r, m: {"emergency_justified": "yes", "emergency_findings": m},
    "test": _test,
    "go_no_go": lambda r, m: {
        **GO,
        "go_decision": _mostly(r, "go", "no_go", share=0.05),
        "go_comment": m,
    },
    "deploy": lambda r, m: {
        "deployment_result": _mostly(r, "success", "failed"),
        "deployment_note": m,
    },
    "back_out": lambda _r, m: {"backout_result": "restored", "backout_reason": m},
    "early_life_support": lambda _r, m: {"els_outcome": "successful", "els_note": m},
    "review_implementation": lambda _r, m: write_review(m),
    "agree_review": lambda r, m: {
        "review_decision": _mostly(r, "agree", "rework"),
        "review_comment": m,
    },
}


def find_recipe(element: str) -> Recipe | None:
    """Give how a task of an element is answered from what is known here, if it can be."""
    return _vote if element.startswith("authorize_") else RECIPES.get(element)
