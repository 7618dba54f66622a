"""Databases that do not answer, and studies that are missing, ask something else, or have nothing to give."""

import socket
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.command import call, refuse
from tests.e2e.conftest import Search
from tests.e2e.good_input import FAKE, SEARCH, arrays, on

CLOSED = "postgresql://someone:s3cret@127.0.0.1:{}/studies"
USERS = ("status", "stop", "export -o best.toml", "worker", "dashboard")  # of a study that is there


def test_a_database_that_does_not_answer(place: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take it
        url = CLOSED.format(free.getsockname()[1])
        commands = [*USERS, "init search.toml", f"run search.toml {FAKE}"]
        words = r"the database must answer; got .*refused.* from postgresql\S*://someone:\*\*\*@127\.0\.0\.1"
        refuse(commands, words, place, DATABASE_URL=url)


def test_a_database_that_says_nothing(place: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = CLOSED.format(silent.getsockname()[1])
        refuse("status --json", r"the database must answer; got .*timeout expired", place, DATABASE_URL=url)


@pytest.mark.parametrize("url", ["mysql://a:s3cret@h/d", "nonsense", "postgresql://a:s3cr@et@h:port/d"])
def test_a_url_that_is_none_of_a_database(place: Path, url: str) -> None:
    refuse("status", r"DATABASE_URL must (start with|be) postgresql://", place, DATABASE_URL=url)


def test_a_database_without_a_study(place: Path, search: Search) -> None:
    environ = {"DATABASE_URL": search.db.url}
    refuse(["status", "stop"], r"a study must be named .*; got none; in the database: none", place, **environ)
    refuse("status --study other", r"a study must exist; got other; in the database: none", place, **environ)


def test_a_folder_without_a_study(place: Path) -> None:
    refuse(list(USERS), r"the run's folder must hold a study; got none in unet-search", place)


def test_a_study_whose_question_differs(place: Path, search: Search) -> None:
    environ = {"DATABASE_URL": search.db.url}
    assert call(f"init search.toml --dir {search.folder / 'elsewhere'}", place, **environ).status == 0
    (place / "space.toml").write_text(SEARCH.replace("16, 32", "16, 64"))
    np.savez(place / "other.npz", **arrays(count=9))
    both = (f"run {{}} {FAKE}", "init {}")
    refuse(
        on("space.toml", *both),
        r"one question; got space\.model\.width.* is .*32.* in the study and .*64.* here",
        place,
        **environ,
    )
    words = r'one question; got data\.fingerprint is "\w{64}" in the study and "\w{64}" here'
    refuse([*on("search.toml --data other.npz", *both), f"worker --data other.npz {FAKE}"], words, place, **environ)
    # The engine is only looked for until the study refuses it, so that an empty package will do.
    (place / "engines" / "jax").mkdir(parents=True)
    (place / "engines" / "jax" / "__init__.py").touch()
    refuse(
        [*on("search.toml", *both), f"worker {FAKE}"],
        'one question; got engine is "tensorflow" in the study and "jax" here',
        place,
        KERAS_BACKEND="jax",
        PYTHONPATH="engines",
        **environ,
    )


def test_an_export_that_cannot_be(place: Path, search: Search) -> None:
    environ = {"DATABASE_URL": search.db.url}
    search.create(1)
    refuse("export -o best.toml", "needs a complete trial; study fake has none yet", place, **environ)
    assert search.run(1) == 0
    words = r"a file must be writable; got \S*best\.toml: "
    refuse("export -o none/best.toml", f"{words}No such file", place, **environ)
    refuse("export -o best.toml", f"{words}File too large", place, file_bytes=256, **environ)
    refuse("export --trial 7 -o best.toml", r"must be complete or pruned; got 7 \(no such trial\)", place, **environ)
    taken = "dashboard --port 1 --host 192.0.2.1"
    refuse(taken, "needs a password; got --host 192.0.2.1 without one", place, **environ)
    refuse(taken, "needs a free port; got 192.0.2.1:1", place, DASHBOARD_PASSWORD="right", **environ)
