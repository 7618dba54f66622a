"""`unet-search presets`: the configurations that come along, and the size of their networks."""

import json
from typing import Any

import click

from search.commands.options import as_json
from search.terminal.tables import plain_table

COURSE = (64, 128, 1)  # height, width, channels; the size changes no network's parameters


@click.command()
@click.argument("sources", metavar="[PRESET|FILE]...", nargs=-1)
@as_json
def presets(sources: tuple[str, ...], as_json: bool) -> None:
    """Count the parameters of presets (all of them when none is named) or files, for grey images of 64x128."""
    from rich.console import Console

    counted = count(sources)
    if as_json:
        click.echo(json.dumps(counted))
        return
    table = plain_table("configuration", "parameters", "trainable")
    for row in counted:
        table.add_row(row["name"], f"{row['parameters']:,}", f"{row['trainable']:,}")
    Console(highlight=False).print(table)


def count(sources: tuple[str, ...]) -> list[dict[str, Any]]:
    """What `--json` prints: name, parameters and trainable ones of each configuration."""
    from search.backend import import_trainer, prepare_backend
    from trainer.configfile import load_config, preset_names

    configs = {name: load_config(name) for name in sources or preset_names()}
    prepare_backend("cpu", deterministic=False)
    _, fit, _ = import_trainer()
    from trainer.model.unet import build_model, count_trainable

    counted = []
    for name, config in configs.items():
        model = build_model(config.model, COURSE, config.data.classes, fit.masked_class(config))
        counted.append({"name": name, "parameters": model.count_params(), "trainable": count_trainable(model)})
    return counted
