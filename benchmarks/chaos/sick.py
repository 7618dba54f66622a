"""Treatments in which one thing is out of order, and must not stop the others."""

import os
import signal
from pathlib import Path

import psutil

from benchmarks.chaos.server import Server
from benchmarks.chaos.treatments import Row, SeenWorkers, Side, make_row, run_fleet, workspace


def stopped_in_claim(side: Side, server: Server, pause_s: float = 75.0) -> Row:
    """A worker process is stopped while it holds the study's lock, which all others need to begin a trial."""
    with workspace(server) as (folder, url):
        flag, log = folder / "stopped", folder / "epochs.log"
        fleet = side(folder, url, 60, 2, hosts=2, epoch_s=0.5, HARM_STOP=str(flag))
        seen, stopped_at, standing = SeenWorkers(fleet), list[float](), _Standing(log)

        def on_poll(elapsed_s: float) -> None:
            seen.update()
            standing.look(elapsed_s)
            pid = flag.read_text() if flag.exists() else ""
            if pid and not stopped_at:
                stopped_at.append(elapsed_s)
            elif stopped_at and elapsed_s > stopped_at[0] + pause_s and (pid := flag.read_text()) != "0":
                psutil.Process(int(pid)).send_signal(signal.SIGCONT)
                flag.write_text("0")

        ended, seconds = run_fleet(fleet, 300, on_poll)
        died, note = len(seen.pids) - 4, f"no epoch began for {standing.longest_s:.0f} s"
        name = f"a worker stopped for {pause_s:.0f} s inside a claim"
        return make_row(name, fleet, 60, url, folder, died, seconds, ended, note if flag.exists() else "none stopped")


def sick_host(side: Side, server: Server) -> Row:
    """Every training fails on one of two hosts."""
    with workspace(server) as (folder, url):
        fleet = side(folder, url, 24, 2, hosts=2, epoch_s=0.5, PRETEND_SICK_HOST="host1")
        seen = SeenWorkers(fleet)
        ended, seconds = run_fleet(fleet, 180, seen.on_poll)
        died = len(seen.pids) - 4
        note = "" if os.geteuid() == 0 else "none was sick: only root may name hosts"
        return make_row("a sick host beside a healthy one", fleet, 24, url, folder, died, seconds, ended, note)


def store_away(side: Side, server: Server, away_s: float = 30.0) -> Row:
    """The folder of the artifact store is gone, and a file is in its place, as of a file system that is unmounted."""
    with workspace(server) as (folder, url):
        store, hidden = folder / "art", folder / "hidden"
        fleet = side(folder, url, 40, 4, epoch_s=0.5, PRETEND_STORE=str(store))
        seen, gone_at, is_back = SeenWorkers(fleet), list[float](), list[bool]()

        def on_poll(elapsed_s: float) -> None:
            seen.update()
            if not gone_at and store.is_dir() and elapsed_s > 10:
                store.rename(hidden)
                store.touch()
                gone_at.append(elapsed_s)
            elif gone_at and not is_back and elapsed_s > gone_at[0] + away_s:
                store.unlink()
                hidden.rename(store)
                is_back.append(True)

        ended, seconds = run_fleet(fleet, 300, on_poll)
        died, note = len(seen.pids) - 4, "" if is_back else "it was never away"
        return make_row(f"artifact store away for {away_s:.0f} s", fleet, 40, url, folder, died, seconds, ended, note)


def orphans(side: Side, server: Server) -> Row:
    """Every third reply to the commit of a new trial is lost; it is made once more, and nobody knows of the first."""
    with workspace(server) as (folder, url):
        fleet = side(folder, url, 60, 4, HARM_LOSE="1")
        seen = SeenWorkers(fleet)
        ended, seconds = run_fleet(fleet, 300, seen.on_poll)
        died = len(seen.pids) - 4
        return make_row("replies to new trials lost", fleet, 60, url, folder, died, seconds, ended)


class _Standing:
    """The longest time between the beginnings of two epochs."""

    def __init__(self, log: Path) -> None:
        self._log, self._size, self._since = log, 0, 0.0
        self.longest_s = 0.0

    def look(self, now_s: float) -> None:
        """To be called often."""
        size = self._log.stat().st_size if self._log.exists() else 0
        if size == self._size:
            return
        if self._size:
            self.longest_s = max(self.longest_s, now_s - self._since)
        self._size, self._since = size, now_s
