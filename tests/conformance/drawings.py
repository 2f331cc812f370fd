"""Shapes that rows of the conformance page share."""

from __future__ import annotations


def between(event: str) -> str:
    """Draw one element `x` between start and end."""
    return f"start begin\n{event}\nend done\nbegin > x > done"


def on_border(host: str, event: str, attributes: str = "") -> str:
    """Draw an activity `x` with a boundary event `b` that leads to the task `h`."""
    return (
        f'start begin\n{host}\nboundary b attachedToRef="x" {attributes} | {event}\nuser h\n'
        "end done\nend other\nbegin > x > done\nb > h > other"
    )


BESIDE = 'cancelActivity="false"'
PART = "sub x {\nstart s\nuser inner\nend e\ns > inner > e\n}"


def part_that_throws(event: str, kind: str = "end") -> str:
    """Draw a subprocess `x` whose task `inner` leads to a throwing event `t`."""
    if kind == "end":
        return (
            f"sub x {{\nstart s\nuser inner\nxor c\nend t | {event}\nend e\ns > inner > c\n"
            "c > t : x = 1\nc > e : default\n}"
        )
    return (
        f"sub x {{\nstart s\nuser inner\nthrow t | {event}\nuser more\nend e\n"
        "s > inner > t > more > e\n}"
    )
