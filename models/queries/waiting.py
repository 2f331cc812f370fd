"""Who waits for a message or signal, and what has arrived before anybody waited for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from models.base import TENANT
from models.instance import Instance, Message, MessageWait
from models.vocabulary import InstanceState, WaitKind


def find_waiting_instance(session: Session, message_name: str, key: str) -> Instance | None:
    """Give the running instance that waits for a message under this key; the longest waiting."""
    return session.scalar(
        select(Instance)
        .join(MessageWait, MessageWait.instance_id == Instance.id)
        .where(
            MessageWait.tenant_id == TENANT,
            MessageWait.kind == WaitKind.MESSAGE.value,
            MessageWait.message_name == message_name,
            MessageWait.correlation_key == key,
            Instance.state == InstanceState.RUNNING.value,
        )
        .order_by(MessageWait.id)
        .limit(1)
    )


def list_signal_waiters(session: Session, signal_name: str) -> list[str]:
    """Give the ids of the running instances that wait for a signal, the oldest instance first."""
    return list(
        session.scalars(
            select(Instance.id)
            .join(MessageWait, MessageWait.instance_id == Instance.id)
            .where(
                MessageWait.tenant_id == TENANT,
                MessageWait.kind == WaitKind.SIGNAL.value,
                MessageWait.message_name == signal_name,
                Instance.state == InstanceState.RUNNING.value,
            )
            .distinct()
            .order_by(Instance.id)
        )
    )


def is_waiting_for_signal(session: Session, instance_id: str, signal_name: str) -> bool:
    """Tell whether an instance waits for a signal at this moment of the transaction."""
    found = session.scalar(
        select(MessageWait.id)
        .where(
            MessageWait.instance_id == instance_id,
            MessageWait.kind == WaitKind.SIGNAL.value,
            MessageWait.message_name == signal_name,
        )
        .limit(1)
    )
    return found is not None


def find_message(session: Session, sender: str, message_id: str) -> Message | None:
    """Give the message that was taken from a sender under this id, delivered or not."""
    return session.scalar(
        select(Message).where(
            Message.tenant_id == TENANT,
            Message.sender == sender,
            Message.message_id == message_id,
        )
    )


def find_buffered_message(session: Session, instance_id: str, now: datetime) -> Message | None:
    """Give the oldest message that this instance waits for and that arrived before it did."""
    return session.scalar(
        select(Message)
        .join(
            MessageWait,
            and_(
                MessageWait.message_name == Message.name,
                MessageWait.correlation_key == Message.correlation_key,
            ),
        )
        .where(
            MessageWait.instance_id == instance_id,
            MessageWait.kind == WaitKind.MESSAGE.value,
            Message.tenant_id == TENANT,
            Message.delivered_at.is_(None),
            Message.expires_at > now,
        )
        .order_by(Message.received_at, Message.id)
        .limit(1)
    )
