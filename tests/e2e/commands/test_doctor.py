"""`unet-search doctor`: what it finds, that it leaves nothing behind, and that no problem hides another."""

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.embedded.control import is_running
from storage.studies.attributes import StudyAttributes
from tests.e2e.command import Run, run_command, run_forked
from tests.e2e.conftest import Search
from tests.e2e.refusal import take_snapshot
from trainer.data.sample import write_sample

SUBJECTS = ["python", "gpus", "backend", "workers", "run folder", "artifacts", "database", "data"]
OF_A_SERVER = ["database", "connections", "clock", "tables"]


@dataclass(frozen=True)
class Findings:
    """What the doctor found."""

    status: int  # exit status of the command
    names: list[str]  # of the checks
    problems: list[str]  # the names of those with a problem
    texts: dict[str, str]  # by name


def examine(line: str, folder: Path, run: Run = run_forked, **environ: str) -> Findings:
    """Runs `unet-search doctor --json LINE`; asserts that it changes nothing in the folder."""
    before = take_snapshot(folder)
    done = run(f"doctor --json {line}", folder, **environ)
    assert take_snapshot(folder) == before
    assert not done.err, done.err
    report = json.loads(done.out)
    checks = report["checks"]
    assert report["ok"] is (done.status == 0)
    assert all(len(check["text"].splitlines()) == 1 for check in checks)
    problems = [check["name"] for check in checks if check["state"] == "problem"]
    texts = {check["name"]: check["text"] for check in checks}
    return Findings(done.status, [check["name"] for check in checks], problems, texts)


@pytest.fixture
def broken_backend(tmp_path: Path) -> dict[str, str]:
    """An environment in which TensorFlow crashes the process that imports it, which is quick."""
    package = tmp_path / "broken" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import os\nos.abort()\n")
    return {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}


def test_a_machine_without_a_study(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample.npz", images=16, test_images=2)
    found = examine("--data sample.npz --workers 3", tmp_path, run_command)
    assert (found.status, found.problems, found.names) == (0, [], SUBJECTS)
    assert "tensorflow" in found.texts["backend"] and "sees the CPU" in found.texts["backend"]
    assert found.texts["workers"].startswith("3: cpu")
    assert "none yet" in found.texts["database"] and "PostgreSQL" in found.texts["database"]
    assert found.texts["data"].startswith("16 images of 64x128, 5 classes")


def test_lines_for_people(tmp_path: Path, broken_backend: dict[str, str]) -> None:
    done = run_command("doctor", tmp_path, **broken_backend)
    lines = done.out.splitlines()
    assert [line[9:21].strip() for line in lines] == SUBJECTS
    assert [line.split()[0] for line in lines] == ["ok", "ok", "problem", *["ok"] * 5]
    assert done.status == 2


def test_a_backend_that_crashes_is_one_problem(tmp_path: Path, broken_backend: dict[str, str]) -> None:
    found = examine("", tmp_path, run_command, **broken_backend)
    assert (found.status, found.problems, found.names) == (2, ["backend"], SUBJECTS)
    assert "the backend must load; got exit status -6" in found.texts["backend"]


def test_a_gpu_that_is_asked_for_and_missing(tmp_path: Path, broken_backend: dict[str, str]) -> None:
    found = examine("--device gpu", tmp_path, CUDA_VISIBLE_DEVICES="-1", **broken_backend)
    assert found.problems == ["backend", "workers"]
    assert "--device gpu needs a GPU" in found.texts["workers"]


@pytest.mark.slow
def test_a_gpu_that_nvidia_smi_lists_and_the_backend_does_not_see(tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 0, GPU-aaaa, NVIDIA H200\n")
    tool.chmod(0o755)
    environ = {"PATH": f"{tool.parent}:{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": "0"}
    found = examine("", tmp_path, run_command, **environ)
    assert found.problems == ["backend"] and "must see the GPUs that workers are given" in found.texts["backend"]
    assert found.texts["gpus"] == "gpu 0 (NVIDIA H200)" and found.texts["workers"] == "1: gpu 0 (NVIDIA H200)"
    assert examine("--device cpu", tmp_path, run_command, **environ).status == 0


def test_a_study_in_a_database(search: Search, broken_backend: dict[str, str]) -> None:
    search.create_study(2)
    environ = {"DATABASE_URL": search.db.url, **broken_backend}
    found = examine("", search.folder, **environ)
    assert found.names == [*SUBJECTS[:6], *OF_A_SERVER, "data"] and found.problems == ["backend"]
    assert found.texts["tables"].startswith("those of Optuna 5")
    assert found.texts["data"].startswith("8 images of 16x16, 5 classes")
    write_sample(search.folder / "other.npz", images=16, test_images=2)
    found = examine("--data other.npz", search.folder, **environ)
    assert "the data must be those of the study" in found.texts["data"]
    words = "a study must exist; got 'other'; in the database: fake"
    assert words in examine("--study other", search.folder, **environ).texts["data"]
    search.data.unlink()
    found = examine("", search.folder, **environ)
    assert found.problems == ["backend", "data"] and "which is neither" in found.texts["data"]


def test_data_that_workers_would_fetch(search: Search, broken_backend: dict[str, str]) -> None:
    opened = search.create_study(2)
    StudyAttributes(shared=f"{'0' * 32}-{'0' * 16}").write(opened.study)
    search.data.unlink()
    found = examine("", search.folder, DATABASE_URL=search.db.url, **broken_backend)
    assert found.problems == ["backend"] and "workers fetch the study's copy" in found.texts["data"]


def test_a_database_that_does_not_answer_hides_nothing_else(tmp_path: Path, broken_backend: dict[str, str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        url = f"postgresql://someone:s3cret@127.0.0.1:{unused.getsockname()[1]}/studies"
        found = examine("", tmp_path, DATABASE_URL=url, **broken_backend)
    assert (found.problems, found.names) == (["backend", "database"], SUBJECTS)
    assert "someone:***@127.0.0.1" in found.texts["database"] and "s3cret" not in str(found)


@pytest.mark.parametrize("url", ["mysql://a:s3cret@h/d", "nonsense"])
def test_a_url_of_no_database(tmp_path: Path, broken_backend: dict[str, str], url: str) -> None:
    found = examine("", tmp_path, DATABASE_URL=url, **broken_backend)
    assert found.problems == ["backend", "database"] and "DATABASE_URL must" in found.texts["database"]


def test_folders_and_data_that_cannot_be_used(tmp_path: Path, broken_backend: dict[str, str]) -> None:
    (tmp_path / "file").write_text("no folder")
    environ = {"UNET_SEARCH_ARTIFACTS": "s3://a:b@c", **broken_backend}
    found = examine("--dir file/run --data none.npz", tmp_path, **environ)
    assert found.problems == ["backend", "run folder", "artifacts", "database", "data"]


def test_the_embedded_server_of_a_run_is_examined_and_stopped_again(
    input_folder: Path, broken_backend: dict[str, str]
) -> None:
    run_forked("init search.toml", input_folder).output()
    done = run_forked("doctor --json", input_folder, **broken_backend)
    states = {check["name"]: check["state"] for check in json.loads(done.out)["checks"]}
    assert list(states)[-5:] == [*OF_A_SERVER, "data"]
    assert [name for name, state in states.items() if state != "ok"] == ["backend"]
    assert not is_running(input_folder / "unet-search" / "pgdata")
