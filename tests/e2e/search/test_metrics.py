"""What Prometheus reads from a running search, over HTTP."""

import socket
import urllib.request
from pathlib import Path
from subprocess import Popen

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.command import FAKE_WORKER, run_command, start_command
from tests.e2e.conftest import Search, wait_until
from tests.e2e.refusal import assert_refused
from tests.fake_train import Pause
from trainer.data.sample import write_sample

SEARCH = """
study = { name = "watched", trials = 4, pruner = "none" }
[train]
data = { path = "sample.npz" }
budget = { steps = "none", epochs = 4 }
[space]
"optimizer.learning_rate" = { float = [1e-4, 1e-2], log = true }  # no configuration is drawn twice
"""
PATIENCE_S = 120
Samples = dict[tuple[str, ...], float]  # by the name and the values of its labels, in the order of their names


def scrape(url: str) -> Samples:
    """Every sample of one scrape."""
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def read_url(process: "Popen[str]") -> str:
    """The address of the metrics, which the command prints."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("metrics at "):
            return line.split()[2]
    raise AssertionError("the command must print the address of its metrics")


def test_both_hosts_of_a_search_serve_its_metrics(search: Search) -> None:
    """With two trials that are complete, and two that pause after their second epoch."""
    folder, pause = search.folder, Pause(search.folder, epoch=2, first_trial=2)
    write_sample(folder / "sample.npz", images=16, test_images=2)
    (folder / "search.toml").write_text(SEARCH)
    environ = {"DATABASE_URL": search.db.url, **pause.environ}
    run_command("init search.toml", folder, **environ).output()
    lines = (f"run search.toml {FAKE_WORKER} --metrics-port 0", f"worker --dir other {FAKE_WORKER} --metrics-port 0")
    processes = [start_command(line, folder, **environ) for line in lines]
    urls = [read_url(process) for process in processes]
    wait_until(lambda: pause.is_reached(2, 3))
    scrapes = [scrape(url) for url in urls]
    pause.end()
    for process in processes:
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
    for url, samples in zip(urls, scrapes, strict=True):
        assert url.startswith("http://127.0.0.1:")
        assert samples["unet_search_up",] == 1
        assert samples["unet_search_workers", "watched"] == 2
        assert samples["unet_search_budget_trials", "watched"] == 4
        assert samples["unet_search_trials", "complete", "watched"] == 2
        assert samples["unet_search_trials", "running", "watched"] == 2
        assert samples["unet_search_epochs_total", "watched"] == 4 + 4 + 2 + 2
        assert 0 < samples["unet_search_best_miou", "watched"] < 1
        assert samples["unet_search_device_seconds_total", "watched"] > 0.02 * 12


def test_a_port_in_use_is_refused_before_the_search(input_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = rf"--metrics-port must be free; got 127\.0\.0\.1:{port}: Address already in use; give another one"
        lines = [f"run search.toml {FAKE_WORKER} --metrics-port {port}", f"worker {FAKE_WORKER} --metrics-port {port}"]
        assert_refused(lines, words, input_folder)
    words = r"--metrics-port must be free; got 192\.0\.2\.1:0: Cannot assign requested address"
    assert_refused(f"worker {FAKE_WORKER} --metrics-port 0 --metrics-host 192.0.2.1", words, input_folder)
