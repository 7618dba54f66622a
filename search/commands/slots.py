"""The device slots of `run` and `worker`: those of this host, or of a Ray cluster."""

from dataclasses import dataclass
from typing import Literal

import click

from search.commands.options import combine_options
from search.fleet.look import look_at_cluster, plan_cluster
from search.supervisor.devices import MOST_SLOTS, DeviceChoice, DeviceSlot, list_device_slots
from search.worker.contract import Cluster
from storage.settings import Settings
from trainer.errors import InputError

PerGpu = int | Literal["auto"]
AUTO: Literal["auto"] = "auto"
THIS_HOST = "auto"  # Ray's word for the cluster that this host is a node of


def parse_per_gpu(_ctx: click.Context, _param: click.Parameter, value: str) -> PerGpu:
    """The value of --workers-per-gpu. Raises InputError."""
    if value == AUTO:
        return AUTO
    if not (value.isascii() and value.isdecimal() and 1 <= int(value[:9]) <= MOST_SLOTS):
        raise InputError(f"--workers-per-gpu must be 1 to {MOST_SLOTS:,}, or {AUTO}; got {value!r}")
    return int(value)


cluster_options = combine_options(
    click.option(
        "--on",
        type=click.Choice(["ray"]),
        help="Run the workers on the Ray cluster that this host is a node of.",
    ),
    click.option("--address", metavar="HOST:PORT", help="The head of that cluster.  [default: found by itself]"),
)


@dataclass(frozen=True)
class Slots:
    """Where workers run."""

    slots: tuple[DeviceSlot, ...]
    cluster: Cluster | None = None
    is_measured: bool = False  # whether it is yet to be measured how many share a GPU

    @property
    def has_gpu(self) -> bool:
        """Whether any worker is meant for a GPU."""
        return any(slot.gpu for slot in self.slots)


def check_cluster_options(settings: Settings, on: str | None, address: str | None) -> None:
    """Raises InputError where the workers of a cluster would lack what all of them share."""
    if on is None:
        if address is not None:
            raise InputError(f"--address is that of a cluster, and needs --on ray; got {address} alone")
        return
    for name, value in (("DATABASE_URL", settings.database_url), ("UNET_SEARCH_ARTIFACTS", settings.artifacts)):
        if not value:
            raise InputError(f"--on ray needs a {name} that all nodes reach; got none; set it, or write it into .env")


def find_slots(
    settings: Settings,
    workers: int | None,
    per_gpu: PerGpu,
    device: DeviceChoice,
    deterministic: bool,
    on: str | None,
    address: str | None,
) -> Slots:
    """Where the workers that the command line asks for run. Raises InputError."""
    check_cluster_options(settings, on, address)
    each = 1 if per_gpu == AUTO else per_gpu
    if on is None:
        slots = list_device_slots(workers, device, deterministic, each)
        return Slots(slots, is_measured=per_gpu == AUTO and workers is None)
    if per_gpu == AUTO:
        raise InputError(
            f"--workers-per-gpu must be a number with --on ray; got {AUTO}, which measures this host alone"
        )
    if workers is not None and workers < 1:
        raise InputError(f"--workers must be 1 or more; got {workers}")
    cluster, slot = plan_cluster(look_at_cluster(address or THIS_HOST), device, workers, each)
    return Slots((slot,), cluster)
