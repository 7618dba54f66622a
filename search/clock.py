"""One clock for all processes and hosts: UTC. Optuna writes local times without their zone."""

import os
import time


def use_utc() -> None:
    """Makes UTC the local time of this process and of those that it starts."""
    os.environ["TZ"] = "UTC"
    time.tzset()
