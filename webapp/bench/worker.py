"""What a worker process of the bench loads: the product's own, with the bench's topics beside."""

from __future__ import annotations

from webapp.bench import handlers
from webapp.worker_process import open_broker

__all__ = ["handlers", "open_broker"]
