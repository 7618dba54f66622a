"""Names and reasons that others wrote: a terminal shows them as text, and no encoding makes a command fail."""

from pathlib import Path

import numpy as np
import optuna
import pytest

from storage.studies.study import stop_study
from tests.e2e.command import run_command, run_forked
from tests.e2e.conftest import Search
from tests.e2e.input_folder import CONFIG, make_arrays

MARKUP = "[red]no [/bold] ends [here"
CONTROL = "\x1b[2J\r\x9b1A\N{RIGHT-TO-LEFT OVERRIDE}"
SHOWN = "\\x1b[2J\\r\\x9b1A\\u202e"
LATIN_1 = {"PYTHONIOENCODING": "latin-1"}
NO_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # also for the names of files


@pytest.fixture
def environ(search: Search) -> dict[str, str]:
    return {"DATABASE_URL": search.db.url, "COLUMNS": "300"}


@pytest.mark.parametrize(("reason", "shown"), [(MARKUP, MARKUP), (CONTROL, SHOWN)])
def test_a_reason_to_stop(search: Search, environ: dict[str, str], reason: str, shown: str) -> None:
    opened = search.create_study(1)
    stop_study(search.db, opened.study_id, reason)
    out = run_forked("status", search.folder, **environ).output()
    assert f"; stopped: {shown}\n" in out
    done = run_forked("worker --device cpu --workers 1", search.folder, **environ)
    assert done.err.startswith(f"the study is stopped: {shown}; go on with: unet-search resume --study fake")


@pytest.mark.parametrize(("name", "shown"), [(MARKUP, MARKUP), (CONTROL, SHOWN)])
def test_another_programs_study(search: Search, environ: dict[str, str], name: str, shown: str) -> None:
    optuna.create_study(study_name=name, storage=search.db.storage)
    assert run_forked("study list", search.folder, **environ).output().splitlines()[-1].startswith(f"{shown}  ")
    done = run_forked("export -o here.toml", search.folder, **environ)
    assert done.status == 2 and f"got '{shown}', made by something else" in done.err


def test_a_terminal_of_another_encoding(search: Search, environ: dict[str, str]) -> None:
    opened = search.create_study(1)
    trial = opened.study.ask()
    trial.set_user_attr("name", "snow ☃")
    assert "snow \\u2603" in run_command("status", search.folder, **environ, **LATIN_1).output()
    done = run_command("status --study ☃", search.folder, **environ, **LATIN_1)
    assert (done.status, done.err) == (2, "unet-search: a study must exist; got \\u2603; in the database: fake\n")


def test_names_of_files_in_another_encoding(search: Search, environ: dict[str, str]) -> None:
    """Those that the system cannot even name."""
    folder = search.folder / "here"
    folder.mkdir()
    np.savez(folder / "Übung.npz", **make_arrays())
    (folder / "Übung.toml").write_text(CONFIG.replace("good", "Übung"), "utf-8")
    done = run_command("data check Übung.npz", folder, **environ, **NO_UTF8)
    assert "8 images" in done.output()
    done = run_command("train Übung.toml -o out", folder, **environ, **NO_UTF8)
    assert done.status == 2 and len(done.err.splitlines()) == 1 and "bung.npz" in done.err
    assert not Path(folder, "out").exists()
