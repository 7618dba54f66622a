"""The one exception that means: what the user gave cannot be used."""


class InputError(ValueError):
    """Bad input. The message is one line: the rule, then the value, then what to do."""


class DivergedError(RuntimeError):
    """The loss or the scores are no longer finite. The message names the epoch and the step."""
