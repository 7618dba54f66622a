"""How a process of this package is started, whatever the current folder holds."""

import os
import sys

from search import HOME


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours, to be given the environment's `module_path`.

    The current folder is not searched: it may hold a trainer.py, a json.py or another name of ours or Python's.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def module_path() -> str:
    """PYTHONPATH with our packages in front of the user's."""
    return os.pathsep.join(part for part in (str(HOME), os.environ.get("PYTHONPATH", "")) if part)
