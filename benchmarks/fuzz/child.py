"""A process that reads cases, one per line of its standard input, and prints the outcome of each.

It is run as `python -m benchmarks.fuzz.child`. Its memory is limited to ROOM_BYTES more than after its imports.
"""

import json
import os
import resource
import sys
import tempfile
from pathlib import Path

import psutil

from benchmarks.fuzz.case import Case, try_case

ROOM_BYTES = 2 * 2**30


def main() -> None:
    models = sys.argv[1:] == ["model"]
    answers = os.fdopen(os.dup(1), "w")
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)  # C libraries print warnings about damaged files
    model = make_model() if models else None
    if not models:
        import search.study.plan  # noqa: F401 - before its size is measured
    size = psutil.Process().memory_info().vms + ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        kind, seed = json.loads(line)
        print(json.dumps(try_case(Case(kind, seed), model)), file=answers, flush=True)


def make_model() -> bytes:
    """The bytes of a small, intact model.keras."""
    from search.backend import import_trainer, prepare_backend

    prepare_backend("cpu", deterministic=False)
    _, _, result = import_trainer()
    from trainer.config import TrainConfig
    from trainer.configfile import override
    from trainer.model.unet import build_model

    config = override(TrainConfig(), {"model.depth": 1, "model.width": 4, "model.attention": True})
    model = build_model(config.model, (16, 16, 1), classes=5, masked=0)
    with tempfile.TemporaryDirectory() as folder:
        result.save_model(model, Path(folder, "model.keras"))
        return Path(folder, "model.keras").read_bytes()


if __name__ == "__main__":
    main()
