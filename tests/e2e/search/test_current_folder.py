"""The files of the current folder are the user's own: none is taken for a module of ours, of Python or of a library."""

from pathlib import Path

import pytest

from tests.e2e.command import FAKE_WORKER, run_command, run_forked
from tests.e2e.conftest import Search

TRAP = "raise SystemExit('taken for a module')\n"
NAMES = ("trainer", "search", "storage", "json", "uuid", "numpy", "optuna", "keras", "tensorflow", "sitecustomize")


@pytest.fixture
def trapped(input_folder: Path) -> Path:
    """The folder of the input, with a file and a package of each name."""
    for name in NAMES:
        (input_folder / f"{name}.py").write_text(TRAP)
        (input_folder / name).mkdir()
        (input_folder / name / "__init__.py").write_text(TRAP)
    return input_folder


def test_a_search(trapped: Path, search: Search) -> None:
    done = run_command(f"run search.toml {FAKE_WORKER}", trapped, DATABASE_URL=search.db.url)
    assert "2 of 2 trials" in done.output()


def test_the_doctor_loads_the_backend(trapped: Path, tmp_path: Path) -> None:
    """One on PYTHONPATH, which crashes."""
    package = tmp_path / "path" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import os\nos.abort()\n")
    done = run_forked("doctor --device cpu", trapped, PYTHONPATH=str(package.parent))
    assert "the backend must load; got exit status -6" in done.out


@pytest.mark.parametrize("path", ["theirs", ":"])
def test_packages_of_our_names_on_the_users_path(input_folder: Path, path: str) -> None:
    """An empty part of PYTHONPATH is the current folder."""
    (input_folder / "theirs").mkdir()
    for folder in (input_folder, input_folder / "theirs"):
        for name in ("trainer", "storage"):
            (folder / f"{name}.py").write_text(TRAP)
    assert "8 images" in run_command("data check good.npz", input_folder, PYTHONPATH=path).output()
