"""Errors that reach the command line's entry point."""

import signal
import sys

import click
import pytest

from search.cli import COMMANDS, SUMMARIES, cli, main


@click.command()
def status() -> None:
    raise EOFError("marshal data too short")


def test_a_truncated_file_is_not_taken_for_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["unet-search", "status"])
    monkeypatch.setitem(COMMANDS, "status", __name__)
    with pytest.raises(EOFError, match="too short"):
        main()


def test_help_lists_every_command_in_a_line() -> None:
    assert list(SUMMARIES) == list(COMMANDS)
    with click.Context(cli, info_name="unet-search", terminal_width=80) as context:
        lines = cli.get_help(context).splitlines()
    assert [line.split(maxsplit=1) for line in lines[lines.index("Commands:") + 1 :]] == [
        [name, summary] for name, summary in SUMMARIES.items()
    ]
