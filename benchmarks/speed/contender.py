"""One contender in its process; see `turns.py`."""

import importlib
import json
import os
import sys
from pathlib import Path

from benchmarks.speed.turns import Job, Turns

CONTENDERS = {  # module and function of each
    "matrix": "limit:matrix_product",
    "bare": "ours:bare_step",
    "train": "ours:whole_training",
    "report": "report_way:fit_generator",
    "torch": "torch_loop:train_torch",
    "batches": "feeds:our_batches",
    "nnunet": "nnunet:nnunet_images",
    "profile": "profile:profile_step",
}


def main() -> None:
    """Runs the contender of the command line."""
    table = json.loads(sys.argv[1])
    job = Job(**{**table, "folder": Path(table["folder"])})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    module, function = CONTENDERS[job.contender].split(":")
    getattr(importlib.import_module(f"benchmarks.speed.{module}"), function)(job, Turns(sys.stdin, answers))


if __name__ == "__main__":
    main()
