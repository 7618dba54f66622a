"""What must hold when a command refuses its input."""

import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from tests.e2e.command import Completed, Run, run_forked

# What a command may print of its work before it finds the fault.
PROGRESS = re.compile(
    r"no --data: |the default space for a |warning: |\d+ training and \d+ validation images|training on \d+ images|"
    r"epoch \d+/|worker \d+: "
)


def assert_refused(
    lines: str | Iterable[str],
    words: str,
    folder: Path,
    file_bytes: int | None = None,
    run: Run = run_forked,
    **environ: str,
) -> None:
    """Asserts that a command, or each of several, ends with status 2 and one line, and leaves no files behind.

    Args:
        lines: the arguments of each command.
        words: a regular expression that the line must match.
        folder: the working folder.
        file_bytes: no file may grow beyond it.
        run: how a command is run.
        environ: variables for the commands.
    """
    for line in [lines] if isinstance(lines, str) else lines:
        before = take_snapshot(folder)
        _check(run(line, folder, file_bytes, **environ), words)
        after = take_snapshot(folder)
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        assert not changed, f"{line} left {changed}"


def take_snapshot(folder: Path) -> dict[str, str]:
    """Every path in the folder, and what it is: a folder, a link and its target, or a file's hash."""
    return {str(path.relative_to(folder)): _describe(path) for path in folder.rglob("*")}


def _check(done: Completed, words: str) -> None:
    said = [line for line in done.err.splitlines() if not PROGRESS.match(line)]
    assert done.status == 2, f"{done.line}: status {done.status}: {done.err}"
    assert len(said) == 1 and said[0].startswith("unet-search: "), f"{done.line}: {done.err}"
    assert re.search(words, said[0]), f"{done.line}: {said[0]}"
    assert not done.out, f"{done.line}: {done.out}"


def _describe(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_file():
        return sha256(path.read_bytes()).hexdigest()
    return "folder" if path.is_dir() else "other"
