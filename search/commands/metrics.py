"""The options that say where Prometheus may ask a running search for its figures."""

from collections.abc import Callable

import click


def metrics_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--metrics-port` and `--metrics-host`."""
    for option in (
        click.option(
            "--metrics-host", default="127.0.0.1", show_default=True, help="They have no password: mind who can read."
        ),
        click.option(
            "--metrics-port", type=click.IntRange(0, 65535), help="Serve metrics for Prometheus here; 0: any free port."
        ),
    ):
        command = option(command)
    return command
