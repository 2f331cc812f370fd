"""A TCP proxy between a process and its database that a test can cut off and let go on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

CHUNK_BYTES = 65536


class Proxy:
    """Passes bytes on to a port of this machine; while it is cut off it passes nothing either way.

    Connections stay open meanwhile, as on a network that loses packets: neither side is told.
    """

    def __init__(self, target_port: int):
        """Take the port of the real thing; nothing listens yet."""
        self.port = 0
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._passes = asyncio.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def cut_off(self) -> None:
        """Pass nothing on from now on."""
        self._loop.call_soon_threadsafe(self._passes.clear)

    def let_through(self) -> None:
        """Pass on what has come meanwhile, and all that comes."""
        self._loop.call_soon_threadsafe(self._passes.set)

    async def _run(self) -> None:
        self._passes.set()
        self._ending = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._ending.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            target = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pass_on(reader, target[1]), self._pass_on(target[0], writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while content := await reader.read(CHUNK_BYTES):
                await self._passes.wait()
                writer.write(content)
                await writer.drain()
            await self._passes.wait()
        except OSError:
            pass
        finally:
            writer.close()

    def start(self) -> None:
        """Listen; returns when `port` is known."""
        self._thread.start()
        self._listening.wait()

    def end(self) -> None:
        """Close every connection and listen no more."""
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()
        self._loop.close()


@contextlib.contextmanager
def proxies(target_port: int, count: int) -> Iterator[list[Proxy]]:
    """Give so many running proxies to one port."""
    made = [Proxy(target_port) for _ in range(count)]
    for proxy in made:
        proxy.start()
    try:
        yield made
    finally:
        for proxy in made:
            proxy.end()
