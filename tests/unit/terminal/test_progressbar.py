"""What a long copy says of itself, and how sizes read."""

import pytest

from search.format import size
from search.terminal import progressbar as meter
from search.terminal.progressbar import Meter


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with Meter() as quiet:
        quiet.tell("rows", 2000, 510_000)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(meter, "QUIET_S", 0.0)
    with Meter() as slow:
        slow.tell("rows", 2000, 510_000)
    assert capsys.readouterr() == ("", "rows: 2,000 of 510,000\n")


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (5 << 20, "5.0 MiB"), (1 << 60, "1048576.0 TiB")],
)
def test_sizes_are_readable(count: int, words: str) -> None:
    assert size(count) == words
