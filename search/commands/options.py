"""Options that several commands have in common."""

import shlex
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from search.study.location import get_location
from search.terminal.plain import say
from storage.folders import remove_unused_folders
from storage.settings import Settings
from trainer.errors import InputError

Command = Callable[..., None]
SpaceChoice = Literal["auto", "cpu", "gpu"]


def combine_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator for several options, which `--help` lists in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


dir_option = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    help="The run's folder.  [default: $UNET_SEARCH_DIR or ./unet-search]",
)
data_option = click.option(
    "--data", type=click.Path(path_type=Path), help="The data, as they lie on the disk: a folder, or an npz file."
)
images_option = click.option(
    "--images", type=click.Path(path_type=Path), help="The folder of the images, where they lie apart from the masks."
)
masks_option = click.option("--masks", type=click.Path(path_type=Path), help="The folder of their masks.")
local_data_option = click.option(
    "--data", type=click.Path(path_type=Path), help="Where the data lie on this host.  [default: as recorded]"
)
set_option = click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="A value of the configuration.")
deterministic_option = click.option("--deterministic", is_flag=True, help="The same bits on the same machine; slower.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
study_option = click.option("--study", "name", envvar="UNET_SEARCH_STUDY", help="The study.  [default: the only one]")
device_option = click.option(
    "--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", help="What to train on."
)
networks_options = combine_options(  # of the commands that predict
    click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path)),
    click.option(
        "--flips",
        type=click.Choice(["none", "horizontal", "vertical", "both"]),
        default="none",
        show_default=True,
        help="Predict mirrored images too, and average: 2 times the work, with both 4 times.",
    ),
    device_option,
)
metrics_options = combine_options(
    click.option(
        "--metrics-port", type=click.IntRange(0, 65535), help="Serve metrics for Prometheus here; 0: any free port."
    ),
    click.option(
        "--metrics-host", default="127.0.0.1", show_default=True, help="They have no password: mind who can read."
    ),
)


def places_option(what: str, required: bool = False) -> Callable[[Command], Command]:
    """The option --data of a command that takes several places; `what` lies there."""
    place = click.Path(path_type=Path)
    return click.option("--data", "paths", type=place, multiple=True, required=required, help=f"{what}; repeatable.")


def load_settings(folder: Path | None) -> Settings:
    """The settings of the environment, with the run's folder from the command line. Raises InputError."""
    if Path(".env").is_fifo():
        raise InputError(".env must be a plain file; got a pipe, at which every command would wait; remove it")
    try:
        settings = Settings()
    except UnicodeDecodeError as error:
        raise InputError(f".env must be UTF-8 text; got a file that is not: {error}") from None
    return settings.model_copy(update={"dir": (folder or settings.dir).expanduser()})


def find_data(data: Path | None, settings: Settings) -> Path:
    """The data that were named, or else the sample in the run's folder, which is generated where it is missing."""
    if data is not None:
        return data
    from trainer.data.sample import write_sample

    sample = settings.dir / "sample.npz"
    if not sample.exists():
        say(f"no --data: a sample is generated in {sample}", err=True)
        with remove_unused_folders(settings.dir):
            write_sample(sample)
    return sample


def data_changes(data: Path | None, images: Path | None, masks: Path | None) -> dict[str, Any]:
    """What --data, or --images with --masks, change in the configuration. Raises InputError for a half of them."""
    if (images is None) != (masks is None) or (data is not None and images is not None):
        raise InputError("data are named by --data, or by --images and --masks together; got another choice of them")
    if images is not None:
        return {"data.path": None, "data.images": absolute_path(images), "data.masks": absolute_path(masks)}
    return {} if data is None else {"data.path": absolute_path(data), "data.images": None, "data.masks": None}


def find_location(data: Path | None, images: Path | None, masks: Path | None) -> str | None:
    """Where the data lie on this host, as a study records it; None where the command line does not say."""
    from trainer.config import TrainConfig
    from trainer.configfile import override

    changes = data_changes(data, images, masks)
    return get_location(override(TrainConfig(), changes).data) if changes else None


def command_line(settings: Settings, command: str, study: str, *more: str) -> str:
    """A command of ours as it is to be typed in this folder, with the options that lead to the same study."""
    folder = [] if settings.dir == Settings().dir.expanduser() else ["--dir", str(settings.dir)]
    return shlex.join(["unet-search", command, "--study", study, *folder, *more])


def absolute_path(data: Path | None) -> str | None:
    """The path of --data as it is valid in every folder of this host."""
    return None if data is None else str(data.expanduser().resolve())


def parse_sets(sets: Sequence[str]) -> dict[str, Any]:
    """The values of `PATH=VALUE` pairs by path; a value is read as TOML, or else as text, as in `model.norm=group`."""
    from trainer.configfile import check_extent

    changes: dict[str, Any] = {}
    for item in sets:
        path, equals, text = item.partition("=")
        if not equals or not path.strip():
            raise InputError(f"--set must be PATH=VALUE, such as model.depth=3; got {item!r}")
        changes[path.strip()] = _parse_value(text.strip())
    check_extent(changes, "--set")
    return changes


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
