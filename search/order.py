"""What the supervisor tells a worker, as its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from search.tools import DEFAULT_TOOLS


@dataclass(frozen=True)
class Order:
    """What the supervisor tells a worker."""

    study: str
    worker: str  # its name
    owner: UUID  # whose leases it holds; another one after each start
    device: str  # for people
    gpu: bool = False  # meant for a GPU: without one it refuses to train
    deterministic: bool = False
    data: str | None = None  # where the data lie on this host; as recorded in the study when missing
    tools: str = DEFAULT_TOOLS


def arguments(order: Order) -> list[str]:
    """The command line that `parse` reads."""
    texts = {"study": order.study, "worker": order.worker, "owner": str(order.owner), "device": order.device}
    texts |= {"tools": order.tools} | ({"data": order.data} if order.data else {})
    flags = [f"--{name}" for name in ("gpu", "deterministic") if getattr(order, name)]
    return [f"--{name}={text}" for name, text in texts.items()] + flags


def parse(argv: Sequence[str] | None) -> Order:
    """The order that a command line holds."""
    parser = argparse.ArgumentParser(
        prog="python -m search.worker", description="One worker of a study, as its supervisor starts it."
    )
    for name in ("study", "worker", "owner", "device"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--data")
    parser.add_argument("--tools", default=DEFAULT_TOOLS)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--deterministic", action="store_true")
    found = vars(parser.parse_args(argv))
    return Order(**found | {"owner": UUID(found["owner"])})
