"""The command line. Each command is imported from `search/commands/` when it is called."""

import gc
import importlib
import io
import signal
import sys
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS
from typing import NoReturn

import click
from typing_extensions import override

from search.clock import use_utc
from search.supervisor.signals import heeded, leave_closed_terminal, signal_name
from storage.errors import StorageError
from trainer.errors import DivergedError, InputError, printable

BAD_INPUT = 2
INTERRUPTED = 130
UNWRITABLE = (ENOSPC, EDQUOT, EFBIG, EROFS, EACCES, EPERM)  # writing elsewhere may succeed

COMMANDS = {
    "run": "search.commands.run",
    "init": "search.commands.run",
    "worker": "search.commands.run",
    "enqueue": "search.commands.enqueue",
    "status": "search.commands.status",
    "stop": "search.commands.stop",
    "resume": "search.commands.stop",
    "confirm": "search.commands.confirm",
    "export": "search.commands.export",
    "report": "search.commands.report",
    "study": "search.commands.study",
    "db": "search.commands.db",
    "dashboard": "search.commands.dashboard",
    "doctor": "search.commands.doctor",
    "tune": "search.commands.tune",
    "presets": "search.commands.presets",
    "train": "search.commands.train",
    "retrain": "search.commands.train",
    "predict": "search.commands.predict",
    "evaluate": "search.commands.evaluate",
    "export-model": "search.commands.export_model",
    "data": "search.commands.data",
}

SUMMARIES = {  # in the list of commands, which would otherwise import them all; each fits in a line of 80 characters
    "run": "Search on this machine: the main job.",
    "init": "Create the database's tables and the study, once.",
    "worker": "Join the study of DATABASE_URL, a process per device slot.",
    "enqueue": "Have a study try more configurations next.",
    "status": "Trials by state, the best so far, the running ones.",
    "stop": "Let all workers finish their trial and stay away.",
    "resume": "Let a stopped study go on.",
    "confirm": "Train the best trials again with other seeds.",
    "export": "Write a trial's configuration as a file for `retrain`.",
    "report": "Write one page that shows the study.",
    "study": "The studies of the database.",
    "db": "Keep studies in a file, bring them back, upgrade a database.",
    "dashboard": "Browse the studies with optuna-dashboard.",
    "doctor": "Check this machine, the database and the data.",
    "tune": "Measure what trains fastest on this machine.",
    "presets": "Count the parameters of presets or files.",
    "train": "Train one configuration: a preset, or a TOML file.",
    "retrain": "Train an exported configuration in full.",
    "predict": "Write a mask of each image, with the model in DIR.",
    "evaluate": "Score the model in DIR on labelled images.",
    "export-model": "Write the model in DIR for other programs.",
    "data": "Look at a data set, or clean it.",
}


class Commands(click.Group):
    """Imports a command's module when it is called, so that `status` does not wait for the imports of `run`."""

    @override
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        gc.disable()  # to look for garbage among the many objects of imports, which are none, takes a fifth of the time
        try:
            module = importlib.import_module(COMMANDS[cmd_name])
        finally:
            gc.freeze()  # nor later
            gc.enable()
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    @override
    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="unet-search")
def cli() -> None:
    """Finds the best U-Net for a semantic segmentation data set."""


class Ended(SystemExit):
    """A signal ends the command, which stops its server and its workers on the way out."""


def main() -> None:
    """Runs a command. Bad input ends it with one line on standard error and exit status 2."""
    use_utc()
    for number in heeded((signal.SIGTERM, signal.SIGHUP)):
        signal.signal(number, _end)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files and studies may have letters that it cannot encode
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (InputError, StorageError, DivergedError) as error:
        _refuse(str(error))
    except Ended as ended:
        _say(f"ended by {signal_name(int(str(ended.code)))}")
        raise
    except (KeyboardInterrupt, click.Abort) as error:
        if isinstance(error.__cause__, EOFError):  # click takes it for Ctrl-D; a truncated file raised it
            raise error.__cause__ from None
        _say("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads the output any more
        sys.exit(1)
    except UnicodeEncodeError as error:
        _refuse(
            f"names of files must be text in this system's encoding, {error.encoding}; got {error.object!r}; "
            "rename it, or set LC_ALL=C.UTF-8"
        )
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        _refuse(f"files must be writable; got {where}{error.strerror}; free some space or name another place")


def _end(number: int, _frame: object) -> None:
    leave_closed_terminal()
    raise Ended(128 + number)


def _refuse(line: str) -> NoReturn:
    _say(line)
    sys.exit(BAD_INPUT)


def _say(line: str) -> None:
    click.echo(f"unet-search: {printable(' '.join(line.split()))}", err=True)
