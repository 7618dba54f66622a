"""What a command imports: one that does not train must not wait for Keras."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command import make_environment
from tests.e2e.conftest import Search
from tests.synthetic_study import fill

PRINT_IMPORTS = """
import atexit, sys
from search.cli import main
atexit.register(lambda: print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr))
main()
"""
BACKENDS = {"keras", "tensorflow", "jax", "albumentations"}
SLOW = {"optuna", "matplotlib", "numpy", "cv2", "boto3"}  # each takes a tenth of a second or more


def find_imports(folder: Path, *arguments: str, **environ: str) -> set[str]:
    """The packages that a command has imported when it ends successfully."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_IMPORTS, *arguments],
        cwd=folder,
        env=make_environment(None, environ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and done.stdout, done.stderr
    imports = set(done.stderr.splitlines()[-1].split())
    assert {"search", "click"} <= imports
    return imports


def test_status_needs_sql_alone(search: Search) -> None:
    opened = search.create_study(2)
    fill(search.db, opened, 2)
    assert not find_imports(search.folder, "status", DATABASE_URL=search.db.url) & (BACKENDS | SLOW)
    found = find_imports(search.folder, "status", "--json", DATABASE_URL=search.db.url)
    assert not found & (BACKENDS | SLOW | {"rich"}) and "sqlalchemy" in found


@pytest.mark.parametrize("arguments", [["study", "list", "--json"], ["db", "backup", "backup.zip"]])
def test_studies_are_listed_and_backed_up_by_sql_alone(search: Search, arguments: list[str]) -> None:
    search.create_study(2)
    assert not find_imports(search.folder, *arguments, DATABASE_URL=search.db.url) & (BACKENDS | SLOW)


def test_a_report_needs_no_backend_and_without_trials_no_plots(search: Search) -> None:
    opened = search.create_study(2)
    assert not find_imports(search.folder, "report", DATABASE_URL=search.db.url) & (BACKENDS | {"matplotlib"})
    fill(search.db, opened, 2)
    assert not find_imports(search.folder, "report", DATABASE_URL=search.db.url) & BACKENDS


def test_enqueueing_needs_no_backend(search: Search) -> None:
    search.create_study(2)
    arguments = ["enqueue", "default", "--set", "optimizer.learning_rate=0.01"]
    assert not find_imports(search.folder, *arguments, DATABASE_URL=search.db.url) & BACKENDS


def test_the_list_of_commands_needs_none_of_them(tmp_path: Path) -> None:
    assert not find_imports(tmp_path, "--help") & (BACKENDS | SLOW | {"rich", "sqlalchemy", "pydantic"})


@pytest.mark.parametrize("arguments", [["run", "--help"], ["retrain", "--help"]])
def test_help_needs_no_backend(tmp_path: Path, arguments: list[str]) -> None:
    assert not find_imports(tmp_path, *arguments) & BACKENDS


def test_data_are_checked_without_a_backend(search: Search) -> None:
    imports = find_imports(search.folder, "data", "check", str(search.data), "--no-clean", "--json")
    assert not imports & (BACKENDS | {"optuna", "matplotlib"})
