"""Topics of workers: which are done inside Assent, and which ones a token may take."""

from __future__ import annotations

import re
from collections.abc import Collection

from engine.contract import TOPICS
from engine.errors import InvalidInput
from models.vocabulary import Channel, JobKind

ANY_TOPIC = "*"
MAXIMUM_GRANTS = 50
TOPIC_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}"

_TOPIC = re.compile(TOPIC_PATTERN)
_inside = set(TOPICS)


def serve_inside(name: str) -> None:
    """Say that workers of this installation do a topic, so that it is not for external ones.

    Every process of an installation should say the same, before it makes jobs; workers take over
    what others made amiss.
    """
    _inside.add(name)


def is_served_inside(name: str) -> bool:
    """Tell whether workers inside Assent do this topic."""
    return name in _inside


def channel_of(kind: str, topic: str) -> Channel:
    """Give who carries out a job: a service task's topic that nobody inside does is external."""
    is_external = kind == JobKind.SERVICE and topic not in _inside
    return Channel.EXTERNAL if is_external else Channel.ENGINE


def is_granted(granted: Collection[str], topic: str) -> bool:
    """Tell whether a token's grants cover a topic: its name, `prefix.*`, or `*` for all."""
    return any(
        grant in (topic, ANY_TOPIC) or (grant.endswith(".*") and topic.startswith(grant[:-1]))
        for grant in granted
    )


def require_grants(grants: Collection[str]) -> list[str]:
    """Give the grants without repetition; raises InvalidInput naming one that grants nothing."""
    for grant in grants:
        if grant == ANY_TOPIC:
            continue
        if not _TOPIC.fullmatch(grant.removesuffix(".*")):
            raise InvalidInput(
                f"{grant[:60]!r} is no topic; write its name, prefix.* or *.", field="topics"
            )
        if is_served_inside(grant):
            raise InvalidInput(
                f"The topic {grant} is done inside Assent; no token can take it.", field="topics"
            )
    if len(grants) > MAXIMUM_GRANTS:
        raise InvalidInput(f"Name at most {MAXIMUM_GRANTS} topics.", field="topics")
    return list(dict.fromkeys(grants))
