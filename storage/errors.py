"""What can go wrong where things are kept."""


class StorageError(RuntimeError):
    """A database, server, folder or bucket cannot be used. One line: the rule, then the value, then what to do."""


class LeaseLost(RuntimeError):
    """The slot belongs to another worker now; what this one still knows of its trial must not be written."""
