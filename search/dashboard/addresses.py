"""Addresses of clients, and which of them are proxies."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from wsgiref.types import WSGIEnvironment

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from werkzeug.middleware.proxy_fix import ProxyFix

from trainer.errors import InputError


class ProxySettings(BaseSettings):
    """Which proxies are trusted."""

    model_config = SettingsConfigDict(frozen=True, env_file=".env", extra="ignore")

    trusted: str = Field("", validation_alias="DASHBOARD_TRUSTED_PROXY")


class Proxies:
    """The proxies right in front of the server: their X-Forwarded-* headers are believed, and nobody else's.

    Args:
        trusted: addresses or networks, with commas between them.
    """

    def __init__(self, trusted: str = "") -> None:
        try:
            self._networks = [ip_network(name.strip(), strict=False) for name in trusted.split(",") if name.strip()]
        except ValueError:
            raise InputError(
                f"DASHBOARD_TRUSTED_PROXY must be addresses or networks with commas between them; got {trusted!r}; "
                "give the proxy's, such as 127.0.0.1 or 172.16.0.0/12, or unset it"
            ) from None

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: str) -> bool:
        found = _parse(address)
        return found is not None and any(found in network for network in self._networks)

    def read_headers(self, environ: WSGIEnvironment) -> None:
        """Puts the client's address, scheme and host as the proxy forwards them into the environment.

        The headers are removed: optuna-dashboard would redirect a browser to the host that anybody names in them.
        """
        if environ.get("REMOTE_ADDR", "") in self:
            ProxyFix(lambda _environ, _start: [], x_for=1, x_proto=1, x_host=1)(environ, lambda *_: lambda _: None)
        for name in [name for name in environ if name.startswith("HTTP_X_FORWARDED_")]:
            del environ[name]


def client_network(address: str) -> str:
    """An IPv6 address's /64 network, all of which usually belongs to one client; any other address as it is."""
    found = _parse(address)
    if found is None:
        return address
    return found.exploded[:19] if isinstance(found, IPv6Address) else str(found)


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    """The address; that of an IPv4 client of an IPv6 socket (::ffff:192.0.2.1) as IPv4."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
