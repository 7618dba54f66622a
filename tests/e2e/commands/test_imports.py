"""What a command imports: one that does not train must not wait for Keras."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Search
from tests.synthetic_study import fill

RUN = """
import atexit, sys
from search.cli import main
atexit.register(lambda: print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr))
main()
"""
BACKENDS = {"keras", "tensorflow", "jax", "albumentations"}
SLOW = {"optuna", "matplotlib", "numpy", "boto3"}


def imported(folder: Path, *arguments: str, **environ: str) -> set[str]:
    """The packages that a command has imported when it ends well."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and done.stdout, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def test_status_lives_on_sql_alone(search: Search) -> None:
    search.create(2)
    assert not imported(search.folder, "status", "--json", DATABASE_URL=search.db.url) & (BACKENDS | SLOW)


@pytest.mark.parametrize("arguments", [["study", "list", "--json"], ["db", "backup", "kept.zip"]])
def test_studies_are_listed_and_kept_by_sql_alone(search: Search, arguments: list[str]) -> None:
    search.create(2)
    assert not imported(search.folder, *arguments, DATABASE_URL=search.db.url) & (BACKENDS | SLOW)


def test_a_report_needs_no_engine(search: Search) -> None:
    opened = search.create(2)
    assert not imported(search.folder, "report", DATABASE_URL=search.db.url) & (BACKENDS | {"matplotlib"})
    fill(search.db, opened, 2)
    assert not imported(search.folder, "report", DATABASE_URL=search.db.url) & BACKENDS


def test_enqueueing_needs_no_engine(search: Search) -> None:
    search.create(2)
    arguments = ["enqueue", "default", "--set", "optimizer.learning_rate=0.01"]
    assert not imported(search.folder, *arguments, DATABASE_URL=search.db.url) & BACKENDS


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["retrain", "--help"]])
def test_help_needs_no_engine(tmp_path: Path, arguments: list[str]) -> None:
    assert not imported(tmp_path, *arguments) & BACKENDS


def test_data_are_checked_without_an_engine(search: Search) -> None:
    found = imported(search.folder, "data", "check", str(search.data), "--no-clean", "--json")
    assert not found & (BACKENDS | {"optuna", "matplotlib"})
