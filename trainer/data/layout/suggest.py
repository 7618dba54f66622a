"""A regular expression for groups that names seem to have: patients, sequences or scenes."""

import re
from collections.abc import Sequence

_UNITS = (
    "patient", "pat", "case", "subject", "subj", "sub", "person", "donor", "animal", "scene", "sequence", "seq",
    "video", "vid", "clip", "volume", "vol", "scan", "stack", "series", "study", "slide", "plot", "site",
)  # fmt: skip
_PARTS = "slice|frame|tile|patch|crop|view|image|img|part|layer"
_PATTERNS = (
    rf"(?<![a-zA-Z])((?i:{'|'.join(_UNITS)})[-_ ]?\d+)",
    r"^(.*\d.*)/",
    rf"^(.*\d)[-_ .]+(?i:{_PARTS})[-_ ]?\d+$",
    r"^(.*\d[^-_ .]*)[-_ .]+[a-zA-Z]?\d+$",
    r"^(.*[a-zA-Z]\d*)[-_ .]\d+[-_ .]\d+$",
)


def suggest_groups(names: Sequence[str]) -> str | None:
    """A value for `data.groups` where the names look like several images of each of several things, else None.

    It matches every name; there are at least 2 groups, and fewer than half as many as names.
    """
    for pattern in _PATTERNS:
        expression = re.compile(pattern)
        groups = set()
        for name in names:
            found = expression.search(name)
            if found is None:
                break
            groups.add(found.group(1))
        else:
            if 2 <= len(groups) < len(names) / 2:
                return pattern
    return None
