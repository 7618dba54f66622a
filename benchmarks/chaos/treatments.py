"""What a fleet must survive. Each treatment has a bounded time and gives one row of the table."""

import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.chaos.fleet import Fleet, Ours, Plain, drive
from benchmarks.chaos.outcome import Outcome, count
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
    died: int  # workers that ended otherwise than the treatment had it
    seconds: float
    note: str = ""


class Seen:
    """Every worker process that was there."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.pids = fleet, set[int]()

    def look(self) -> list[psutil.Process]:
        workers = self.fleet.workers()
        self.pids |= {worker.pid for worker in workers}
        return workers


@contextmanager
def place(server: Server) -> Iterator[tuple[Path, str]]:
    """A folder with data and an empty database."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as name, server.database() as url:
        write_sample(Path(name) / "data.npz", images=16, test_images=2)
        yield Path(name), url


def killed(
    side: Side, server: Server, trials: int = 200, workers: int = 4, every_s: float = 1.5, most: int = 60
) -> Row:
    """A random worker is killed every few seconds, `most` times at most."""
    with place(server) as (folder, url):
        fleet = side(folder, url, trials, workers, epoch_s=0.3)
        seen, generator, kills = Seen(fleet), random.Random(0), 0

        def act(gone: float) -> None:
            nonlocal kills
            there = seen.look()
            if there and kills < most and gone > (kills + 1) * every_s:
                generator.choice(there).kill()
                kills += 1

        ended, seconds = timed(fleet, 900, act)
        died = len(seen.pids) - workers - kills
        return row(f"{kills} workers killed", fleet, trials, url, folder, died, seconds, ended)


def restarted(side: Side, server: Server, times: int = 10, trials: int = 100, every_s: float = 5.0) -> Row:
    """The database server is restarted every few seconds."""
    with place(server) as (folder, url):
        fleet = side(folder, url, trials, 4, epoch_s=0.5)
        seen, restarts = Seen(fleet), 0

        def act(gone: float) -> None:
            nonlocal restarts
            seen.look()
            if restarts < times and gone > (restarts + 2) * every_s:
                server.restart(away_s=1.0)
                restarts += 1

        ended, seconds = timed(fleet, 600, act)
        died = len(seen.pids) - 4
        return row(f"server restarted {restarts} times", fleet, trials, url, folder, died, seconds, ended)


def away(side: Side, server: Server, away_s: float = 120.0) -> Row:
    """The database server is away for two minutes."""
    with place(server) as (folder, url):
        fleet = side(folder, url, 40, 4, epoch_s=0.5)
        seen, gone_once = Seen(fleet), list[float]()

        def act(gone: float) -> None:
            seen.look()
            if not gone_once and (folder / "epochs.log").exists() and gone > 10:
                gone_once.append(gone)
                server.restart(away_s)

        ended, seconds = timed(fleet, 400, act)
        died = len(seen.pids) - 4
        return row(f"server away for {away_s:.0f} s", fleet, 40, url, folder, died, seconds, ended)


def hung(side: Side, server: Server) -> Row:
    """A worker's training thread hangs; the watchdog waits for 10 s here instead of 10 minutes."""
    with place(server) as (folder, url):
        fleet = side(folder, url, 8, 2, PRETEND_HANG=str(folder / "hung"), PRETEND_QUIET_S="10")
        ended, seconds = timed(fleet, 120)
        note = "" if (folder / "hung").exists() else "nothing hung"
        return row("a worker hangs", fleet, 8, url, folder, 0, seconds, ended, note)


def first_starts(side: Side, server: Server, rounds: int = 20, hosts: int = 8, trials: int = 10) -> Row:
    """Workers that start at the same moment on an empty database."""
    rows = [_first_start(side, server, hosts, trials) for _ in range(rounds)]
    total = Outcome(**{name: sum(getattr(row.outcome, name) for row in rows) for name in vars(rows[0].outcome)})
    exact = sum(row.outcome.finished == trials for row in rows)
    most = max(row.outcome.finished for row in rows)
    note = f"{exact} of {rounds} rounds end at exactly {trials}, the worst at {most}"
    name = f"{hosts} first starts at once, {rounds} times"
    died, seconds = sum(row.died for row in rows), sum(row.seconds for row in rows)
    return Row(name, side.__name__, rounds * trials, total, died, seconds, note)


def _first_start(side: Side, server: Server, hosts: int, trials: int) -> Row:
    with place(server) as (folder, url):
        fleet = side(folder, url, trials, 1, hosts)
        seen = Seen(fleet)

        def act(gone: float) -> None:
            seen.look()

        ended, seconds = timed(fleet, 180, act)
        died = max(0, len(seen.pids) - hosts) + sum(map(bool, fleet.statuses()))
        return row("", fleet, trials, url, folder, died, seconds, ended)


def paused(side: Side, server: Server, pause_s: float = 75.0) -> Row:
    """A worker is stopped for longer than its lease, and then goes on."""
    with place(server) as (folder, url):
        fleet = side(folder, url, 8, 2, epoch_s=0.5)
        seen, stopped = Seen(fleet), list[tuple[psutil.Process, float]]()

        def act(gone: float) -> None:
            workers = seen.look()
            begun = (folder / "epochs.log").exists()
            if begun and not stopped and workers:
                workers[0].send_signal(signal.SIGSTOP)
                stopped.append((workers[0], gone))
            elif len(stopped) == 1 and gone > stopped[0][1] + pause_s:
                stopped.append((stopped[0][0], gone))
                stopped[0][0].send_signal(signal.SIGCONT)

        ended, seconds = timed(fleet, 300, act)
        return row(f"a worker stopped for {pause_s:.0f} s", fleet, 8, url, folder, len(seen.pids) - 2, seconds, ended)


def terminated(side: Side, server: Server, trials: int = 24, hosts: int = 2) -> Row:
    """SIGTERM to the whole fleet in the middle, then a start."""
    with place(server) as (folder, url):
        fleet = side(folder, url, trials, 2, hosts, epoch_s=0.6)
        told: list[float] = []

        def act(gone: float) -> None:
            begun = (folder / "epochs.log").exists()
            if begun and not told and len((folder / "epochs.log").read_text().splitlines()) >= 3 * trials // 4:
                told.append(gone)
                fleet.terminate()

        _, stopped_s = timed(fleet, 120, act)
        ended, seconds = timed(fleet, 300)
        note = f"all stopped {stopped_s - told[0]:.1f} s after SIGTERM" if told else "not told in time"
        return row("the whole fleet stopped and started", fleet, trials, url, folder, 0, seconds, ended, note)


def timed(fleet: Fleet, limit_s: float, act: Callable[[float], None] = lambda gone: None) -> tuple[bool, float]:
    """Starts a fleet and drives it to its end: whether it ended in time, and the seconds."""
    fleet.start()
    started = time.monotonic()
    ended = drive(fleet, limit_s, act)
    return ended, time.monotonic() - started


def row(
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
    """Counts what is left; one that did not end in time says so."""
    told = note if ended else f"ended by force; {note}".rstrip("; ")
    return Row(treatment, type(fleet).__name__, budget, count(url, folder), max(0, died), seconds, told)
