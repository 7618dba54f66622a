"""What Prometheus reads from a running search, over real HTTP."""

import socket
import time
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.command import refuse
from tests.e2e.conftest import Search
from tests.e2e.good_input import FAKE as FAKE_LINE
from tests.e2e.launch import FAKE, finish, start
from trainer.data.sample import write_sample

SEARCH = """
study = { name = "watched", trials = 4, pruner = "none" }
[train]
data = { path = "sample.npz" }
budget = { epochs = 4 }
[space]
"model.width" = { choice = [8, 16, 32, 64] }
"""
PATIENCE_S = 60
Samples = dict[tuple[str, ...], float]  # the name and the values of its labels, in the order of their names


def scrape(url: str) -> Samples:
    """Every sample of one scrape."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def served(lines: list[str]) -> str:
    """The address that the command named."""
    return next(line for line in lines if line.startswith("metrics at ")).split()[2]


@pytest.mark.parametrize("joined", [False, True])
def test_a_search_is_scraped_while_it_runs(search: Search, joined: bool) -> None:
    write_sample(search.folder / "sample.npz", images=16, test_images=2)
    (search.folder / "search.toml").write_text(SEARCH)
    environ = {"DATABASE_URL": search.db.url, "FAKE_EPOCH_S": "0.5"}
    if joined:
        finish("init", "search.toml", cwd=search.folder, **environ)
    command = ["worker"] if joined else ["run", "search.toml"]
    crew = ["--workers", "2", "--device", "cpu", *FAKE]
    process = start(*command, *crew, "--metrics-port", "0", cwd=search.folder, **environ)
    assert process.stderr is not None
    url = served([process.stderr.readline() for _ in range(2)])
    seen: list[Samples] = []
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            seen.append(scrape(url))
        except OSError:
            assert process.wait(PATIENCE_S) == 0  # the search has ended, and its metrics with it
        time.sleep(0.3)
    assert process.wait(PATIENCE_S) == 0, process.stderr.read()
    process.communicate()
    assert url.startswith("http://127.0.0.1:")
    full = [samples for samples in seen if samples["unet_search_up",]]
    assert max(samples["unet_search_workers", "watched"] for samples in full) == 2
    assert {samples["unet_search_budget_trials", "watched"] for samples in full} == {4}
    epochs = [samples["unet_search_epochs_total", "watched"] for samples in full]
    assert epochs == sorted(epochs) and 8 <= epochs[-1] <= 16
    last = full[-1]
    assert last["unet_search_trials", "complete", "watched"] >= 2
    assert 0 < last["unet_search_best_miou", "watched"] < 1
    assert last["unet_search_device_seconds_total", "watched"] > 3


def test_a_port_in_use_is_refused_before_the_search(place: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = rf"--metrics-port must be free; got 127\.0\.0\.1:{port}: Address already in use; give another one"
        commands = [f"run search.toml {FAKE_LINE} --metrics-port {port}", f"worker {FAKE_LINE} --metrics-port {port}"]
        refuse(commands, words, place)
    words = r"--metrics-port must be free; got 192\.0\.2\.1:0: Cannot assign requested address"
    refuse(f"worker {FAKE_LINE} --metrics-port 0 --metrics-host 192.0.2.1", words, place)
