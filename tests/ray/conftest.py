"""One cluster for all tests, and a study of each in a database of its own."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import pytest
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import make_url

from search.study.study import OpenStudy, open_study
from storage.database.connection import Database, connect
from storage.errors import StorageError
from storage.studies.status import Running, running_trials
from storage.studies.study import find_study
from tests.e2e.command import make_environment
from tests.e2e.input_folder import make_arrays
from tests.fake_train import Pause
from tests.ray.cluster import LocalCluster

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from search.cli import main; main()"
SECRET = "s3cret-pa55word"
PAUSED_AFTER = 2  # epochs
SEARCH = """
study = {{ name = "fleet", trials = {trials}, startup_trials = 2 }}
[train]
data = {{ path = "data.npz", validation = 0.5, clean = false }}
budget = {{ steps = "none", epochs = {epochs} }}
[space]
"optimizer.learning_rate" = {{ float = [1e-4, 1e-1], log = true }}
"model.width" = {{ choice = [4, 8] }}
{more}
"""


@dataclass
class FleetSearch:
    """A study, and the commands that search it on the cluster."""

    cluster: LocalCluster
    folder: Path
    db: Database
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        ours = {"DATABASE_URL": self.db.url, "UNET_SEARCH_ARTIFACTS": str(self.folder / "artifacts")}
        token = {name: value for name, value in self.cluster.environ.items() if name.startswith("RAY_AUTH_")}
        # The server trusts its socket, and asks for no password.
        return make_environment(None, ours | token | {"PYTHONPATH": str(ROOT)})

    def start(
        self, trials: int, epochs: int = 6, more: str = "", options: str = "", address: str = ""
    ) -> "subprocess.Popen[str]":
        """Starts `unet-search run --on ray`; what it says is in `output`."""
        np.savez(self.folder / "data.npz", **make_arrays())
        (self.folder / "search.toml").write_text(SEARCH.format(trials=trials, epochs=epochs, more=more))
        line = f"run search.toml {options} --on ray --address {address or self.cluster.address}"
        with self.output.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", MAIN, *line.split()],
                cwd=self.folder,
                env=self.environ,
                stdout=output,
                stderr=output,
                text=True,
            )
        self.started.append(process)
        return process

    def go_on(self) -> None:
        """Ends the pause of trials."""
        self.cluster.pause.end()

    @property
    def output(self) -> Path:
        return self.folder / "output"

    @property
    def driver_log(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("unet-search/logs/ray-*.log"))

    def driver(self) -> psutil.Process:
        """The driver's process."""
        children = psutil.Process(self.started[-1].pid).children()
        return next(child for child in children if "search.fleet" in child.cmdline())

    def opened(self) -> OpenStudy:
        return open_study(self.db, "fleet")

    def running(self) -> tuple[Running, ...]:
        """None before the study is made."""
        with suppress(StorageError):
            return running_trials(self.db, find_study(self.db, "fleet")[0])
        return ()

    def running_on(self, node: str, epoch: int = 1) -> Running | None:
        """The trial that a node trains and that has ended so many epochs."""
        found = (trial for trial in self.running() if str(trial.worker).startswith(f"{node}:"))
        return next((trial for trial in found if (trial.epoch or 0) >= epoch), None)

    def busy(self) -> set[str]:
        """The nodes that hold trials and have ended the epoch after which trials pause."""
        held = [trial for trial in self.running() if trial.worker is not None and (trial.epoch or 0) >= PAUSED_AFTER]
        return {str(trial.worker).partition(":")[0] for trial in held}

    def worker_log(self, node: str) -> str:
        return "".join(path.read_text() for path in self.folder.glob(f"unet-search/logs/worker-{node}-*.log"))

    def is_worker(self, process: psutil.Process) -> bool:
        """Whether it is a worker process of this study, by its folder's artifacts."""
        with suppress(psutil.Error):
            return process.environ().get("UNET_SEARCH_ARTIFACTS") == str(self.folder / "artifacts")
        return False

    def finished(self) -> list[FrozenTrial]:
        return self.opened().study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))

    def nodes(self) -> set[str]:
        """The nodes that finished trials."""
        return {str(trial.user_attrs["worker"]).partition(":")[0] for trial in self.finished()}

    def describe(self) -> str:
        """For a test that fails."""
        return f"{self.output.read_text()}\n{self.driver_log}"


@pytest.fixture(scope="session")
def cluster_of_all() -> Iterator[LocalCluster]:
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: `make test-ray` has it")
    folder = Path(tempfile.mkdtemp(prefix="unet-ray-"))  # a short name, for Ray's sockets
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "RAY_ADDRESS"))}
    environ |= {"PYTHONPATH": str(ROOT), "RAY_raylet_start_wait_time_s": "180", "FAKE_EPOCH_S": "0.5"}
    (folder / "pause").mkdir()
    pause = Pause(folder / "pause", epoch=PAUSED_AFTER)
    pause.end()
    environ |= pause.environ
    environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    cluster = LocalCluster(folder, environ, pause)
    try:
        yield cluster
    finally:
        cluster.end()
        shutil.rmtree(folder)


@pytest.fixture
def cluster(cluster_of_all: LocalCluster) -> LocalCluster:
    """Three nodes, with room for one worker each."""
    cluster_of_all.start("one", "two", "three")
    return cluster_of_all


@pytest.fixture
def search(cluster: LocalCluster, database_url: str, tmp_path: Path) -> Iterator[FleetSearch]:
    db = connect(make_url(database_url).set(password=SECRET).render_as_string(hide_password=False))
    found = FleetSearch(cluster, tmp_path, db)
    try:
        yield found
    finally:
        for process in found.started:
            process.terminate()
            process.wait()
        db.close()


@pytest.fixture
def paused(search: FleetSearch) -> Iterator[FleetSearch]:
    """A search whose fake trainings wait after PAUSED_AFTER epochs until `go_on`."""
    with search.cluster.pausing():
        yield search
