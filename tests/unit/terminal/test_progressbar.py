"""The progress of a long copy, and numbers of bytes as text."""

import pytest

from search.format import describe_progress, format_bytes
from search.terminal import progressbar
from search.terminal.progressbar import CopyProgress


def test_a_log_gets_one_line_per_interval(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with CopyProgress() as quiet:
        quiet.update("rows", 2000, 510_000)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(progressbar, "LINE_INTERVAL_S", 0.0)
    with CopyProgress() as slow:
        slow.update("rows", 2000, 510_000)
    assert capsys.readouterr() == ("", "rows: 2,000 of 510,000 (0 %)\n")


@pytest.mark.parametrize(
    ("done", "total", "words"), [(0, 3, "0 of 3 (0 %)"), (2, 3, "2 of 3 (66 %)"), (3, 3, "3 of 3 (100 %)"), (7, 0, "7")]
)
def test_a_share_is_told_where_the_total_is_known(done: int, total: int, words: str) -> None:
    assert describe_progress("files", done, total) == f"files: {words}"


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (5 << 20, "5.0 MiB"), (1 << 60, "1048576.0 TiB")],
)
def test_bytes_are_shown_in_a_suitable_unit(count: int, words: str) -> None:
    assert format_bytes(count) == words
