"""Errors that reach the command line's entry point."""

import signal
import sys

import click
import pytest

from search.cli import COMMANDS, main


@click.command()
def status() -> None:
    raise EOFError("marshal data too short")


def test_a_truncated_file_is_not_taken_for_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["unet-search", "status"])
    monkeypatch.setitem(COMMANDS, "status", __name__)
    with pytest.raises(EOFError, match="too short"):
        main()
