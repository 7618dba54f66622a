"""Links, pipes and devices in the artifact folder, which others may write to, are not followed, served or kept."""

import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import optuna
import pytest
from optuna.artifacts.exceptions import ArtifactNotFound

from storage.artifacts.folder import Folder
from storage.artifacts.keys import checkpoint_key, weights_folder
from storage.database.connection import Database
from storage.errors import StorageError
from tests.full_study import attach_picture, upload_file
from tests.integration.backup.backup_file import back_up

ID = "00000000-0000-4000-8000-000000000000"
KEY = checkpoint_key("mars", 3)
Make = Callable[[Path], object]


@pytest.fixture
def store(tmp_path: Path) -> Folder:
    (tmp_path / "store").mkdir()
    return Folder(tmp_path / "store")


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    """A file outside the store, which nothing may change."""
    path = tmp_path / "secret"
    path.write_bytes(b"secret")
    yield path
    assert path.read_bytes() == b"secret"


@pytest.fixture(params=["link", "pipe", "device", "broken link"])
def odd(request: pytest.FixtureRequest, secret: Path) -> Make:
    """Makes what is no plain file at a path."""
    makers: dict[str, Make] = {
        "link": lambda path: path.symlink_to(secret),
        "pipe": os.mkfifo,
        "device": lambda path: path.symlink_to("/dev/zero"),
        "broken link": lambda path: path.symlink_to("nowhere"),
    }
    make: Make = makers[request.param]
    return make


def test_it_is_not_served(store: Folder, odd: Make) -> None:
    odd(store.root / ID)
    with pytest.raises(ArtifactNotFound):
        store.store.open_reader(ID)


@pytest.mark.parametrize("key", ["../secret", "/etc/passwd", "", ".", "checkpoints/mars/3", f"{ID}\n"])
def test_what_is_no_id_is_not_served(store: Folder, secret: Path, key: str) -> None:
    for use in (store.store.open_reader, store.store.remove, lambda key: store.store.write(key, BytesIO(b"evil"))):
        with pytest.raises(ValueError, match="an artifact's id must be a UUID"):
            use(key)


def test_it_is_not_listed_and_not_opened(store: Folder, odd: Make) -> None:
    upload_file(store, KEY, b"weights")
    odd(store.root / "checkpoints/mars/4")
    odd(store.root / ID)
    assert store.sizes("checkpoints/mars") == {KEY: 7} and store.sizes() == {}
    with pytest.raises(FileNotFoundError), store.open("checkpoints/mars/4"):
        pass


def test_it_is_not_written_to(store: Folder, odd: Make) -> None:
    upload_file(store, checkpoint_key("mars", 9), b"weights")
    odd(store.root / KEY)
    with pytest.raises(StorageError, match=r"must be a plain one in plain folders; got a link or the like at .*/3"):
        upload_file(store, KEY, b"evil")
    odd(store.root / ID)
    with pytest.raises(FileExistsError):
        store.store.write(ID, BytesIO(b"evil"))


def test_it_is_removed_and_not_what_it_leads_to(store: Folder, odd: Make) -> None:
    odd(store.root / ID)
    store.remove(ID)
    assert not os.path.lexists(store.root / ID)


def test_a_folder_that_is_a_link_leads_nowhere(store: Folder, tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "mars"
    outside.mkdir(parents=True)
    (outside / "3").write_bytes(b"secret")
    (store.root / "checkpoints").symlink_to(outside.parent)
    assert store.sizes("checkpoints/mars") == {}
    with pytest.raises(FileNotFoundError), store.open(KEY):
        pass
    with pytest.raises(StorageError, match="got a link or the like"):
        upload_file(store, KEY, b"evil")
    store.remove(KEY, "checkpoints/mars")
    assert (outside / "3").read_bytes() == b"secret"


def test_a_study_of_a_long_name_has_no_files(store: Folder) -> None:
    """A name of 500 characters cannot be that of a folder."""
    assert store.sizes(weights_folder("x" * 500)) == {}
    store.remove(weights_folder("x" * 500), checkpoint_key("x" * 500, 3))


def test_it_is_not_backed_up(
    db: Database, study: optuna.Study, store: Folder, odd: Make, secret: Path, tmp_path: Path
) -> None:
    trial = study.ask()
    attached = attach_picture(store, trial, secret)
    (store.root / attached).unlink()
    odd(store.root / attached)
    upload_file(store, KEY, b"weights")
    odd(store.root / checkpoint_key("mars", 0))
    with ZipFile(back_up(db, store, tmp_path / "backup.zip")) as archive:
        names = [name for name in archive.namelist() if name.startswith("artifacts/")]
    assert names == [f"artifacts/{KEY}"]
