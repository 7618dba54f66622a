"""Errors of the storage."""


class StorageError(RuntimeError):
    """A database, server, folder or bucket cannot be used. One line: the rule, then the value, then what to do."""


class LeaseLost(RuntimeError):
    """The slot belongs to another worker by now: its previous holder may no longer write to the trial."""
