"""A private RabbitMQ node from the system's package: own name, cookie, ports, data and epmd."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import secrets
import shutil
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.services.processes import (
    Account,
    ServiceMissing,
    ServiceProcess,
    find_free_port,
    make_password,
    own_folder,
)

USER = "assent"
#: Made when the node starts, since making one later takes a second; used in turn.
VIRTUAL_HOSTS = 4
SYSTEM_SCRIPTS = "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"
WANTED = "RabbitMQ; install it (Debian: apt-get install rabbitmq-server)"
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
#: Two schedulers that sleep when there is nothing to do, on machines of any size.
ERLANG_OPTIONS = "-noinput +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"


@dataclass
class RabbitmqNode:
    """A node on free ports of 127.0.0.1 with virtual hosts made beforehand."""

    folder: Path
    script: Path
    epmd: Path
    account: Account
    port: int = field(init=False)
    _password: str = field(init=False)
    _server: ServiceProcess = field(init=False)
    _names: ServiceProcess = field(init=False)
    _hosts: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        """Choose ports and password and write the configuration; nothing runs yet."""
        self.port, epmd_port = find_free_port(), find_free_port()
        self._password = make_password()
        self._hosts = itertools.cycle(f"test{n}" for n in range(VIRTUAL_HOSTS))
        self._write("rabbitmq.conf", self._configuration())
        self._write("definitions.json", json.dumps(self._definitions()))
        self._write("enabled_plugins", "[].")
        environment = self._environment(epmd_port)
        self._names = ServiceProcess(
            [self.epmd, "-port", str(epmd_port), "-address", "127.0.0.1"],
            self.account,
            self.folder / "epmd.log",
            environment,
        )
        self._server = ServiceProcess([self.script], self.account, self.folder / "log", environment)
        self._epmd_port = epmd_port

    @property
    def data(self) -> Path:
        """The folder of the node's data."""
        return self.folder / "data"

    def take_url(self) -> str:
        """Give the URL of a virtual host; what an earlier user of it left may still be there."""
        return f"amqp://{USER}:{self._password}@127.0.0.1:{self.port}/{next(self._hosts)}"

    def start(self) -> None:
        """Start the node; returns when it speaks AMQP."""
        if self._names.process is None:
            self._names.start(lambda: _listens(self._epmd_port))
        self._server.start(self._answers)

    def stop_immediately(self) -> None:
        """End the node as a crash would."""
        self._server.end(signal.SIGKILL)

    def wipe(self) -> None:
        """Lose every queue and message: the next start finds no data."""
        self.stop_immediately()
        shutil.rmtree(self.data)

    def close(self) -> None:
        """End the node and its name server for good."""
        self.stop_immediately()
        self._names.end(signal.SIGKILL)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                connection.sendall(PROTOCOL_HEADER)
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        self.account.give(path)

    def _configuration(self) -> str:
        return "\n".join(
            [
                f"listeners.tcp.1 = 127.0.0.1:{self.port}",
                f"load_definitions = {self.folder / 'definitions.json'}",
                "disk_free_limit.absolute = 50MB",
                "log.console.level = warning",
                "",
            ]
        )

    def _definitions(self) -> dict[str, object]:
        salt = secrets.token_bytes(4)
        digest = salt + hashlib.sha256(salt + self._password.encode()).digest()
        hosts = [f"test{n}" for n in range(VIRTUAL_HOSTS)]
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        user = {
            "name": USER,
            "password_hash": base64.b64encode(digest).decode(),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": "",
        }
        return {
            "users": [user],
            "vhosts": [{"name": host} for host in hosts],
            "permissions": [{"user": USER, "vhost": host, **everything} for host in hosts],
        }

    def _environment(self, epmd_port: int) -> dict[str, str]:
        return {
            "HOME": str(self.folder),  # Where Erlang makes its cookie.
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"assent-{secrets.token_hex(4)}@localhost",
            "RABBITMQ_DIST_PORT": str(find_free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.data),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ALLOW_INPUT": "1",  # The node is the process started, not a child of it.
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_OPTIONS,
        }


@contextlib.contextmanager
def rabbitmq_node() -> Iterator[RabbitmqNode]:
    """Give a running node that is gone afterwards; raises ServiceMissing."""
    script, epmd = _find_script(), shutil.which("epmd")
    if script is None or epmd is None:
        raise ServiceMissing(WANTED)
    account = Account.unprivileged()
    with own_folder("assent-rabbitmq-", account) as folder:
        node = RabbitmqNode(folder, script, Path(epmd), account)
        try:
            node.start()
            yield node
        finally:
            node.close()


def _find_script() -> Path | None:
    # Debian's /usr/sbin/rabbitmq-server changes to the user of the system's node: not wanted here.
    packaged = sorted(Path("/").glob(SYSTEM_SCRIPTS.lstrip("/")))
    found = shutil.which("rabbitmq-server")
    return packaged[-1] if packaged else Path(found) if found else None


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True
