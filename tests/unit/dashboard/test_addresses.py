"""Proxies: whose X-Forwarded-* headers are believed."""

from pathlib import Path

import pytest

from search.dashboard.addresses import Proxies, ProxySettings
from search.dashboard.throttle import BURST
from tests.unit.dashboard.wsgi_client import ADMIN, Site, guarded_site
from trainer.errors import InputError

FORWARDED = {"X_FORWARDED_PROTO": "https", "X_FORWARDED_HOST": "search.example.org"}
PROXY = "192.0.2.7"  # of `Site.ask`, unless it is told otherwise


def behind_proxy() -> Site:
    return Site((), PROXY, DASHBOARD_PASSWORD=ADMIN[1])


def test_the_setting_comes_from_the_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("DASHBOARD_TRUSTED_PROXY=10.0.0.1\n")
    monkeypatch.chdir(tmp_path)
    assert "10.0.0.1" in Proxies(ProxySettings().trusted)


def test_proxies_are_addresses_and_networks() -> None:
    proxies = Proxies("127.0.0.1, 172.16.0.0/12,2001:db8::/32")
    assert all(address in proxies for address in ("127.0.0.1", "::ffff:127.0.0.1", "172.18.0.1", "2001:db8::1"))
    assert not any(address in proxies for address in ("127.0.0.2", "192.0.2.1", "::1", "", "unix:"))
    assert not Proxies() and "127.0.0.1" not in Proxies()


@pytest.mark.parametrize("setting", ["1", "yes", "nginx", "10.0.0.0/99", "127.0.0.1;10.0.0.1"])
def test_another_setting_is_refused(setting: str) -> None:
    with pytest.raises(InputError, match="DASHBOARD_TRUSTED_PROXY must be addresses or networks"):
        Proxies(setting)


def test_a_proxys_scheme_and_host_count() -> None:
    site = behind_proxy()
    signed = site.sign_in(*ADMIN, ORIGIN="https://search.example.org", **FORWARDED)
    assert signed.status == 303 and "; Secure; " in signed.headers["set-cookie"]
    assert "Sign in on search.example.org" in site.ask("/login", **FORWARDED).body


@pytest.mark.parametrize("proxies", ["", "198.51.100.1"])
def test_without_a_proxy_nobodys_headers_count(proxies: str) -> None:
    site = Site((), proxies, DASHBOARD_PASSWORD=ADMIN[1])
    assert "Secure" not in site.sign_in(*ADMIN, **FORWARDED).headers["set-cookie"]
    assert "example.org" not in site.ask("/login", **FORWARDED).body
    assert site.sign_in(*ADMIN, ORIGIN="https://search.example.org", **FORWARDED).status == 403


def test_a_client_behind_a_proxy_keeps_no_other_out() -> None:
    site = behind_proxy()
    for _ in range(BURST):
        site.sign_in("admin", "wrong", X_FORWARDED_FOR="198.51.100.1")
    assert site.sign_in(*ADMIN, X_FORWARDED_FOR="198.51.100.1").status == 429
    assert site.sign_in(*ADMIN, X_FORWARDED_FOR="198.51.100.2").status == 303


def test_a_client_chooses_no_address_of_its_own() -> None:
    site = behind_proxy()
    for number in range(BURST):
        site.sign_in("admin", "wrong", X_FORWARDED_FOR=f"10.0.0.{number}, 198.51.100.1")
    assert site.sign_in(*ADMIN, X_FORWARDED_FOR="10.0.0.99, 198.51.100.1").status == 429
    direct = guarded_site()
    for number in range(BURST):
        direct.sign_in("admin", "wrong", X_FORWARDED_FOR=f"10.0.0.{number}")
    assert direct.sign_in(*ADMIN, X_FORWARDED_FOR="10.0.0.99").status == 429


def test_the_dashboard_sees_no_forwarded_header() -> None:
    for site in (behind_proxy(), guarded_site()):
        site.ask("/dashboard", account=ADMIN, X_FORWARDED_PREFIX="/evil", X_FORWARDED_PORT="1", **FORWARDED)
        assert not [name for name in site.reached[0] if name.startswith("HTTP_X_FORWARDED")]
