"""Imports the trainer as a worker does, and prints the name and the GPUs of its backend as JSON.

It is run as `python -m search.doctor.probe DEVICE`, with DEVICE auto, cpu or gpu: in a process of its own, since a
backend may crash while it is loaded.
"""

import json
import sys

import click

from search.backend import import_trainer, prepare_backend


def main() -> None:
    """Prints one line, such as `{"name": "tensorflow", "gpus": []}`."""
    prepare_backend(sys.argv[1], deterministic=False)
    backend, _, _ = import_trainer()
    click.echo(json.dumps({"name": backend.backend_name(), "gpus": backend.devices("gpu")}))


if __name__ == "__main__":
    main()
