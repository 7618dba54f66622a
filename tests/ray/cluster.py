"""A Ray cluster on loopback addresses of this machine: each node is a `ray start --block`, as on its own machine."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.fake_train import Pause
from tests.ports import free_port

ADDRESSES = {"one": "127.0.0.2", "two": "127.0.0.3", "three": "127.0.0.4", "four": "127.0.0.5"}
HEAD = "one"
STORE_BYTES, MEMORY_BYTES = 80 << 20, 4 << 30  # of each node; there is room for one worker
TRIES = 8  # a node gives itself up where its agents do not start in 15 s, as on a busy machine
WAIT_S = 400.0
STARTED = "Ray runtime started"


@dataclass
class LocalCluster:
    """Its nodes by their names. The one called HEAD is started first."""

    folder: Path  # for Ray's files and the nodes' output
    environ: dict[str, str]  # of the nodes
    pause: Pause  # of the fake trainings on them
    port: int = 0
    nodes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"{ADDRESSES[HEAD]}:{self.port}"

    def start(self, *names: str) -> None:
        """Starts the nodes that are missing, and waits until they have joined."""
        for name in names:
            self._forget_ended()
            for _ in range(TRIES):
                if name in self.nodes or self._start(name):
                    break
            assert name in self.nodes, self.log(name).read_text()

    def lose(self, *names: str) -> None:
        """Kills all processes of nodes at once, those of trainings too, as when their machines lose power."""
        processes = [process for name in names for process in self._processes(name)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for name in names:
            self.nodes.pop(name).wait()

    def dismiss(self, name: str) -> None:
        """Tells a node to go, as Kubernetes does, and waits until it has."""
        self.nodes[name].terminate()
        self.nodes.pop(name).wait(WAIT_S)

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Fake trainings pause inside the context, until they are told to go on."""
        for path in self.pause.folder.iterdir():
            path.unlink()
        try:
            yield
        finally:
            self.pause.end()

    def has_ended(self, name: str) -> bool:
        return self.nodes[name].poll() is not None

    def end(self) -> None:
        """Ends all nodes, and whatever Ray has started."""
        self.lose(*self.nodes)
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(str(self.folder) in part for part in process.cmdline()) and process.pid != os.getpid():
                    process.kill()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _start(self, name: str) -> bool:
        self.port = self.port or free_port(ADDRESSES[HEAD])
        own_port = (f"--port={self.port}", f"--temp-dir={self.folder / 'ray'}", "--no-monitor")
        where = (*own_port, "--head", "--include-dashboard=false") if name == HEAD else (f"--address={self.address}",)
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
        command += [f"--node-ip-address={ADDRESSES[name]}", f"--node-name={name}", "--num-cpus=1", "--num-gpus=0"]
        command += [f"--object-store-memory={STORE_BYTES}", f"--memory={MEMORY_BYTES}", "--include-log-monitor=false"]
        with self.log(name).open("wb") as log:
            process = subprocess.Popen(
                [*command, *where], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environ
            )
        self.nodes[name] = process
        wait_until(lambda: STARTED in self.log(name).read_text() or process.poll() is not None)
        if STARTED in self.log(name).read_text():
            return True
        self.lose(name)
        return False

    def _processes(self, name: str) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            node = psutil.Process(self.nodes[name].pid)
            return [*node.children(recursive=True), node]
        return []

    def _forget_ended(self) -> None:
        for name in [name for name in self.nodes if self.has_ended(name)]:
            self.lose(name)


def wait_until(condition: Callable[[], bool], wait_s: float = WAIT_S) -> None:
    """Returns as soon as the condition is true, which must be within `wait_s`."""
    deadline = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
