"""The real command as a process, and what must hold when it refuses its input."""

import atexit
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

COMMAND = Path(sys.executable).with_name("unet-search")
TIMEOUT_S = 120
OURS = ("DATABASE_URL", "UNET_SEARCH_", "DASHBOARD_", "KERAS_BACKEND")  # a test's environment names its own, or none

# What a command may say of its work before it finds the fault; anything else beside the one line is a fault itself.
PROGRESS = re.compile(
    r"no --data: |\d+ training and \d+ validation images|training on \d+ images|epoch \d+/|worker \d+: "
)


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    line: str  # as typed
    status: int
    out: str
    err: str


def call(line: str, folder: Path, file_bytes: int | None = None, **environ: str) -> Done:
    """Runs `unet-search LINE` in a folder. No file may grow beyond `file_bytes`, where that is given."""

    def limit() -> None:
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    kept = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    kept |= _bytecode_environment()
    if file_bytes is not None:  # Python 3.11 would leave bytecode cut short, at which every later command stumbles
        kept["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        [COMMAND, *shlex.split(line)],
        cwd=folder,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        preexec_fn=limit,
    )
    return Done(line, done.returncode, done.stdout, done.stderr)


def refuse(
    lines: str | Sequence[str],
    words: str,
    folder: Path,
    file_bytes: int | None = None,
    at_once: int = 1,
    **environ: str,
) -> None:
    """Every command is refused: exit status 2, one line that holds `words`, a regular expression; nothing is left.

    at_once: so many commands run at the same time, where none comes to make a folder. Of two that are refused with
        the same folder in use, neither can say that it made it.
    """
    lines = [lines] if isinstance(lines, str) else lines
    before = tree(folder)
    with ThreadPoolExecutor(at_once) as pool:
        ended = list(pool.map(lambda line: call(line, folder, file_bytes, **environ), lines))
    after = tree(folder)
    for done in ended:
        _check(done, words)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    assert not changed, f"{lines} left {changed}"


def tree(folder: Path) -> dict[str, str]:
    """Every path under the folder with what it is: a folder, a link, or a file's hash."""
    return {str(path.relative_to(folder)): _look(path) for path in folder.rglob("*")}


@cache
def _bytecode_environment() -> dict[str, str]:
    """Where Python is told to keep no bytecode, each command would compile all that it imports: a folder of our own."""
    if not sys.dont_write_bytecode:
        return {}
    folder = tempfile.mkdtemp(prefix="unet-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}


def _check(done: Done, words: str) -> None:
    told = [line for line in done.err.splitlines() if not PROGRESS.match(line)]
    assert done.status == 2, f"{done.line}: status {done.status}: {done.err}"
    assert len(told) == 1 and told[0].startswith("unet-search: "), f"{done.line}: {done.err}"
    assert re.search(words, told[0]), f"{done.line}: {told[0]}"
    assert not done.out, f"{done.line}: {done.out}"


def _look(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_file():
        return sha256(path.read_bytes()).hexdigest()
    return "folder" if path.is_dir() else "other"
