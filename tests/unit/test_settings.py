"""Settings come from the environment; URLs of databases are checked, and shown without passwords."""

from pathlib import Path

import pytest

from storage.database.engine import make_engine
from storage.errors import StorageError
from storage.settings import Settings, describe_url, mask_url, normalise_url

SECRETS = ("s3cret", "s3 cret", "cret")

# What people write, and must not be read back with its password, whether it is taken or refused.
ODD_URLS = (
    "postgresql://u:s3cret@h/d",
    "postgresql://u:s3 cret@h/d",
    "postgresql://u:s3@cret@h/d",
    "postgresql://u:s3:cret@h/d",
    "postgresql://u:s3/cret@h/d",
    "postgresql://u:12/cret@h/d",
    "postgresql://u:s3?cret@h/d",
    "postgresql://u:12?cret@h/d",
    "postgresql://u:s3#cret@h/d",
    "postgresql://u:s3%cret@h/d",
    "postgresql://u:s3%40cret@h/d",
    "postgresql://u:s3%00cret@h/d",
    "postgresql://u:[s3cret@h/d",
    "postgresql://u@s3cret@h/d",
    "postgresql://u:s3cret",
    "postgresql://u:s3cret/d",
    "u:s3cret@h/d",
    "//u:s3cret@h/d",
    "s3cret",
    "postgresql:u:s3cret@h/d",
    "postgresql:/u:s3cret@h/d",
    "Postgresql://u:s3cret@h/d",
    "https://u:s3cret@h/d",
    "postgresql+asyncpg://u:s3cret@h/d",
    "postgresql+psycopg://u:s3cret@h/d",
    "postgresql://u:s3cret@[::1]:5432/d",
    "postgresql://u:s3cret@[::1/d",
    "postgresql://u:s3cret@h:port/d",
    "postgresql://u:s3cret@h:/d",
    "postgresql://u:s3cret@h1,h2/d",
    "postgresql://u:s3cret@h1:1,h2:2/d",
    "postgresql:///d?host=/tmp&user=u&password=s3cret",
    "postgresql://h/d?password=s3%20cret&user=u",
    "postgresql://h/d?pass=s3cret&user=u",
    "postgresql://h/d?PASSWORD=s3 cret&user=u",
    "postgresql://h/d?user=u&password='s3 cret'",
    "postgresql://u:s3cret@h/d?sslpassword=s3cret",
    "postgresql://u:s3\ncret@h/d",
    "postgresql://u:s3cret@h/d\n",
    "'postgresql://u:s3cret@h/d'",
    '"postgresql://u:s3cret@h/d"',
    "DATABASE_URL=postgresql://u:s3cret@h/d",
    "host=h user=u password=s3cret dbname=d",
    "postgresql://u:s3cret@h/d\udcff",
)


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a process of its own, which knows no password of the others'."""
    monkeypatch.setattr("storage.settings._secrets", set[str]())
    monkeypatch.delenv("PGPASSWORD", raising=False)


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


@pytest.mark.parametrize("url", ODD_URLS)
def test_no_odd_url_shows_its_password(url: str) -> None:
    shown = [describe_url(url)]
    try:
        taken = normalise_url(url)
        shown += [describe_url(taken), mask_url(str(make_engine(taken).url))]
    except StorageError as error:
        shown.append(str(error))
    shown += [mask_url(f"failed: {url} refused"), mask_url(f"fe_sendauth: {url.strip()}")]
    assert not [text for text in shown for secret in SECRETS if secret in text]
    assert not any("\n" in text for text in shown[:-2])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("postgresql+psycopg2://h/d?password=p&user=u", "postgresql://h/d"),
        ("postgresql://u:p@[::1]:5432/d?sslmode=require", "postgresql://u:***@[::1]:5432/d"),
        ("postgresql://u:p@h1:1,h2:2/d", "postgresql://u:***@h1:1,h2:2/d"),
        ("postgresql+psycopg2://u:p@/d?host=h1,::1&port=1,2", "postgresql://u:***@/d?host=h1,::1&port=1,2"),
        ("postgresql:///d?host=/run/a%20b&port=5433&password=p", "postgresql:///d?host=/run/a%20b&port=5433"),
        ("postgresql://u:p@h:port/d", "a URL that cannot be read"),
        ("u:p@h/d", "a URL that cannot be read"),
        ("postgresql://u:p@h/d%00", "a URL that cannot be read"),
    ],
)
def test_a_url_is_shown_by_its_place_alone(url: str, shown: str) -> None:
    assert describe_url(url) == shown


def test_passwords_of_this_process_are_masked_wherever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "of libpq")
    normalise_url("postgresql://u:per%25%3acent@h/d?sslpassword=of+key")
    for password in ("of libpq", "per%25%3acent", "per%:cent", "per%25%3Acent", "of+key"):
        assert mask_url(f"FATAL: cannot use {password}.") == "FATAL: cannot use ***."


def test_several_hosts_are_given_as_sqlalchemy_reads_them() -> None:
    url = normalise_url("postgresql://u:p%40w@h1:1,[::1]:2,h3/d?target_session_attrs=read-write")
    assert normalise_url(url) == url
    _, arguments = make_engine(url).dialect.create_connect_args(make_engine(url).url)
    assert (arguments["host"], arguments["port"]) == ("h1,::1,h3", "1,2,")
    assert (arguments["password"], arguments["target_session_attrs"]) == ("p@w", "read-write")


def test_kerberos_is_for_those_who_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGGSSENCMODE", raising=False)
    url = "postgresql+psycopg2://h/d"
    assert make_engine(url).url.query == {"gssencmode": "disable"}
    assert make_engine(f"{url}?gssencmode=require").url.query == {"gssencmode": "require"}
    monkeypatch.setenv("PGGSSENCMODE", "prefer")
    assert not make_engine(url).url.query


def test_an_empty_port_is_the_usual_one() -> None:
    assert normalise_url("postgresql://u:p@h:/d?sslmode=require") == "postgresql+psycopg2://u:p@h/d?sslmode=require"


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg", "postgresql+psycopg2cffi"]
)
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
        ("failed: postgresql://u:p q@h/d refused", "failed: postgresql://u:***@h/d refused"),
        ("postgresql://a:p@h:1/d and postgresql://b:q@i:2/d", "postgresql://a:***@h:1/d and postgresql://b:***@i:2/d"),
        ("postgresql://h:5432/d; write to me@h", "postgresql://h:5432/d; write to me@h"),
        ("host=h password='p q' user=u", "host=h password=*** user=u"),
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
