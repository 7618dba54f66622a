"""Treatments: faults that a fleet must survive. Each takes a limited time and returns one row of the table."""

import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.chaos.fleet import Fleet, Ours, Plain, wait_for_end
from benchmarks.chaos.outcome import Outcome, count_outcome
from benchmarks.chaos.server import Server
from trainer.data.sample import write_sample

Side = type[Ours] | type[Plain]


@dataclass(frozen=True)
class Row:
    """A treatment's outcome."""

    treatment: str
    side: str
    budget: int  # trials asked for
    outcome: Outcome
    died: int  # workers that the treatment did not end
    seconds: float
    note: str = ""


class SeenWorkers:
    """The ids of all worker processes that a fleet has had."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.pids = fleet, set[int]()

    def update(self) -> list[psutil.Process]:
        """Adds the ids of the present workers; returns these workers."""
        workers = self.fleet.workers()
        self.pids |= {worker.pid for worker in workers}
        return workers

    def on_poll(self, elapsed_s: float) -> None:
        """For treatments that do nothing meanwhile."""
        self.update()


@contextmanager
def workspace(server: Server) -> Iterator[tuple[Path, str]]:
    """A folder with data, and the URL of an empty database."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as name, server.database() as url:
        write_sample(Path(name) / "data.npz", images=16, test_images=2)
        yield Path(name), url


def killed(
    side: Side, server: Server, trials: int = 200, workers: int = 4, every_s: float = 1.5, most: int = 60
) -> Row:
    """A random worker is killed every few seconds, `most` times at most."""
    with workspace(server) as (folder, url):
        fleet = side(folder, url, trials, workers, epoch_s=0.3)
        seen, generator, kills = SeenWorkers(fleet), random.Random(0), 0

        def on_poll(elapsed_s: float) -> None:
            nonlocal kills
            present = seen.update()
            if present and kills < most and elapsed_s > (kills + 1) * every_s:
                generator.choice(present).kill()
                kills += 1

        ended, seconds = run_fleet(fleet, 900, on_poll)
        died = len(seen.pids) - workers - kills
        return make_row(f"{kills} workers killed", fleet, trials, url, folder, died, seconds, ended)


def restarted(side: Side, server: Server, times: int = 10, trials: int = 100, every_s: float = 5.0) -> Row:
    """The database server is restarted every few seconds."""
    with workspace(server) as (folder, url):
        fleet = side(folder, url, trials, 4, epoch_s=0.5)
        seen, restarts = SeenWorkers(fleet), 0

        def on_poll(elapsed_s: float) -> None:
            nonlocal restarts
            seen.update()
            if restarts < times and elapsed_s > (restarts + 2) * every_s:
                server.restart(away_s=1.0)
                restarts += 1

        ended, seconds = run_fleet(fleet, 600, on_poll)
        died = len(seen.pids) - 4
        return make_row(f"server restarted {restarts} times", fleet, trials, url, folder, died, seconds, ended)


def away(side: Side, server: Server, away_s: float = 120.0) -> Row:
    """The database server is stopped for two minutes."""
    with workspace(server) as (folder, url):
        fleet = side(folder, url, 40, 4, epoch_s=0.5)
        seen, stopped_at = SeenWorkers(fleet), list[float]()

        def on_poll(elapsed_s: float) -> None:
            seen.update()
            if not stopped_at and (folder / "epochs.log").exists() and elapsed_s > 10:
                stopped_at.append(elapsed_s)
                server.restart(away_s)

        ended, seconds = run_fleet(fleet, 400, on_poll)
        died = len(seen.pids) - 4
        return make_row(f"server away for {away_s:.0f} s", fleet, 40, url, folder, died, seconds, ended)


def hung(side: Side, server: Server) -> Row:
    """A worker's training thread hangs; the watchdog waits for 10 s here instead of 10 minutes."""
    with workspace(server) as (folder, url):
        fleet = side(folder, url, 8, 2, PRETEND_HANG=str(folder / "hung"), PRETEND_QUIET_S="10")
        ended, seconds = run_fleet(fleet, 120)
        note = "" if (folder / "hung").exists() else "nothing hung"
        return make_row("a worker hangs", fleet, 8, url, folder, 0, seconds, ended, note)


def first_starts(side: Side, server: Server, rounds: int = 20, hosts: int = 8, trials: int = 10) -> Row:
    """Several workers start at the same moment on an empty database."""
    rows = [_first_start(side, server, hosts, trials) for _ in range(rounds)]
    total = Outcome(**{name: sum(getattr(row.outcome, name) for row in rows) for name in vars(rows[0].outcome)})
    exact = sum(row.outcome.finished == trials for row in rows)
    most = max(row.outcome.finished for row in rows)
    note = f"{exact} of {rounds} rounds end at exactly {trials}, the worst at {most}"
    name = f"{hosts} first starts at once, {rounds} times"
    died, seconds = sum(row.died for row in rows), sum(row.seconds for row in rows)
    return Row(name, side.__name__, rounds * trials, total, died, seconds, note)


def _first_start(side: Side, server: Server, hosts: int, trials: int) -> Row:
    with workspace(server) as (folder, url):
        fleet = side(folder, url, trials, 1, hosts)
        seen = SeenWorkers(fleet)
        ended, seconds = run_fleet(fleet, 180, seen.on_poll)
        died = max(0, len(seen.pids) - hosts) + sum(map(bool, fleet.statuses()))
        return make_row("", fleet, trials, url, folder, died, seconds, ended)


def paused(side: Side, server: Server, pause_s: float = 75.0) -> Row:
    """A worker process is stopped for longer than its lease lasts, and then continued."""
    with workspace(server) as (folder, url):
        fleet = side(folder, url, 8, 2, epoch_s=0.5)
        seen, stopped = SeenWorkers(fleet), list[tuple[psutil.Process, float]]()

        def on_poll(elapsed_s: float) -> None:
            workers = seen.update()
            begun = (folder / "epochs.log").exists()
            if begun and not stopped and workers:
                workers[0].send_signal(signal.SIGSTOP)
                stopped.append((workers[0], elapsed_s))
            elif len(stopped) == 1 and elapsed_s > stopped[0][1] + pause_s:
                stopped.append((stopped[0][0], elapsed_s))
                stopped[0][0].send_signal(signal.SIGCONT)

        ended, seconds = run_fleet(fleet, 300, on_poll)
        return make_row(
            f"a worker stopped for {pause_s:.0f} s", fleet, 8, url, folder, len(seen.pids) - 2, seconds, ended
        )


def terminated(side: Side, server: Server, trials: int = 24, hosts: int = 2) -> Row:
    """The whole fleet gets SIGTERM in the middle of the search, and is started again."""
    with workspace(server) as (folder, url):
        fleet = side(folder, url, trials, 2, hosts, epoch_s=0.6)
        sent_at: list[float] = []  # seconds until SIGTERM

        def on_poll(elapsed_s: float) -> None:
            begun = (folder / "epochs.log").exists()
            if begun and not sent_at and len((folder / "epochs.log").read_text().splitlines()) >= 3 * trials // 4:
                sent_at.append(elapsed_s)
                fleet.terminate()

        _, stopped_s = run_fleet(fleet, 120, on_poll)
        ended, seconds = run_fleet(fleet, 300)
        note = f"all stopped {stopped_s - sent_at[0]:.1f} s after SIGTERM" if sent_at else "not told in time"
        return make_row("the whole fleet stopped and started", fleet, trials, url, folder, 0, seconds, ended, note)


def run_fleet(
    fleet: Fleet, limit_s: float, on_poll: Callable[[float], None] = lambda elapsed_s: None
) -> tuple[bool, float]:
    """Runs a fleet to its end; returns whether it ended within `limit_s`, and the seconds that it took."""
    fleet.start()
    started = time.monotonic()
    ended = wait_for_end(fleet, limit_s, on_poll)
    return ended, time.monotonic() - started


def make_row(
    treatment: str,
    fleet: Fleet,
    budget: int,
    url: str,
    folder: Path,
    died: int,
    seconds: float,
    ended: bool,
    note: str = "",
) -> Row:
    """The row of a treatment, with a note where the fleet had to be killed."""
    full_note = note if ended else f"ended by force; {note}".rstrip("; ")
    return Row(treatment, type(fleet).__name__, budget, count_outcome(url, folder), max(0, died), seconds, full_note)
