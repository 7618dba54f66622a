"""A recording goes on from its table in a folder that has nothing of it."""

from pathlib import Path

from benchmarks.curves.restore import restore
from benchmarks.curves.table import Curve, read_curves, read_studies, write_curves
from search.space.space import digest
from search.study.plan import load_plan
from search.study.study import open_study
from storage.database.connection import open_database
from storage.settings import Settings
from storage.studies.configurations import find_configuration
from tests.e2e.command import run_command
from tests.e2e.input_folder import write_input

WIDTH = "model.width"


def test_the_studies_of_a_table_are_there_again_with_all_that_it_has(tmp_path: Path) -> None:
    write_input(tmp_path)
    table, folder = tmp_path / "curves.csv", tmp_path / "run"
    curves = [
        Curve("plan", 0, None, "complete", 0.25, 1234, 1.5, {WIDTH: 16}, (0.125, 0.25)),
        Curve("plan", 1, None, "pruned", None, 1234, 1.0, {WIDTH: 8}, (0.125,)),
    ]
    write_curves(curves, table)
    plan = load_plan(tmp_path / "search.toml", study={"name": "plan"})
    restore(folder, plan, table=table)
    assert list(read_studies(folder)) == curves == read_curves(table)
    restore(folder, plan, table=table)  # what is there stays
    assert list(read_studies(folder)) == curves
    shown = run_command("status --dir run", tmp_path)
    assert "2 of 2 trials, 1 complete, 1 pruned" in shown.out


def test_a_configuration_that_the_table_rounds_is_known_as_it_was_enqueued(tmp_path: Path) -> None:
    write_input(tmp_path)
    table, folder, rate = tmp_path / "curves.csv", tmp_path / "run", "optimizer.learning_rate"
    plan = load_plan(tmp_path / "search.toml", sets={rate: 0.00123456789}, study={"name": "plan"})
    write_curves([Curve("plan", 0, None, "complete", 0.5, 9, 1.0, {rate: 0.001235}, (0.5,))], table)
    restore(folder, plan, [plan.base], table)
    with open_database(Settings(dir=folder)) as db, db.engine.connect() as connection:
        study_id = open_study(db, "plan").study_id
        assert find_configuration(connection, study_id, digest(plan.base)) == 0
