"""Two hosts: two Compose projects with a common database, at its published port, and a common folder of artifacts."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bucket_server import SECRET, bucket_contents
from tests.docker.stack import ROOT, Stack, running, wait_for
from tests.docker.test_search import LAST_WORKER, STATES, STEPS, UNDER_WAY
from tests.ports import free_port

PNG = b"\x89PNG"
pytestmark = pytest.mark.docker


@pytest.fixture
def other(stack: Stack, tmp_path: Path) -> Iterator[Stack]:
    """The second host. The first one publishes its database when it is started next."""
    stack.settings |= {"DB_BIND": "127.0.0.1", "DB_PORT": str(free_port()), "ARTIFACTS": str(tmp_path / "shared")}
    settings = stack.settings | {
        "DB_BIND": "",
        "DATABASE_URL": f"postgresql://unet@127.0.0.1:{stack.settings['DB_PORT']}/unet",
        "OUT": str(tmp_path / "other-out"),
        "TRIALS": "1",  # ignored: the first host creates the study
    }
    files = (ROOT / "docker-compose.yml", Path(__file__).with_name("other-host.yml"))
    with running(Stack(tmp_path, settings, files=files)) as other:
        yield other


def test_the_second_host_finishes_the_trial_of_the_first(stack: Stack, other: Stack) -> None:
    stack.settings |= {"TRIALS": "3", "EPOCHS": "25"}
    stack.compose("up", "-d", "workers")
    wait_for(lambda: len(stack.sql(UNDER_WAY)) == 1, "a trial of the first host with an epoch")
    other.compose("up", "-d", "workers")
    wait_for(lambda: len(stack.sql(UNDER_WAY)) == 2, "a trial of each host with an epoch")
    number, worker = next(row for row in stack.sql(UNDER_WAY) if not row[1].startswith(f"{socket.gethostname()}:"))
    subprocess.run(["docker", "kill", worker.partition(":")[0]], check=True, capture_output=True)
    wait_for(other.workers_ended, "an end of the search")
    assert stack.sql(STATES) == [[str(n), "COMPLETE"] for n in range(3)]
    assert stack.sql(STEPS) == [[str(n), "25", "1", "25"] for n in range(3)]
    (by,) = stack.sql(LAST_WORKER.format(number))
    assert json.loads(by[0]) != worker
    services = {
        row["Service"] for row in map(json.loads, other.compose("ps", "-a", "--format", "json").stdout.splitlines())
    }
    assert services == {"folders", "init", "workers"}


def test_a_host_without_the_study_says_so(stack: Stack, other: Stack) -> None:
    stack.compose("up", "roles")
    assert other.compose("up", "workers", status=None).returncode
    assert "run `unet-search init`" in other.compose("logs", "init").stdout


def test_a_bucket_takes_the_artifacts(stack: Stack, other: Stack, bucket_url: str, s3_server: str) -> None:
    stack.compose("up", "init")
    other.settings |= {
        "UNET_SEARCH_ARTIFACTS": bucket_url,
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    assert "3 of 3 trials, 3 complete" in other.compose("up", "workers").stdout
    objects = bucket_contents(bucket_url)
    pictures = stack.sql("select count(*) from trial_system_attributes where key like 'artifacts:%'")
    assert [[str(sum(content.startswith(PNG) for content in objects.values()))]] == pictures == [["9"]]
    assert len([key for key in objects if key.startswith("weights/mars/")]) == 3
    assert not any(key.startswith("checkpoints/") for key in objects)
