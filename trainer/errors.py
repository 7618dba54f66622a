"""The errors that a caller handles: unusable input, and a training that diverged."""


class InputError(ValueError):
    """Unusable input. The message is one line: the rule, the value, and what to do."""


class DivergedError(RuntimeError):
    """The loss is no longer finite. The message names the epoch and the step, both from 1."""
