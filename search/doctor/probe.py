"""Imports the trainer as a worker does and prints what its backend sees, as JSON.

A process of its own: `python -m search.doctor.probe DEVICE`, with DEVICE auto, cpu or gpu. So that a backend that
crashes while it loads takes nothing with it.
"""

import json
import sys

import click

from search.backend import import_trainer, prepare_backend


def main() -> None:
    prepare_backend(sys.argv[1], deterministic=False)
    backend, _, _ = import_trainer()
    click.echo(json.dumps({"name": backend.backend_name(), "gpus": backend.devices("gpu")}))


if __name__ == "__main__":
    main()
