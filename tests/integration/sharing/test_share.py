"""A study's data are put into the artifact store once, stay while a study has them, and go with the last one."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from search.confirm.sibling import open_sibling
from search.sharing.export import borrow_by_fingerprint
from search.sharing.locate import borrow_data
from search.sharing.share import offer_data, send_data
from search.study.plan import load_plan
from search.study.study import create_study, open_study
from storage.backup.manifest import ignore_progress
from storage.backup.write import write_backup
from storage.studies.attributes import StudyAttributes
from storage.studies.catalogue import delete_study, list_studies
from storage.studies.copies import copies_held, remove_unused
from tests.full_study import read_files
from tests.integration.sharing.conftest import Hosts
from trainer.data.dataset import open_dataset
from trainer.data.prepare import prepare_data
from trainer.data.progress import no_progress


def keys(hosts: Hosts) -> set[str]:
    """The files of shared copies in the store."""
    return {key for key in read_files(hosts.artifacts.root) if key.startswith("data/")}


def delete(hosts: Hosts, name: str) -> None:
    delete_study(hosts.db, hosts.artifacts, open_study(hosts.db, name).study_id, name)


@pytest.mark.parametrize(
    ("artifacts", "url", "share", "is_shared"),
    [
        (None, "postgresql://x/y", None, False),
        (None, "postgresql://x/y", True, True),
        ("s3://bucket", "postgresql://x/y", None, True),
        ("s3://bucket", "postgresql://x/y", False, False),
        ("s3://bucket", None, None, False),
        ("s3://bucket", None, True, True),
    ],
)
def test_data_are_shared_where_other_hosts_may_need_them(
    hosts: Hosts, aws: None, artifacts: str | None, url: str | None, share: bool | None, is_shared: bool
) -> None:
    changes = {"artifacts": artifacts, "database_url": url}
    offer = offer_data(hosts.plan().base.data, hosts.settings("first").model_copy(update=changes), share)
    assert (offer is not None) == is_shared


def test_nothing_is_sent_again(hosts: Hosts) -> None:
    opened = hosts.make_study()
    before = {path: path.stat().st_mtime_ns for path in hosts.artifacts.root.rglob("*")}
    assert send_data(hosts.db, opened, hosts.offer(), no_progress) is None
    assert {path: path.stat().st_mtime_ns for path in hosts.artifacts.root.rglob("*")} == before


def test_what_the_store_lacks_is_sent_again(hosts: Hosts) -> None:
    opened = hosts.make_study()
    before = read_files(hosts.artifacts.root)
    hosts.artifacts.remove("data")
    line = send_data(hosts.db, opened, hosts.offer(), no_progress)
    assert line is not None and "a copy of the data is in" in line and "KiB sent" in line
    assert read_files(hosts.artifacts.root) == before


def test_a_host_that_fetched_can_send(hosts: Hosts) -> None:
    opened = hosts.make_study()
    before = read_files(hosts.artifacts.root)
    hosts.lose_data()
    brought, _ = hosts.bring()
    hosts.artifacts.remove("data")
    offer = offer_data(brought.plan.base.data, hosts.settings("second"), True)
    assert offer is not None and send_data(hosts.db, opened, offer, no_progress) is not None
    assert read_files(hosts.artifacts.root) == before


def test_whoever_can_open_a_study_knows_of_its_copy(hosts: Hosts) -> None:
    """Its name is there before the copy is."""
    opened = hosts.make_study(share=False)
    asked, offer = opened.question, hosts.offer()
    again = create_study(hosts.db, hosts.plan(), asked, offer.copy.name)
    assert StudyAttributes.read(again.study.user_attrs).shared == offer.copy.name and keys(hosts) == set()


def test_studies_of_the_same_data_have_one_copy(hosts: Hosts) -> None:
    hosts.make_study("first")
    before = keys(hosts)
    hosts.make_study("second")
    assert keys(hosts) == before


def test_a_copy_goes_with_the_last_study_that_has_it(hosts: Hosts) -> None:
    hosts.make_study("first")
    hosts.make_study("second")
    before = keys(hosts)
    delete(hosts, "first")
    assert keys(hosts) == before
    delete(hosts, "second")
    assert keys(hosts) == set()


def test_a_deleted_study_takes_no_other_copy_with_it(hosts: Hosts) -> None:
    hosts.make_study("first")
    first = keys(hosts)
    hosts.write_data(seed=1)
    hosts.make_study("second")
    delete(hosts, "second")
    assert keys(hosts) == first


def test_no_copy_is_removed_while_a_host_looks_whether_it_is_there(hosts: Hosts) -> None:
    name = hosts.offer().copy.name
    hosts.artifacts.write(f"data/{name}.json", b"{}")
    thread = threading.Thread(target=remove_unused, args=(hosts.db, hosts.artifacts, name))
    with copies_held(hosts.db):
        thread.start()
        with hosts.db.engine.connect() as connection:
            while not connection.scalar(text("select count(*) from pg_locks where not granted")):
                connection.rollback()
        assert keys(hosts)
    thread.join()
    assert keys(hosts) == set()


@pytest.mark.parametrize("name", ["../../etc", "data"])
def test_a_copy_of_another_name_is_replaced(hosts: Hosts, name: str) -> None:
    """An attribute that another program wrote, or a backup brought."""
    opened = hosts.make_study(share=False)
    opened.study.set_user_attr("shared", name)
    assert send_data(hosts.db, opened, hosts.offer(), no_progress) is not None
    assert StudyAttributes.read(opened.study.user_attrs).shared == hosts.offer().copy.name


def test_a_study_is_listed_with_the_bytes_of_its_data(hosts: Hosts) -> None:
    hosts.make_study("first")
    hosts.make_study("second", share=False)
    total = sum(len(content) for key, content in read_files(hosts.artifacts.root).items() if key in keys(hosts))
    found = {study.name: (study.artifact_bytes, study.data_bytes) for study in list_studies(hosts.db, hosts.artifacts)}
    assert found == {"first": (0, total), "second": (0, 0)}


def test_a_backup_holds_no_data(hosts: Hosts, tmp_path: Path) -> None:
    hosts.make_study()
    manifest = write_backup(hosts.db, hosts.artifacts, tmp_path / "backup.zip", (), ignore_progress)
    assert manifest.files == 0


def test_a_confirmation_has_the_copy_too(hosts: Hosts) -> None:
    opened = hosts.make_study()
    sibling = open_sibling(hosts.db, opened)
    hosts.lose_data()
    _, dataset = hosts.bring(sibling.study.study_name)
    assert dataset.fingerprint == opened.question["data.fingerprint"]
    delete(hosts, "mars")
    assert keys(hosts)
    delete(hosts, "mars.confirm")
    assert keys(hosts) == set()


def test_other_names_of_files_make_no_second_copy(hosts: Hosts) -> None:
    """A copy that is whole stays, whatever another host's data are called."""
    opened = hosts.make_study()
    before, offer = keys(hosts), hosts.offer()
    renamed = type(offer.copy)(**(vars(offer.copy) | {"names": [f"x{name}" for name in offer.copy.names]}))
    other = type(offer)(renamed, offer.folder, offer.artifacts)
    assert send_data(hosts.db, opened, other, no_progress) is None and keys(hosts) == before
    hosts.artifacts.remove(f"data/{offer.copy.name}.json")  # a copy that is not whole is replaced
    assert send_data(hosts.db, opened, other, no_progress) is not None
    assert all(renamed.name in key for key in keys(hosts))
    hosts.lose_data()
    assert hosts.bring()[1].image_names[0].startswith("x")


def test_run_goes_on_with_a_study_whose_data_its_file_names_and_its_host_lacks(hosts: Hosts) -> None:
    opened = hosts.make_study()
    hosts.lose_data()
    plan = load_plan(hosts.folder / "mars.toml", data=hosts.data)
    borrowed = borrow_data(hosts.settings("second"), plan, hosts.lines.append, no_progress)
    prepared = prepare_data(borrowed.base.data, hosts.cache)
    assert prepared.dataset.fingerprint == opened.question["data.fingerprint"]
    again = create_study(hosts.db, borrowed, opened.question)
    assert again.plan.base.data.path == str(hosts.data)  # the recorded place stays


def test_run_uses_its_own_data_where_they_are(hosts: Hosts) -> None:
    hosts.make_study()
    plan = load_plan(hosts.folder / "mars.toml", data=hosts.data)
    assert borrow_data(hosts.settings("second"), plan, hosts.lines.append, no_progress) is plan


def test_an_export_finds_its_data_by_their_fingerprint(hosts: Hosts) -> None:
    opened = hosts.make_study()
    config, fingerprint = opened.plan.base.data, opened.question["data.fingerprint"]
    arguments = hosts.settings("second"), hosts.lines.append, no_progress
    assert borrow_by_fingerprint(config, fingerprint, *arguments) is config
    hosts.lose_data()
    assert borrow_by_fingerprint(config, "0" * 64, *arguments) is config
    changed = config.model_copy(update={"resize": (8, 8)})
    assert borrow_by_fingerprint(changed, fingerprint, *arguments) is changed
    found = borrow_by_fingerprint(config, fingerprint, *arguments)
    assert open_dataset(found, hosts.cache).fingerprint == fingerprint
