"""The documents: whatever one of them names by a link is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_page_is_linked_from_the_readme() -> None:
    links = set(LINK.findall((ROOT / "README.md").read_text("utf-8")))
    pages = {str(path.relative_to(ROOT)) for path in DOCUMENTS} - {"README.md"}
    assert pages <= links
