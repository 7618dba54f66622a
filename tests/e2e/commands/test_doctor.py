"""`unet-search doctor`: what it finds, that it leaves nothing behind, and that one broken thing hides no other."""

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.embedded.control import is_running
from tests.e2e.command import call, tree
from tests.e2e.conftest import Search
from tests.e2e.good_input import FAKE
from trainer.data.sample import write_sample

SUBJECTS = ["python", "gpus", "backend", "workers", "run folder", "artifacts", "database", "data"]
OF_A_SERVER = ["database", "connections", "clock", "tables"]


@dataclass(frozen=True)
class Told:
    """What the doctor said."""

    status: int
    names: list[str]
    problems: list[str]  # names
    text: dict[str, str]  # by name


def doctor(line: str, folder: Path, **environ: str) -> Told:
    """Runs `unet-search doctor --json`; nothing may have changed in the folder."""
    before = tree(folder)
    done = call(f"doctor --json {line}", folder, **environ)
    assert tree(folder) == before
    assert not done.err, done.err
    told = json.loads(done.out)
    checks = told["checks"]
    assert told["ok"] is (done.status == 0)
    assert all(len(check["text"].splitlines()) == 1 for check in checks)
    problems = [check["name"] for check in checks if check["state"] == "problem"]
    return Told(done.status, [c["name"] for c in checks], problems, {c["name"]: c["text"] for c in checks})


@pytest.fixture
def no_engine(tmp_path: Path) -> dict[str, str]:
    """An environment whose TensorFlow kills the process that loads it, which is also quick."""
    package = tmp_path / "broken" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import os\nos.abort()\n")
    return {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}


def test_a_machine_without_a_study(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample.npz", images=16, test_images=2)
    told = doctor("--data sample.npz --workers 3", tmp_path)
    assert (told.status, told.problems, told.names) == (0, [], SUBJECTS)
    assert "tensorflow" in told.text["backend"] and "sees the CPU" in told.text["backend"]
    assert told.text["workers"].startswith("3: cpu")
    assert "none yet" in told.text["database"] and "PostgreSQL" in told.text["database"]
    assert told.text["data"].startswith("16 images of 64x128, 5 classes")


def test_lines_for_people(tmp_path: Path, no_engine: dict[str, str]) -> None:
    done = call("doctor", tmp_path, **no_engine)
    lines = done.out.splitlines()
    assert [line[9:21].strip() for line in lines] == SUBJECTS
    assert [line.split()[0] for line in lines] == ["ok", "ok", "problem", *["ok"] * 5]
    assert done.status == 2


def test_an_engine_that_crashes_is_one_problem(tmp_path: Path, no_engine: dict[str, str]) -> None:
    told = doctor("", tmp_path, **no_engine)
    assert (told.status, told.problems, told.names) == (2, ["backend"], SUBJECTS)
    assert "the backend must load; got exit status -6" in told.text["backend"]


def test_a_gpu_that_is_asked_for_and_missing(tmp_path: Path, no_engine: dict[str, str]) -> None:
    told = doctor("--device gpu", tmp_path, CUDA_VISIBLE_DEVICES="-1", **no_engine)
    assert told.problems == ["backend", "workers"]
    assert "--device gpu needs a GPU" in told.text["workers"]


@pytest.mark.slow
def test_a_gpu_that_nvidia_smi_lists_and_the_engine_does_not_see(tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 0, GPU-aaaa, NVIDIA H200\n")
    tool.chmod(0o755)
    environ = {"PATH": f"{tool.parent}:{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": "0"}
    told = doctor("", tmp_path, **environ)
    assert told.problems == ["backend"] and "must see the GPUs that workers are given" in told.text["backend"]
    assert told.text["gpus"] == "gpu 0 (NVIDIA H200)" and told.text["workers"] == "1: gpu 0 (NVIDIA H200)"
    assert doctor("--device cpu", tmp_path, **environ).status == 0


def test_a_study_in_a_database(search: Search, no_engine: dict[str, str]) -> None:
    search.create(2)
    environ = {"DATABASE_URL": search.db.url, **no_engine}
    told = doctor("", search.folder, **environ)
    assert told.names == [*SUBJECTS[:6], *OF_A_SERVER, "data"] and told.problems == ["backend"]
    assert told.text["tables"].startswith("those of Optuna 5")
    assert told.text["data"].startswith("8 images of 16x16, 5 classes")
    write_sample(search.folder / "other.npz", images=16, test_images=2)
    told = doctor("--data other.npz", search.folder, **environ)
    assert "the data must be those of the study" in told.text["data"]
    search.data.unlink()
    told = doctor("", search.folder, **environ)
    assert told.problems == ["backend", "data"] and "which is neither" in told.text["data"]
    assert "got other; in" in doctor("--study other", search.folder, **environ).text["data"].replace("'", "")


def test_a_database_that_does_not_answer_hides_nothing_else(tmp_path: Path, no_engine: dict[str, str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql://someone:s3cret@127.0.0.1:{free.getsockname()[1]}/studies"
        told = doctor("", tmp_path, DATABASE_URL=url, **no_engine)
    assert (told.problems, told.names) == (["backend", "database"], SUBJECTS)
    assert "someone:***@127.0.0.1" in told.text["database"] and "s3cret" not in str(told)


@pytest.mark.parametrize("url", ["mysql://a:s3cret@h/d", "nonsense"])
def test_a_url_that_is_none(tmp_path: Path, no_engine: dict[str, str], url: str) -> None:
    told = doctor("", tmp_path, DATABASE_URL=url, **no_engine)
    assert told.problems == ["backend", "database"] and "DATABASE_URL must" in told.text["database"]


def test_folders_and_data_that_cannot_be_used(tmp_path: Path, no_engine: dict[str, str]) -> None:
    (tmp_path / "file").write_text("no folder")
    environ = {"UNET_SEARCH_ARTIFACTS": "s3://a:b@c", **no_engine}
    told = doctor("--dir file/run --data none.npz", tmp_path, **environ)
    assert told.problems == ["backend", "run folder", "artifacts", "database", "data"]


def test_the_embedded_server_of_a_run_is_looked_at_and_stopped_again(tmp_path: Path, no_engine: dict[str, str]) -> None:
    write_sample(tmp_path / "sample.npz", images=16, test_images=2)
    (tmp_path / "search.toml").write_text(
        "study = { name = 'seen', trials = 1 }\ntrain = { budget = { epochs = 1 } }\n"
    )
    assert call(f"run search.toml --data sample.npz {FAKE}", tmp_path).status == 0
    done = call("doctor --json", tmp_path, **no_engine)
    names = [check["name"] for check in json.loads(done.out)["checks"] if check["state"] == "ok"]
    assert [*OF_A_SERVER, "data"] == names[-5:]
    assert not is_running(tmp_path / "unet-search" / "pgdata")
