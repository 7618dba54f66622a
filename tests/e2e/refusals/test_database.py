"""Databases that do not answer, and studies that are missing, have another question or no trials."""

import socket
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import create_trial

from tests.e2e.command import FAKE_WORKER, run_command, run_forked
from tests.e2e.conftest import Search
from tests.e2e.input_folder import SEARCH, make_arrays
from tests.e2e.refusal import assert_refused
from trainer.config import TrainConfig

URL = "postgresql://someone:s3cret@127.0.0.1:{}/studies"
NEED_STUDY = ("status", "stop", "resume", "export -o best.toml", "report", "enqueue default", "worker", "dashboard")


def test_a_database_that_refuses_connections(input_folder: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen; nobody else can take the port
        url = URL.format(unused.getsockname()[1])
        words = r"the database must answer; got .*refused.* from postgresql\S*://someone:\*\*\*@127\.0\.0\.1"
        lines = [*NEED_STUDY, "init search.toml", f"run search.toml {FAKE_WORKER}"]
        assert_refused(lines, words, input_folder, DATABASE_URL=url)


def test_a_database_that_does_not_answer(input_folder: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = URL.format(silent.getsockname()[1])
        words = r"the database must answer; got .*timeout expired"
        assert_refused("status --json", words, input_folder, DATABASE_URL=url)


@pytest.mark.parametrize("url", ["mysql://a:s3cret@h/d", "nonsense", "postgresql://a:s3cr@et@h:port/d"])
def test_a_url_of_no_database(input_folder: Path, url: str) -> None:
    assert_refused("status", r"DATABASE_URL must (start with|be) postgresql://", input_folder, DATABASE_URL=url)


def test_a_database_without_a_study(input_folder: Path, search: Search) -> None:
    words = r"a study must be named .*; got [Nn]one; in the database: none"
    assert_refused(["status", "stop", "report"], words, input_folder, DATABASE_URL=search.db.url)
    words = r"a study must exist; got other; in the database: none"
    assert_refused("status --study other", words, input_folder, DATABASE_URL=search.db.url)


def test_a_folder_without_a_study(input_folder: Path) -> None:
    words = r"the run's folder must hold a study; got none in unet-search"
    assert_refused(NEED_STUDY, words, input_folder)


def test_a_study_with_another_question(input_folder: Path, search: Search) -> None:
    environ = {"DATABASE_URL": search.db.url}
    run_forked(f"init search.toml --dir {search.folder / 'elsewhere'}", input_folder, **environ).output()
    (input_folder / "space.toml").write_text(SEARCH.replace("16, 32", "16, 64"))
    words = r"one question; got space\.model\.width.* is .*32.* in the study and .*64.* here"
    assert_refused([f"run space.toml {FAKE_WORKER}", "init space.toml"], words, input_folder, **environ)
    np.savez(input_folder / "other.npz", **make_arrays(count=9))
    words = r'one question; got data\.fingerprint is "\w{64}" in the study and "\w{64}" here'
    commands = (f"run search.toml {FAKE_WORKER}", "init search.toml", f"worker {FAKE_WORKER}")
    assert_refused([f"{line} --data other.npz" for line in commands], words, input_folder, **environ)
    # The study refuses the backend before it is imported, so that an empty package will do.
    (input_folder / "backends" / "jax").mkdir(parents=True)
    (input_folder / "backends" / "jax" / "__init__.py").touch()
    words = 'one question; got engine is "tensorflow" in the study and "jax" here'
    jax = {"KERAS_BACKEND": "jax", "PYTHONPATH": "backends"}
    assert_refused(commands, words, input_folder, run=run_command, **jax, **environ)


def test_a_study_without_a_complete_trial_has_no_export(input_folder: Path, search: Search) -> None:
    search.create_study(1)
    words = "needs a complete trial; study fake has none yet"
    assert_refused("export -o best.toml", words, input_folder, DATABASE_URL=search.db.url)


def test_an_export_that_cannot_be_written(input_folder: Path, search: Search) -> None:
    opened, environ = search.create_study(1), {"DATABASE_URL": search.db.url}
    attributes = {"config": TrainConfig().model_dump(mode="json")}
    opened.study.add_trial(create_trial(value=0.5, user_attrs=attributes))
    words = r"a file must be writable; got \S*best\.toml: "
    assert_refused("export -o none/best.toml", f"{words}No such file", input_folder, **environ)
    assert_refused("export -o best.toml", f"{words}File too large", input_folder, file_bytes=256, **environ)
    words = r"must be complete or pruned; got 7 \(no such trial\)"
    assert_refused("export --trial 7 -o best.toml", words, input_folder, **environ)


def test_a_dashboard_that_cannot_be_served(input_folder: Path, search: Search) -> None:
    search.create_study(1)
    line, environ = "dashboard --port 1 --host 192.0.2.1", {"DATABASE_URL": search.db.url}
    assert_refused(line, "needs a password; got --host 192.0.2.1 without one", input_folder, **environ)
    words = "needs a free port; got 192.0.2.1:1"
    assert_refused(line, words, input_folder, DASHBOARD_PASSWORD="right", **environ)
