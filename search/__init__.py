"""The search: studies, their trials and workers, and the command line."""

import sys
from importlib.util import find_spec
from pathlib import Path

# Before TensorFlow, which has a TLS of its own: loaded first, that one is called by psycopg2, and ends the process.
import psycopg2  # noqa: F401

HOME = Path(__file__).resolve().parent.parent  # where `trainer` and `storage` lie, too


def _find_own_packages() -> None:
    """Has `trainer` and `storage` imported from beside this package, whatever of these names PYTHONPATH leads to."""
    for name in ("trainer", "storage"):
        spec = find_spec(name)
        if spec is None or spec.origin != str(HOME / name / "__init__.py"):
            sys.path.insert(0, str(HOME))


_find_own_packages()
