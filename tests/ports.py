"""Ports for servers that cannot choose one themselves."""

import socket


def free_port(address: str = "127.0.0.1") -> int:
    """A port of TCP at which nothing listens now."""
    with socket.socket() as unused:
        unused.bind((address, 0))
        return int(unused.getsockname()[1])
