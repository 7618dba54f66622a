"""`unet-search presets`: the configurations that are included, and the sizes of their networks."""

import json
from typing import Any

import click

from search.commands.options import json_option
from search.terminal.plain import cell, plain_console
from search.terminal.tables import plain_table

COURSE_IMAGE = (64, 128, 1)  # height, width, channels; only the channels affect the number of parameters


@click.command()
@click.argument("sources", metavar="[PRESET|FILE]...", nargs=-1)
@json_option
def presets(sources: tuple[str, ...], as_json: bool) -> None:
    """Count the parameters of presets (all of them when none is named) or files, for grey images of 64x128."""
    counted = count_parameters(sources)
    if as_json:
        click.echo(json.dumps(counted))
        return
    table = plain_table("configuration", "parameters", "trainable")
    for row in counted:
        table.add_row(cell(row["name"]), f"{row['parameters']:,}", f"{row['trainable']:,}")
    plain_console().print(table)


def count_parameters(sources: tuple[str, ...]) -> list[dict[str, Any]]:
    """The name, parameters and trainable parameters of each configuration, which `--json` prints."""
    from search.backend import import_trainer, prepare_backend
    from trainer.configfile import load_config, override, preset_names

    course = {"data.classes": 5, "data.ignore": 0}
    configs = {name: override(load_config(name), course) for name in sources or preset_names()}
    prepare_backend("cpu", deterministic=False)
    import_trainer()
    from trainer.model.unet import build_model, count_trainable

    counted = []
    for name, config in configs.items():
        model = build_model(config.model, COURSE_IMAGE, config.data.class_count, config.masked_class)
        counted.append({"name": name, "parameters": model.count_params(), "trainable": count_trainable(model)})
    return counted
