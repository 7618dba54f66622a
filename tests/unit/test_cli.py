"""The command line's last resort."""

import signal
import sys

import click
import pytest

from search.cli import COMMANDS, main


@click.command()
def status() -> None:
    raise EOFError("marshal data too short")


def test_a_file_cut_short_is_no_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["unet-search", "status"])
    monkeypatch.setitem(COMMANDS, "status", __name__)
    with pytest.raises(EOFError, match="too short"):
        main()
