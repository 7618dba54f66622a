"""The command line. Commands are in `search/commands/`, one file a subject, each imported when it is called."""

import importlib
import signal
import sys
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS

import click

from storage.errors import StorageError
from trainer.errors import DivergedError, InputError

BAD_INPUT = 2
INTERRUPTED = 130
UNWRITABLE = (ENOSPC, EDQUOT, EFBIG, EROFS, EACCES, EPERM)  # a disk may fill at any moment

COMMANDS = {
    "run": "search.commands.run",
    "init": "search.commands.run",
    "worker": "search.commands.run",
    "enqueue": "search.commands.enqueue",
    "status": "search.commands.status",
    "stop": "search.commands.stop",
    "resume": "search.commands.stop",
    "export": "search.commands.export",
    "report": "search.commands.report",
    "study": "search.commands.study",
    "db": "search.commands.db",
    "dashboard": "search.commands.dashboard",
    "doctor": "search.commands.doctor",
    "presets": "search.commands.presets",
    "train": "search.commands.train",
    "retrain": "search.commands.train",
    "predict": "search.commands.predict",
    "evaluate": "search.commands.predict",
    "data": "search.commands.data",
}


class Commands(click.Group):
    """Imports a command's module at its call: `status` must not wait for what only `run` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name]), cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="unet-search")
def cli() -> None:
    """Finds the best U-Net for a semantic segmentation data set."""


def _leave(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def main() -> None:
    """Runs a command; what is wrong with the input is one line and exit status 2."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # a command that is ended leaves no server or worker behind
        signal.signal(number, _leave)
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (InputError, StorageError, DivergedError) as error:
        click.echo(f"unet-search: {' '.join(str(error).split())}", err=True)
        sys.exit(BAD_INPUT)
    except (KeyboardInterrupt, click.Abort) as error:
        if isinstance(error.__cause__, EOFError):  # click takes it for a person's Ctrl-D; it is a file cut short
            raise error.__cause__ from None
        click.echo("unet-search: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone: nothing is left to say
        sys.exit(1)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        click.echo(
            f"unet-search: files must be writable; got {where}{error.strerror}; free some space or name another place",
            err=True,
        )
        sys.exit(BAD_INPUT)
