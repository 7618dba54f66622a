"""`unet-search stop` and `resume`."""

from storage.studies.study import STOP_NOW, stop_reason
from tests.e2e.command import run_command, run_forked
from tests.e2e.conftest import Search


def test_a_study_is_stopped_and_resumed(search: Search) -> None:
    opened, environ = search.create_study(1), {"DATABASE_URL": search.db.url}
    out = run_command("stop", search.folder, **environ).output()
    assert out == "study fake starts no more trials; `unet-search resume` lets it go on\n"
    assert stop_reason(search.db, opened.study_id) == "asked for by `unet-search stop`"
    run_forked("stop --now --study fake", search.folder, **environ).output()
    assert stop_reason(search.db, opened.study_id) == STOP_NOW
    out = run_command("resume", search.folder, **environ).output()
    assert out == "study fake may go on; start its workers with `unet-search run` or `worker`\n"
    assert stop_reason(search.db, opened.study_id) is None
