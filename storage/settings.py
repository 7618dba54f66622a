"""Where a command finds its database, run and artifacts: the environment, and `.env` in the current folder."""

import os
import re
from pathlib import Path
from urllib.parse import parse_qsl, quote, quote_plus, unquote

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.errors import StorageError

DIALECT = "postgresql+psycopg2"  # a bare postgresql:// is psycopg 3 to SQLAlchemy 2.1
ACCEPTED_SCHEMES = ("postgresql", "postgres", DIALECT, "postgresql+psycopg", "postgresql+psycopg2cffi")
SHAPE = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"

# What every parser reads alike: special characters of a user, password or database are written as %XX.
_URL = re.compile(
    r"(?P<scheme>[a-z0-9+]+)://((?P<user>[^:/?#@]*)(:(?P<password>[^/?#@]*))?@)?"
    r"(?P<hosts>[^/?#@]*)(/(?P<database>[^/?#@]*))?(\?(?P<query>[^#@]*))?"
)
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+(?:%\w+)?\]|[^\[\]:,\s]*)(?::(\d*))?")
_SCHEME = re.compile(r"[a-z0-9+]+://")

_PASSWORD = re.compile(r"(?<=://)([^:/?#@\s]*):(\S*)@")  # of user:password@, up to the last @
# The same with spaces in it, unless that is a port.
_SPACED_PASSWORD = re.compile(r"(postgres\w*(?:\+\w+)?://[^:/?#@\s]*):(?!\*\*\*@|\d+(?:[/?;,)]|$)).*@")
_PASSWORD_KEY = re.compile(r"(?i)\s*(?:ssl)?pass\w*\s*")
_PASSWORD_OPTION = re.compile(r"(?i)(\b(?:ssl)?pass\w*\s*=\s*)('(?:[^'\\]|\\.)*'|[^&\s]+)")
MIN_SECRET = 3  # characters: a shorter one is found in any word

_secrets: set[str] = set()  # passwords that this process was given, in every spelling, and URLs that it could not read


class Settings(BaseSettings):
    """The settings of one command. The constructor takes the names of fields, the environment the aliases.

    What the URL of a database leaves out, libpq takes from its own variables, such as PGPASSWORD, PGPASSFILE,
    PGSSLMODE, PGOPTIONS or PGSERVICE, as it does for `psql`. The embedded server is reached without them.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    database_url: str | None = Field(None, repr=False, validation_alias="DATABASE_URL")  # None: an embedded server
    dir: Path = Field(Path("unet-search"), validation_alias="UNET_SEARCH_DIR")  # the run's folder
    artifacts: str | None = Field(None, validation_alias="UNET_SEARCH_ARTIFACTS")  # a folder or s3://BUCKET/PREFIX

    @property
    def decoded_data(self) -> Path:
        """The folder of decoded copies of data, which all workers of a host map."""
        return self.dir.expanduser() / "data"


def mask_url(text: str) -> str:
    """A message, perhaps with URLs in it, with every password replaced by ***, those of this process wherever it is."""
    known = {secret for secret in (*_secrets, os.environ.get("PGPASSWORD", "")) if len(secret) >= MIN_SECRET}
    for secret in sorted(known, key=len, reverse=True):  # one may be a part of another
        text = text.replace(secret, "***")
    text = _SPACED_PASSWORD.sub(r"\1:***@", _PASSWORD.sub(r"\1:***@", text))
    return _PASSWORD_OPTION.sub(r"\1***", text)


def describe_url(url: str) -> str:
    """A database's URL for people: user, hosts, port and database; nothing of a URL that cannot be read."""
    parts = _read_url(url.strip())
    if parts is None:
        return "a URL that cannot be read"
    options = parse_qsl(parts["query"] or "")
    where = "&".join(f"{key}={quote(value, safe='/:,')}" for key, value in options if key in ("host", "port"))
    user = "" if not parts["user"] else f"{parts['user']}@" if parts["password"] is None else f"{parts['user']}:***@"
    database = f"/{parts['database']}" if parts["database"] else ""
    return f"postgresql://{user}{parts['hosts']}{database}{f'?{where}' if where else ''}"


def normalise_url(url: str) -> str:
    """The URL with psycopg2 as its driver, and several hosts as SQLAlchemy wants them.

    Raises StorageError for other databases and drivers, and for a URL that parsers read in different ways: some would
    take a part of the password for the host.
    """
    url = url.strip()
    scheme = _SCHEME.match(url)
    if scheme is None or scheme[0].removesuffix("://") not in ACCEPTED_SCHEMES:
        _secrets.add(url)
        raise StorageError(
            f"DATABASE_URL must start with postgresql://; got {scheme[0] if scheme else 'another beginning'}; "
            f"give {SHAPE} without quotes, or unset it for the embedded server"
        )
    parts = _read_url(url)
    if parts is None:
        _secrets.add(url)
        raise StorageError(
            f"DATABASE_URL must be {SHAPE}; got one that cannot be read, and is not shown for its password's sake; "
            "write special characters of a password as %XX"
        )
    _remember_passwords(parts)
    rest = url.partition("://")[2]
    user = rest[: rest.index("@") + 1] if "@" in rest else ""
    if "," not in parts["hosts"]:
        more = rest.removeprefix(user).removeprefix(parts["hosts"])
        return f"{DIALECT}://{user}{parts['hosts'].removesuffix(':')}{more}"  # SQLAlchemy fails on an empty port
    hosts = [host.strip("[]") for host, _ in _split_hosts(parts["hosts"])]
    query = f"host={','.join(hosts)}&port={','.join(port for _, port in _split_hosts(parts['hosts']))}"
    more = f"&{parts['query']}" if parts["query"] else ""
    return f"{DIALECT}://{user}/{parts['database'] or ''}?{query}{more}"


def _read_url(url: str) -> dict[str, str] | None:
    """The parts of a URL as they are written, those that are missing as None; None where it is not clear."""
    found = _URL.fullmatch(url)
    if found is None or not url.isprintable() or "\0" in unquote(url):
        return None
    options = (found["query"] or "").split("&")
    is_clear = _split_hosts(found["hosts"]) and all("=" in item for item in options if item)
    return found.groupdict() if is_clear else None


def _split_hosts(hosts: str) -> list[tuple[str, str]]:
    """Hosts and their ports, empty where none is given; empty where one cannot be read."""
    found = [_HOST.fullmatch(host) for host in hosts.split(",")]
    return [(host[1], host[2] or "") for host in found if host is not None] if all(found) else []


def _remember_passwords(parts: dict[str, str]) -> None:
    """Adds the passwords of a URL to those that `mask_url` replaces, in each way in which a library may write them."""
    options = [item.partition("=") for item in (parts["query"] or "").split("&")]
    written = [
        parts["password"] or "",
        *(value for key, _, value in options if _PASSWORD_KEY.fullmatch(key)),
    ]
    for password in filter(None, written):
        plain = unquote(password)
        _secrets.update({password, plain, quote(plain, safe=""), quote(plain, safe=" +"), quote_plus(plain)})
