"""Where a command finds its database, run and artifacts: the environment, and `.env` in the current folder."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.errors import StorageError

DIALECT = "postgresql+psycopg2"  # a bare postgresql:// is psycopg 3 to SQLAlchemy 2.1
ACCEPTED_SCHEMES = ("postgresql", "postgres", DIALECT)

_PASSWORD = re.compile(r"(?<=://)([^:/?#@\s]*):(\S*)@")  # of user:password@, up to the last @
_PASSWORD_OPTION = re.compile(r"(?i)((?:password|passfile|sslpassword)=)[^&\s]+")


class Settings(BaseSettings):
    """The settings of one command. The constructor takes the names of fields, the environment the aliases."""

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


def mask_url(text: str) -> str:
    """A URL, or a message with URLs in it, with every password replaced by ***."""
    return _PASSWORD_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


def normalise_url(url: str) -> str:
    """The URL with psycopg2 as its driver. Raises StorageError for other databases and drivers."""
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme not in ACCEPTED_SCHEMES:
        raise StorageError(
            f"DATABASE_URL must start with postgresql://; got {mask_url(url)!r}; "
            "give postgresql://USER:PASSWORD@HOST/DATABASE, or unset it for the embedded server"
        )
    _check_shape(f"postgresql://{rest}")
    return f"{DIALECT}://{rest}"


def _check_shape(url: str) -> None:
    """Refuses a URL that parsers read in different ways: some would take a part of the password for the host."""
    try:
        _ = urlsplit(url).port
        is_clear = url.partition("?")[0].count("@") <= 1
    except ValueError:
        is_clear = False
    if not is_clear:
        raise StorageError(
            f"DATABASE_URL must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE; got {mask_url(url)!r}; "
            "write special characters of a password as %XX"
        )
