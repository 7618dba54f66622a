"""Where things are kept, from the environment and a `.env` file in the current folder."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.errors import StorageError

DIALECT = "postgresql+psycopg2"  # a bare postgresql:// is psycopg 3 to SQLAlchemy 2.1
ACCEPTED = ("postgresql", "postgres", DIALECT)

_PASSWORD = re.compile(r"(?<=://)([^:/?#@\s]*):(\S*)@")  # of user:password@, up to the last @
_PASSWORD_OPTION = re.compile(r"(?i)((?:password|passfile|sslpassword)=)[^&\s]+")


class Settings(BaseSettings):
    """The places of one command. Fields are given by name in code, by the names at the right in the environment."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    database_url: str | None = Field(None, repr=False, validation_alias="DATABASE_URL")  # embedded server when missing
    dir: Path = Field(Path("unet-search"), validation_alias="UNET_SEARCH_DIR")  # the run's folder
    artifacts: str | None = Field(None, validation_alias="UNET_SEARCH_ARTIFACTS")  # a folder or s3://BUCKET/PREFIX


def mask_url(text: str) -> str:
    """Gives a URL, or a message that holds some, with every password replaced by ***."""
    return _PASSWORD_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


def normalise_url(url: str) -> str:
    """Gives the URL with the driver this project uses; other dialects are a StorageError."""
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme not in ACCEPTED:
        raise StorageError(
            f"DATABASE_URL must start with postgresql://; got {mask_url(url)!r}; "
            "give postgresql://USER:PASSWORD@HOST/DATABASE, or unset it for the embedded server"
        )
    _check_shape(f"postgresql://{rest}")
    return f"{DIALECT}://{rest}"


def _check_shape(url: str) -> None:
    """Refuses what parsers read in different ways: they would take a part of the password for the host."""
    try:
        _ = urlsplit(url).port
        clear = url.partition("?")[0].count("@") <= 1
    except ValueError:
        clear = False
    if not clear:
        raise StorageError(
            f"DATABASE_URL must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE; got {mask_url(url)!r}; "
            "write special characters of a password as %XX"
        )
