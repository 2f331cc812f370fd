"""Workers in processes of their own: the same execution, with RabbitMQ carrying the ids."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dramatiq

from models.wakeups import Wakeups
from workers.execution import JobExecution

STOP_SECONDS = 20
WATCH_SECONDS = 1.0


class BrokerUnreachable(RuntimeError):
    """The broker does not answer, or refuses; the message says what was tried."""


def make_broker(url: str) -> dramatiq.Broker:
    """Give the RabbitMQ broker of this URL, without any middleware of Dramatiq's.

    It connects when it is used. An id counts as sent when the broker has confirmed it, since a
    connection that was idle for long may be closed without the sender having noticed.
    """
    from dramatiq.brokers.rabbitmq import RabbitmqBroker  # The embedded form goes without pika.

    return RabbitmqBroker(url=url, middleware=[], confirm_delivery=True)


def check_broker(url: str) -> None:
    """Connect once; raises BrokerUnreachable saying why, never with a password."""
    import pika

    try:
        parameters = pika.URLParameters(url)
        parameters.connection_attempts, parameters.socket_timeout = 1, 5
        with _quiet("pika"):
            pika.BlockingConnection(parameters).close()
    except pika.exceptions.ProbableAuthenticationError as error:
        raise BrokerUnreachable("it refuses the user or the password") from error
    except pika.exceptions.ProbableAccessDeniedError as error:
        raise BrokerUnreachable("the user may not use this virtual host") from error
    except (pika.exceptions.AMQPError, OSError) as error:
        raise BrokerUnreachable("nothing there speaks AMQP to us") from error
    except (ValueError, TypeError, IndexError) as error:
        # Its own words may quote a part of the password, taken for a port.
        raise BrokerUnreachable(
            "this is no URL like amqp://user:password@host/, with %2F for a slash in the password"
        ) from error


@contextmanager
def _quiet(library: str) -> Iterator[None]:
    """Keep a library from logging tracebacks of what is said in a sentence."""
    log = logging.getLogger(library)
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


class WorkerLifecycle(dramatiq.Middleware):
    """Starts and stops the execution with the worker of Dramatiq's own command."""

    def __init__(self, execution: JobExecution, wakeups: Wakeups):
        """Take what is started and stopped; to be made in the process that works."""
        self._execution = execution
        self._wakeups = wakeups
        self._parent = os.getppid()

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        """Begin to feed the broker."""
        self._wakeups.start()
        self._execution.start()
        threading.Thread(target=self._watch, name="supervisor", daemon=True).start()

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        """Claim nothing more; running handlers go on until the time of the stop is over."""
        self._execution.stop_accepting()

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        """Hand back what has not ended."""
        self._execution.finish()
        self._wakeups.stop()

    def _watch(self) -> None:
        """Stop in order once the process above is gone: nobody would stop this one later."""
        while os.getppid() == self._parent:
            time.sleep(WATCH_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
