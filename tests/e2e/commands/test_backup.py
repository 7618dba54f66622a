"""A search that is kept in a file, deleted and restored goes on as if nothing had happened."""

import json
import os
import pty
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from tests.e2e.command import COMMAND, call, refuse
from tests.e2e.conftest import Search
from tests.e2e.launch import FAKE, finish
from tests.full_study import contents

RUN = ["run", "search.toml", "--workers", "1", "--device", "cpu", *FAKE]


def listed(folder: Path) -> list[dict[str, Any]]:
    studies: list[dict[str, Any]] = json.loads(finish("study", "list", "--json", cwd=folder))["studies"]
    return studies


def test_a_restored_search_goes_on(place: Path) -> None:
    finish(*RUN, cwd=place)
    (before,) = listed(place)
    artifacts = place / "unet-search" / "artifacts"
    files = contents(artifacts)
    assert (before["study"], before["trials"]["complete"]) == ("fake", 2)
    assert before["artifact_bytes"] > 0 and before["rows"] > 20
    assert "fake: 2 trials, 4 files are in kept.zip" in finish("db", "backup", "kept.zip", cwd=place)

    assert "study fake is deleted" in finish("study", "delete", "fake", "--yes", cwd=place)
    assert listed(place) == [] and not contents(artifacts)
    assert "no studies" in finish("study", "list", cwd=place)

    assert "fake: 2 trials" in finish("db", "restore", "kept.zip", cwd=place)
    assert listed(place) == [before]
    assert contents(artifacts) == files
    assert "3 of 3 trials" in finish(*RUN, "--trials", "3", cwd=place)
    status = json.loads(finish("status", "--json", cwd=place))
    assert status["trials"]["complete"] + status["trials"]["pruned"] == 3


def test_a_backup_is_restored_where_there_is_no_database(place: Path, search: Search) -> None:
    search.create(1)
    assert search.run(1) == 0
    out = finish(
        "db", "backup", place / "kept.zip", "--dir", search.folder / "run", cwd=place, DATABASE_URL=search.db.url
    )
    assert "fake: 1 trials, 2 files" in out
    finish("db", "restore", "kept.zip", "--dir", "new", cwd=place)
    finish("export", "-o", "best.toml", "--dir", "new", cwd=place)
    assert "fake" in finish("study", "list", "--dir", "new", cwd=place)
    assert "as they were" in finish("db", "upgrade", "--dir", "new", cwd=place)


def test_what_is_no_backup_makes_no_database(place: Path) -> None:
    refuse("db restore good.npz", "must be a whole file of `unet-search db backup`; got good.npz", place)
    refuse("db restore none.zip", "must be a readable file; got none.zip: No such file", place)
    with zipfile.ZipFile(place / "cut.zip", "w") as archive:
        archive.writestr("format.json", '{"format": 7}')
    refuse("db restore cut.zip", "must be of format 1, .* got format 7 in cut.zip", place)
    refuse(["db upgrade", "study list", "db backup kept.zip"], "the run's folder must hold a study; got none", place)


def test_what_a_server_refuses(place: Path, search: Search) -> None:
    environ = {"DATABASE_URL": search.db.url}
    refuse("db backup kept.zip", "a study must exist to be kept; got none; in the database: none", place, **environ)
    search.create(1)
    assert call("db backup kept.zip", place, **environ).status == 0
    refuse("db backup none/kept.zip", "must be readable and writable; got none/.*: No such file", place, **environ)
    refuse("db backup model", "must be a file; got the folder model", place, **environ)
    refuse("db backup more.zip", "writable; got .*: File too large", place, file_bytes=1000, **environ)
    refuse("db backup more.zip --study mars", "got mars; in the database: fake", place, **environ)
    refuse("db restore kept.zip", "must be new in the database; got fake, which is there", place, **environ)
    refuse("study delete mars --yes", "a study must exist; got mars; in the database: fake", place, **environ)
    refuse("study delete fake", "got fake where nobody can be asked; say so with --yes", place, **environ)
    assert "fake" in call("study list", place, **environ).out


def test_a_person_is_asked_before_a_study_goes(place: Path, search: Search) -> None:
    search.create(1)
    assert answer("n\n", place, search.db.url) == 130
    assert "fake" in call("study list", place, DATABASE_URL=search.db.url).out
    assert answer("y\n", place, search.db.url) == 0
    assert "no studies" in call("study list", place, DATABASE_URL=search.db.url).out


def answer(text: str, folder: Path, url: str) -> int:
    """The exit status of `study delete fake` on a terminal where that is typed."""
    master, slave = pty.openpty()
    environ = {**os.environ, "DATABASE_URL": url}
    process = subprocess.Popen([COMMAND, "study", "delete", "fake"], cwd=folder, env=environ, stdin=slave)
    os.write(master, text.encode())
    status = process.wait(60)
    os.close(master)
    os.close(slave)
    return status
