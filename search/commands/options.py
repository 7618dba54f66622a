"""Options that several commands share."""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from storage.folders import without_empty_folders
from storage.settings import Settings
from trainer.errors import InputError

run_dir = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    help="The run's folder.  [default: $UNET_SEARCH_DIR or ./unet-search]",
)
data_path = click.option(
    "--data", type=click.Path(path_type=Path), help="The data: an npz file, or a folder of images/ and masks/."
)
sets = click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="A value of the configuration.")
deterministic = click.option("--deterministic", is_flag=True, help="The same bits on the same machine; slower.")
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
study_name = click.option("--study", "name", envvar="UNET_SEARCH_STUDY", help="The study.  [default: the only one]")
device = click.option("--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", help="What to train on.")


def load_settings(folder: Path | None) -> Settings:
    """The environment's settings with the run's folder from the command line."""
    try:
        settings = Settings()
    except UnicodeDecodeError as error:
        raise InputError(f".env must be UTF-8 text; got a file that is not: {error}") from None
    return settings.model_copy(update={"dir": (folder or settings.dir).expanduser()})


def find_data(data: Path | None, settings: Settings) -> Path:
    """The data that were named, or the generated sample, made in the run's folder when it is not there yet."""
    if data is not None:
        return data
    from trainer.data.sample import write_sample

    sample = settings.dir / "sample.npz"
    if not sample.exists():
        click.echo(f"no --data: a sample is generated in {sample}", err=True)
        with without_empty_folders(settings.dir):
            write_sample(sample)
    return sample


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


def parse_sets(sets: Sequence[str]) -> dict[str, Any]:
    """`PATH=VALUE` pairs; a value is TOML, or text where it is not: `model.norm=group`."""
    changes: dict[str, Any] = {}
    for item in sets:
        path, equals, text = item.partition("=")
        if not equals or not path.strip():
            raise InputError(f"--set must be PATH=VALUE, such as model.depth=3; got {item!r}")
        changes[path.strip()] = _value(text.strip())
    return changes


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
