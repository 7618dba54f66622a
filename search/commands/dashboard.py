"""`unet-search dashboard`: optuna-dashboard on this study."""

from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import click
from optuna_dashboard import wsgi

from search.commands.options import load_settings, run_dir
from storage.artifacts import artifacts_folder, open_artifacts
from storage.database import open_database
from storage.files import without_empty_folders
from trainer.errors import InputError


@click.command()
@run_dir
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free one.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The dashboard has no password: mind who can reach it."
)
def dashboard(folder: Path | None, port: int, host: str) -> None:
    """Browse the studies with optuna-dashboard: curves, parameters, pictures of every trial."""
    settings = load_settings(folder)
    with without_empty_folders(artifacts_folder(settings)), open_database(settings) as db:
        app = wsgi(db.storage, artifact_store=open_artifacts(settings).store)  # the cached storage, not a URL
        try:
            server = make_server(host, port, app, server_class=Threaded, handler_class=Quiet)
        except OSError as error:
            raise InputError(
                f"the dashboard needs a free port; got {host}:{port}: {error.strerror}; give --port"
            ) from None
        with server:
            click.echo(f"dashboard at http://{host}:{server.server_port}/ (Ctrl-C ends it)")
            server.serve_forever()


class Threaded(ThreadingMixIn, WSGIServer):
    """A thread a request: neither a browser's idle connection nor a signal in the middle of one is in the way."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Without a line a request: the page asks every few seconds."""

    def log_message(self, format: str, *args: object) -> None:
        pass
