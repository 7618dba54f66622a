"""`unet-search dashboard`: optuna-dashboard on the database's studies, behind a password."""

from pathlib import Path

import click
from optuna_dashboard import wsgi

from search.commands.options import dir_option, load_settings
from search.dashboard.accounts import Accounts, AccountSettings, check_host
from search.dashboard.addresses import Proxies, ProxySettings
from search.dashboard.artifacts import take_over_artifacts
from search.dashboard.details.answer import Details
from search.dashboard.details.importances import Importances
from search.dashboard.failures import answer_failures
from search.dashboard.front import Front
from search.dashboard.reports import cache_reports
from search.dashboard.server import listen, serve
from search.dashboard.studies import take_over_studies
from storage.artifacts.store import artifacts_folder, open_artifacts
from storage.database.connection import open_database
from storage.folders import remove_unused_folders


@click.command()
@dir_option
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free one.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Beyond this machine only with $DASHBOARD_PASSWORD set."
)
def dashboard(folder: Path | None, port: int, host: str) -> None:
    """Browse the studies with optuna-dashboard: curves, parameters, pictures of every trial.

    DASHBOARD_PASSWORD lets the user DASHBOARD_USER (admin) in, who may change studies; DASHBOARD_VIEWER_PASSWORD lets
    DASHBOARD_VIEWER_USER (viewer) in, who may look. With neither, every user of this machine may look, and nobody else.
    DASHBOARD_TRUSTED_PROXY is the address of a proxy in front, whose X-Forwarded-For, -Proto and -Host are believed.
    """
    settings = load_settings(folder)
    accounts = Accounts(AccountSettings())
    proxies = Proxies(ProxySettings().trusted)
    check_host(host, accounts, proxies)
    with remove_unused_folders(artifacts_folder(settings)), open_database(settings) as db, listen(host, port) as socket:
        artifacts = open_artifacts(settings)
        app = wsgi(db.storage, artifact_store=artifacts.store)  # the cached storage, not a URL
        take_over_studies(app, db, artifacts)
        take_over_artifacts(app, artifacts)
        details = Details(db)
        details.take_over(app)
        Importances(db).take_over(app)
        front = Front(answer_failures(app), accounts, cache_reports(db, artifacts), proxies)
        shown = f"[{host}]" if ":" in host else host
        note = "Ctrl-C ends it" if accounts else "read-only: set DASHBOARD_PASSWORD to change studies; Ctrl-C ends it"
        click.echo(f"dashboard at http://{shown}:{socket.getsockname()[1]}/ ({note})")
        details.warm()
        serve(front, socket, front.may_upload, proxies)
