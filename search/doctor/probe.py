"""Imports the trainer as a worker does and prints what its engine sees, as JSON.

A process of its own: `python -m search.doctor.probe DEVICE`, with DEVICE auto, cpu or gpu. So that an engine that
crashes while it loads takes nothing with it.
"""

import json
import sys

import click

from search.training import import_trainer, prepare_engine


def main() -> None:
    prepare_engine(sys.argv[1], deterministic=False)
    engine, _, _ = import_trainer()
    click.echo(json.dumps({"name": engine.engine_name(), "gpus": engine.devices("gpu")}))


if __name__ == "__main__":
    main()
