"""Many first starts at once."""

from pathlib import Path

import pytest

from storage.database.connection import connect
from storage.studies.status import study_status
from storage.studies.study import find_study
from tests.e2e.command import FAKE_WORKER, start_command
from tests.postgres_server import fresh_database
from trainer.data.sample import write_sample

SEARCH = """
study = { name = "raced", trials = 10, startup_trials = 1 }
[train]
data = { path = "sample.npz" }
budget = { steps = "none", epochs = 3 }
[space]
"model.width" = { choice = [8, 16, 32, 64] }
"optimizer.learning_rate" = { float = [1e-3, 1e-1], log = true }
"""


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(10))
def test_four_first_starts_at_once_on_an_empty_database(server_url: str, tmp_path: Path, round_: int) -> None:
    """Each makes the tables and the study, or finds them; none fails, and together they train exactly the budget."""
    write_sample(tmp_path / "sample.npz", images=16, test_images=2)
    (tmp_path / "search.toml").write_text(SEARCH)
    with fresh_database(server_url) as url:
        line = f"run search.toml {FAKE_WORKER}"
        commands = [start_command(f"{line} --dir run{n}", tmp_path, DATABASE_URL=url) for n in range(4)]
        ends = [(*command.communicate(timeout=200), command.returncode) for command in commands]
        for out, err, status in ends:
            assert status == 0, f"{out}\n{err}"
            assert "Traceback" not in err
        db = connect(url)
        counts = study_status(db, find_study(db)[0]).counts
        db.close()
        assert counts.complete + counts.pruned == 10
        assert counts.running == counts.waiting == counts.failed == 0
