"""Settings come from the environment; URLs of databases are checked, and shown without passwords."""

from pathlib import Path

import pytest

from storage.errors import StorageError
from storage.settings import Settings, mask_url, normalise_url


@pytest.mark.parametrize(
    "url", ["sqlite:///x.db", "mysql://u:pw1@h/d", "postgresql+asyncpg://u:pw1@h/d", "mars", "h:1"]
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(StorageError, match="must start with postgresql://") as caught:
        normalise_url(url)
    assert "pw1" not in str(caught.value)


def test_an_ambiguous_password_is_refused_and_not_shown() -> None:
    with pytest.raises(StorageError, match="%XX") as caught:
        normalise_url("postgresql://u:p@ss/w@host/d")
    assert "p@ss" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_scheme_gets_the_same_driver(scheme: str) -> None:
    assert normalise_url(f"{scheme}://h/d") == "postgresql+psycopg2://h/d"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:a:b@c@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:a/b@h/d", "postgresql://u:***@h/d"),
        ("postgresql://:p@h/d", "postgresql://:***@h/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://h:5432/d", "postgresql://h:5432/d"),
        ("postgresql://h/d?user=u&password=p", "postgresql://h/d?user=u&password=***"),
        ("failed: postgresql://u:p@h/d refused", "failed: postgresql://u:***@h/d refused"),
    ],
)
def test_passwords_are_masked(url: str, masked: str) -> None:
    assert mask_url(url) == masked


def test_a_repr_shows_no_password() -> None:
    assert "s3cret" not in repr(Settings(database_url="postgresql://u:s3cret@h/d"))


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNET_SEARCH_DIR", raising=False)
    monkeypatch.setenv("DATABASE_URL", "")
    (tmp_path / ".env").write_text("UNET_SEARCH_ARTIFACTS=pictures\nOTHER=1\n")
    assert Settings() == Settings(database_url=None, dir=Path("unet-search"), artifacts="pictures")
