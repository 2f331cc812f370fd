"""Two web and three worker processes on PostgreSQL and RabbitMQ, killed, cut off, services lost."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import TOKENS
from tests.crash.campaign import Plan, pick_seed
from tests.crash.cluster import WEBS, WORKERS, Cluster, Place
from tests.crash.processes import Launcher, Process, Trouble
from tests.crash.proxy import proxies
from tests.crash.record import keep
from tests.services import PostgresqlCluster, RabbitmqNode

#: In each part the database is stopped five times and the broker wiped five times.
PARTS, KILLS_A_PART, SERVICES_EVERY = 4, 60, 12
STOPPED, WIPED = "PostgreSQL: immediate stop", "RabbitMQ: wiped"
#: Half of the requests go to the process that is cut off, and whoever sent one waits so long.
CLIENTS, PATIENCE_SECONDS, GRACE_SECONDS = 20, 6.0, 30.0


@pytest.fixture
def place(
    busy_installation: Path,
    tmp_path: Path,
    launcher: Launcher,
    postgresql: PostgresqlCluster,
    rabbitmq: RabbitmqNode,
) -> Place:
    """Give the busy installation, moved to a PostgreSQL database of its own."""
    folder, log = tmp_path / "installation", tmp_path / "copy.log"
    url = postgresql.url(postgresql.create_database())
    source = f"sqlite:///{busy_installation / 'assent.sqlite'}"
    move = Process(launcher, ["db", "copy", "--from", source, "--to", url], log)
    move.start(Trouble())
    assert launcher.order("reap", pid=move.pid, seconds=None)["code"] == 0, log.read_text()
    shutil.copytree(busy_installation, folder, ignore=shutil.ignore_patterns("assent.sqlite*"))
    assert (folder / TOKENS).exists()
    return Place(folder, url, rabbitmq.take_url())


@pytest.mark.long
def test_killed_processes_of_a_cluster_lose_and_repeat_nothing(
    launcher: Launcher, place: Place
) -> None:
    plan = Plan(seed=pick_seed(200), kills=8, asks_in_a_life=(1, 5))

    report = Cluster(launcher, place, plan).run()
    keep(report, f"cluster, seed {plan.seed}")

    assert report.problems == [], report.say()


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_lost_databases_and_wiped_brokers_lose_and_repeat_nothing(
    part: int,
    launcher: Launcher,
    place: Place,
    postgresql: PostgresqlCluster,
    rabbitmq: RabbitmqNode,
) -> None:
    plan = Plan(seed=pick_seed(2000) + part, kills=KILLS_A_PART, asks_in_a_life=(1, 6))
    cluster = Cluster(launcher, place, plan)

    def disturb(kills: int) -> None:
        if kills % SERVICES_EVERY == 5:
            postgresql.stop_immediately()
            time.sleep(1)
            postgresql.start()
            cluster.report.kills[STOPPED] += 1
        if kills % SERVICES_EVERY == 11:
            rabbitmq.wipe()
            rabbitmq.start()
            cluster.report.kills[WIPED] += 1

    report = cluster.run(disturb)
    keep(report, f"cluster and its services, seed {plan.seed}")

    assert report.problems == [], report.say()
    assert (report.kills[STOPPED], report.kills[WIPED]) == (5, 5)


@pytest.mark.long
def test_a_web_and_a_worker_process_cut_off_from_the_database_for_a_minute_lose_nothing(
    launcher: Launcher, place: Place, postgresql: PostgresqlCluster
) -> None:
    cut_off_for(60.0, launcher, place, postgresql)


def cut_off_for(
    seconds: float, launcher: Launcher, place: Place, postgresql: PostgresqlCluster
) -> None:
    """Cut a web and a worker process off, kill another of each meanwhile; nothing is lost."""
    with proxies(postgresql.port, WEBS + WORKERS) as ways:
        place.urls = [
            place.database_url.replace(f":{postgresql.port}/", f":{way.port}/") for way in ways
        ]
        plan = Plan(seed=pick_seed(300), kills=0, clients=CLIENTS)
        cluster = Cluster(launcher, place, plan, patience_seconds=PATIENCE_SECONDS)
        try:
            cluster.start()
            with cluster.crew.at_work():
                work_on(cluster, answers=10)
                for cut in (WEBS - 1, WEBS + WORKERS - 1):
                    ways[cut].cut_off()
                began, before = time.monotonic(), cluster.crew.answers
                time.sleep(seconds / 3)
                for killed in (cluster.webs[0], cluster.workers[0]):
                    cluster.kill(killed)
                    cluster.revive(killed)
                time.sleep(max(began + seconds - time.monotonic(), 0.0))
                during = cluster.crew.answers - before
                for way in ways:
                    way.let_through()
                work_on(cluster, answers=10)
                cluster.end_in_order()
        finally:
            cluster.kill_all()
        cluster.report.counts["acknowledged while two were cut off"] = during
        cluster.report.seconds = time.monotonic() - began
        keep(cluster.report, f"cluster, two cut off for {seconds:.0f} s, seed {plan.seed}")

    assert during > CLIENTS, "the others did not go on meanwhile"
    assert cluster.report.problems == [], cluster.report.say()
    for at, port in cluster.crew.ledger.unavailable:
        assert port == cluster.webs[-1].process.port, "another than the one cut off had errors"
        assert began <= at <= began + seconds + GRACE_SECONDS, "errors while nothing was cut off"


def work_on(cluster: Cluster, answers: int, seconds: float = 120.0) -> None:
    """Wait until so many more asks were answered."""
    until, enough = time.monotonic() + seconds, cluster.crew.answers + answers
    while cluster.crew.answers < enough and time.monotonic() < until:
        time.sleep(0.05)
    assert cluster.crew.answers >= enough, cluster.crew.ledger.server_errors
