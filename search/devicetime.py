"""How long a trial has had a device."""

from time import monotonic

import optuna

DEVICE_S = "device_s"  # user attribute, read by storage/trials.py


class DeviceTime:
    """One worker's part of a trial's time, added to that of the workers before it."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial
        self._before_s = float(trial.user_attrs.get(DEVICE_S, 0.0))
        self._started = monotonic()

    def keep(self) -> None:
        """Writes the time up to now; a worker that is killed loses what came since."""
        self._trial.set_user_attr(DEVICE_S, round(self._before_s + monotonic() - self._started, 3))
