"""A study that is made once, and cloned for each run with its database and files."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from sqlalchemy import make_url

from search.study.plan import load_plan, settle_data
from search.study.question import question
from search.study.study import create_study
from storage.database.connection import connect
from tests.e2e.input_folder import make_arrays
from tests.life.life import Life
from tests.life.proxy import Plan
from tests.postgres_server import fresh_database
from trainer.data.prepare import prepare_data

Live = Callable[[Plan], None]

LAST = "delete from unet_search_slots where slot ="  # closes the slot of a finished trial
SEARCH = """
study = { name = "fake", trials = 2, pruner = "none" }
[train]
budget = { epochs = 3 }
data = { validation = 0.5, clean = false }
[space]
"optimizer.learning_rate" = { float = [1e-4, 1e-1], log = true }
"model.width" = { choice = [8, 16, 32] }
"""


@pytest.fixture(scope="session")
def live(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Runs one life of a study of two trials."""
    folder = tmp_path_factory.mktemp("life")
    np.savez(folder / "data.npz", **make_arrays())
    (folder / "search.toml").write_text(SEARCH)
    with fresh_database(server_url, template) as url:
        plan = load_plan(folder / "search.toml", data=folder / "data.npz")
        prepared = prepare_data(plan.base.data)
        plan, db = settle_data(plan, prepared.look.config), connect(url)
        create_study(db, plan, question(plan, prepared.dataset.fingerprint, "tensorflow"))
        db.close()

        def live(plan: Plan) -> None:
            with fresh_database(server_url, str(make_url(url).database)) as clone:
                Life(clone, tmp_path_factory.mktemp("life")).run(plan)

        yield live


@pytest.fixture(scope="session")
def points(live: Live) -> int:
    """How many round trips a worker makes until its first trial is done, when nothing is wrong."""
    plan = Plan()
    live(plan)
    return next(number for number, statement in enumerate(plan.seen) if statement.startswith(LAST)) + 2  # its commit
