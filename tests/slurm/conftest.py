"""A real Slurm of one node: its three daemons on 127.0.0.1, with configuration and state in a folder of their own."""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ports import free_port

START_S = 60.0
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"  # where Debian's daemons are
MUNGE_FILES = {"key": ".key", "pid": "d.pid", "log": "d.log", "seed": ".seed"}
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.sock
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class Slurm:
    """A cluster."""

    environ: dict[str, str]

    def run(self, *command: str | Path, cwd: Path | None = None, **environ: str) -> str:
        """The output of one of Slurm's commands, which must succeed."""
        done = subprocess.run(command, cwd=cwd, env=self.environ | environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def states(self, job: str) -> set[str]:
        """Of a job's tasks, while Slurm remembers them."""
        return set(self.run("squeue", "--noheader", "--states=all", "--array", "--jobs", job, "--format=%T").split())


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A cluster that takes jobs."""
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(name, path=PATH) is None]
    if missing:
        pytest.skip(f"Slurm is not installed: no {missing[0]} on PATH; Debian has it as slurm-wlm")
    folder = Path(tempfile.mkdtemp(prefix="unet-slurm-"))
    environ = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PATH}
    try:
        folder.chmod(0o711)  # munged asks that everybody may reach its socket
        for name in ("state", "spool"):
            (folder / name).mkdir()
        (folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (folder / "munge.key").chmod(0o400)
        host = socket.gethostname().split(".")[0]
        text = CONFIGURATION.format(host=host, user=getpass.getuser(), folder=folder, ports=(free_port(), free_port()))
        (folder / "slurm.conf").write_text(text)
        own = [f"--{name}-file={folder}/munge{suffix}" for name, suffix in MUNGE_FILES.items()]
        with ExitStack() as daemons:
            for command in (["munged", "--foreground", f"--socket={folder}/munge.sock", *own], ["slurmctld", "-D"]):
                daemons.enter_context(_daemon(command, environ))
            daemons.enter_context(_daemon(["slurmd", "-D"], environ))
            cluster = Slurm(environ)
            _await_node(cluster)
            yield cluster
    finally:
        shutil.rmtree(folder)


@contextmanager
def _daemon(command: Sequence[str], environ: dict[str, str]) -> Iterator[None]:
    """A daemon in the foreground, ended with its context."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environ, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_node(cluster: Slurm) -> None:
    deadline = time.monotonic() + START_S
    while True:
        found = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"], env=cluster.environ, capture_output=True, text=True
        )
        if found.stdout.strip() == "idle":
            return
        assert time.monotonic() < deadline, found.stdout + found.stderr
        time.sleep(0.5)
