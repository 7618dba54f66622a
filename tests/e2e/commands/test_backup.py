"""A study that is backed up, deleted and restored is the same, and its search goes on."""

import json
import os
import pty
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from storage.embedded.server import embedded_server
from tests.e2e.command import COMMAND, FAKE_WORKER, make_environment, run_command, run_forked
from tests.e2e.conftest import Search
from tests.e2e.refusal import assert_refused
from tests.full_study import read_files

RUN = f"run search.toml {FAKE_WORKER}"


def list_studies(folder: Path) -> list[dict[str, Any]]:
    studies: list[dict[str, Any]] = json.loads(run_forked("study list --json", folder).output())["studies"]
    return studies


def test_a_restored_search_goes_on(input_folder: Path) -> None:
    run_command(RUN, input_folder).output()
    with embedded_server(input_folder / "unet-search"):  # which else every command would start and stop
        (before,) = list_studies(input_folder)
        artifacts = input_folder / "unet-search" / "artifacts"
        files = read_files(artifacts)
        assert (before["study"], before["trials"]["complete"]) == ("fake", 2)
        assert before["artifact_bytes"] > 0 and before["rows"] > 20
        assert "fake: 2 trials, 6 files are in backup.zip" in run_command("db backup backup.zip", input_folder).output()

        assert "study fake is deleted" in run_command("study delete fake --yes", input_folder).output()
        assert list_studies(input_folder) == [] and not read_files(artifacts)
        assert "no studies" in run_forked("study list", input_folder).output()

        assert "fake: 2 trials" in run_command("db restore backup.zip", input_folder).output()
        assert list_studies(input_folder) == [before]
        assert read_files(artifacts) == files
        assert "3 of 3 trials" in run_forked(f"{RUN} --trials 3", input_folder).output()
        trials = json.loads(run_forked("status --json", input_folder).output())["trials"]
        assert trials["complete"] + trials["pruned"] == 3


def test_a_backup_is_restored_where_there_is_no_database(input_folder: Path, search: Search) -> None:
    search.create_study(1)
    assert search.run(1) == 0
    line = f"db backup {input_folder / 'backup.zip'} --dir {search.folder / 'run'}"
    assert "fake: 1 trials, 3 files" in run_forked(line, input_folder, DATABASE_URL=search.db.url).output()
    run_forked("db restore backup.zip --dir new", input_folder).output()
    run_forked("export -o best.toml --dir new", input_folder).output()
    assert "fake" in run_forked("study list --dir new", input_folder).output()
    assert "as they were" in run_command("db upgrade --dir new", input_folder).output()


def test_what_is_no_backup_makes_no_database(input_folder: Path) -> None:
    words = "must be a whole file of `unet-search db backup`; got good.npz"
    assert_refused("db restore good.npz", words, input_folder, run=run_command)
    assert_refused("db restore none.zip", "must be a readable file; got none.zip: No such file", input_folder)
    with zipfile.ZipFile(input_folder / "other.zip", "w") as archive:
        archive.writestr("format.json", '{"format": 7}')
    assert_refused("db restore other.zip", "must be of format 1, .* got format 7 in other.zip", input_folder)
    lines = ["db upgrade", "study list", "db backup backup.zip"]
    assert_refused(lines, "the run's folder must hold a study; got none", input_folder)


def test_a_restore_that_is_refused_after_its_database_is_made_leaves_nothing(
    input_folder: Path, search: Search
) -> None:
    search.create_study(1)
    assert search.run(1) == 0
    line = f"db backup backup.zip --dir {search.folder / 'run'}"
    run_forked(line, input_folder, DATABASE_URL=search.db.url).output()
    repeat_row(input_folder / "backup.zip", "trial_params")
    assert_refused("db restore backup.zip --dir new", "whole file of .* unique constraint", input_folder)
    os.mkfifo(input_folder / "pipe")
    assert_refused("db restore pipe --dir new", "must be a readable file; got pipe: a pipe or device", input_folder)
    environ = {"DATABASE_URL": search.db.url}
    assert_refused("db backup pipe", "got pipe: a pipe, a device or the like is there", input_folder, **environ)


def repeat_row(path: Path, table: str) -> None:
    """Has the last row of a backup's table in it twice."""
    with zipfile.ZipFile(path) as archive:
        members = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in members.items():
            if info.filename == f"rows/{table}.jsonl":
                content += content.splitlines(keepends=True)[-1]
            if info.filename == "format.json":
                manifest = json.loads(content)
                manifest["rows"][table] += 1
                content = json.dumps(manifest).encode()
            archive.writestr(info, content)


def test_what_a_server_refuses(input_folder: Path, search: Search) -> None:
    def assert_refused_here(line: str, words: str, file_bytes: int | None = None) -> None:
        assert_refused(line, words, input_folder, file_bytes, DATABASE_URL=search.db.url)

    nothing = "a study must exist to be backed up; got none; in the database: none"
    assert_refused_here("db backup backup.zip", nothing)
    search.create_study(1)
    run_forked("db backup backup.zip", input_folder, DATABASE_URL=search.db.url).output()
    assert_refused_here("db backup none/backup.zip", "must be readable and writable; got none/.*: No such file")
    assert_refused_here("db backup model", "must be a file; got the folder model")
    assert_refused_here("db backup more.zip", "writable; got .*: File too large", file_bytes=1000)
    assert_refused_here("db backup more.zip --study mars", "got mars; in the database: fake")
    assert_refused_here("db restore backup.zip", "must be new in the database; got fake, which is there")
    assert_refused_here("study delete mars --yes", "a study must exist; got mars; in the database: fake")
    assert_refused_here("study delete fake", "got fake where nobody can be asked; say so with --yes")
    assert "fake" in run_forked("study list", input_folder, DATABASE_URL=search.db.url).output()


def test_a_person_is_asked_before_a_study_is_deleted(input_folder: Path, search: Search) -> None:
    search.create_study(1)
    assert delete_study("n\n", input_folder, search.db.url) == 130
    assert "fake" in run_forked("study list", input_folder, DATABASE_URL=search.db.url).output()
    assert delete_study("y\n", input_folder, search.db.url) == 0
    assert "no studies" in run_forked("study list", input_folder, DATABASE_URL=search.db.url).output()


def delete_study(answer: str, folder: Path, url: str) -> int:
    """The exit status of `study delete fake` on a terminal where that answer is typed."""
    master, slave = pty.openpty()
    environ = make_environment(None, {"DATABASE_URL": url})
    process = subprocess.Popen([COMMAND, "study", "delete", "fake"], cwd=folder, env=environ, stdin=slave)
    os.write(master, answer.encode())
    status = process.wait(120)
    os.close(master)
    os.close(slave)
    return status
