"""Names of studies that belong to another one."""

from collections.abc import Iterable

CONFIRM = ".confirm"  # after the name of the study whose best trials are trained again


def sibling_name(name: str) -> str:
    """The name of the study in which the best trials of a study are trained again."""
    return name + CONFIRM


def main_studies(names: Iterable[str]) -> list[str]:
    """The names, sorted, without those of siblings: what may be meant where none is named."""
    known = set(names)
    return sorted(name for name in known if not name.endswith(CONFIRM) or name.removesuffix(CONFIRM) not in known)
