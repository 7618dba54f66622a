"""The connection of this process to a Ray cluster. It imports Ray, as nothing does that runs without `--on ray`."""

import os
import socket
import threading
import warnings
from contextlib import suppress

import ray

from search.fleet.nodes import Node, read_nodes
from search.log import log_event, one_line

LOOK_S = 5.0  # between two looks at a cluster that is away
CONNECT_S = 5.0


def connect(address: str) -> str:
    """Joins the cluster as a driver; returns the address of its head, HOST:PORT.

    Raises ConnectionError or another exception of Ray's where it cannot be reached.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of what a later version does
    os.environ.setdefault("RAY_COLOR_PREFIX", "0")
    with warnings.catch_warnings(action="ignore"):
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    return str(ray.get_runtime_context().gcs_address)


def connect_waiting(address: str, stop: threading.Event) -> bool:
    """Joins a cluster that may be away, as while its head is started again; returns False where `stop` was set first.

    Args:
        address: HOST:PORT of its head. Nobody is asked before something listens there: Ray would end this process.
        stop: ends the wait.
    """
    was_away = False
    while not stop.is_set():
        try:
            if is_listening(address):
                connect(address)
                return True
            cause = f"nothing listens at {address}"
        except (
            Exception
        ) as error:  # Ray's are of many kinds: a head that has just begun, or does not know this node yet
            cause = one_line(error)
            with suppress(Exception):
                ray.shutdown()
        if not was_away:
            log_event("waits for Ray", cause=cause)
        was_away = True
        stop.wait(LOOK_S)
    return False


def find_nodes() -> list[Node]:
    """The nodes of the cluster that are alive."""
    return read_nodes(ray.nodes())


def find_draining() -> set[str]:
    """The ids of nodes that are about to be taken away; none where this version of Ray does not tell."""
    from ray._private.state import state  # Ray has no public function for it

    with suppress(AttributeError):
        return set(state.get_draining_nodes())
    return set()


def is_listening(address: str) -> bool:
    """Whether anything listens at HOST:PORT, for which Ray would wait for minutes."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_S):
            return True
    except (OSError, ValueError):  # the second where there is no port
        return False
