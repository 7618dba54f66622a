"""The dashboard behind the proxies of docs/dashboard.md, with the configurations that are written there."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from search.dashboard.throttle import BURST
from tests.e2e.conftest import wait_until
from tests.e2e.dashboard.browsing import served
from tests.ports import free_port
from tests.postgres_server import fresh_database

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "dashboard.md"
USER = "user root;" if os.geteuid() == 0 else ""  # otherwise its workers could not write into a folder of the tests
NGINX = "daemon off; pid {0}/pid; error_log stderr; events {{}} http {{ access_log off; {1} {2} }}"
BODIES = "".join(f"{name}_temp_path {{0}}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
HOST = "search.example.org"
BASIC = {"Authorization": f"Basic {b64encode(b'admin:right').decode()}"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def port(
    request: pytest.FixtureRequest, server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of a proxy with TLS in front of a dashboard."""
    program = shutil.which(request.param)
    if program is None:
        pytest.skip(f"{request.param} is not installed: apt-get install {request.param}")
    folder = tmp_path_factory.mktemp(request.param)
    settings = {"DASHBOARD_PASSWORD": "right", "DASHBOARD_TRUSTED_PROXY": "127.0.0.1"}
    with fresh_database(server_url, template) as url, served(folder, DATABASE_URL=url, **settings) as address:
        write_certificate(folder)
        port = free_port()
        configuration = configure(request.param, folder, port, urlsplit(address).port or 0)
        command = [program, *(["-c"] if request.param == "nginx" else ["run", "--config"]), str(configuration)]
        with running(command, folder, port):
            yield port


def test_the_browser_keeps_its_session_over_https_alone(port: int) -> None:
    status, headers, _ = sign_in(port, "right")
    assert status == 303 and headers["Location"] == "/dashboard"
    assert all("; Secure; " in cookie for cookie in headers.get_all("Set-Cookie"))
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert ask(port, "/api/studies", headers={"Cookie": cookie})[0] == 200
    assert HOST in ask(port, "/login")[2]


def test_a_page_of_another_site_changes_nothing(port: int) -> None:
    assert sign_in(port, "right", Origin="https://evil.example")[0] == 403
    assert sign_in(port, "right", Origin=f"https://{HOST}")[0] == 303


def test_one_client_keeps_no_other_out(port: int) -> None:
    """Not even one that says it is another."""
    for _ in range(BURST):
        assert sign_in(port, "wrong", "127.0.0.2", **{"X-Forwarded-For": "127.0.0.3"})[0] == 401
    assert sign_in(port, "right", "127.0.0.2", **{"X-Forwarded-For": "127.0.0.4"})[0] == 429
    assert sign_in(port, "right", "127.0.0.3")[0] == 303


def test_only_an_accounts_large_upload_passes(port: int) -> None:
    body = b'{"study_name": "large", "directions": ["maximize"], "padding": "%s"}' % (b"a" * 2**20)
    assert ask(port, "/api/studies", "POST", body, headers=JSON)[0] == 413
    assert ask(port, "/api/studies", "POST", body, headers=JSON | BASIC)[0] == 201


def test_an_odd_path_is_refused(port: int) -> None:
    for path in ("/api/studies/1%0a", "/api/studies/1%00", "/api/studies/1%ff", "/api/studies/1/rename%0A"):
        assert ask(port, path, "DELETE", headers=BASIC)[0] == 400


def sign_in(port: int, password: str, address: str = "127.0.0.1", **headers: str) -> tuple[int, Any, str]:
    form = urlencode({"user": "admin", "password": password, "next": "/dashboard"}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return ask(port, "/login", "POST", form, address, {**kind, **headers})


def ask(
    port: int,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    address: str = "127.0.0.1",
    headers: dict[str, str] | None = None,
) -> tuple[int, Any, str]:
    """Status, headers and text of a response."""
    plain = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, source_address=(address, 0), context=plain)
    connection.sock = plain.wrap_socket(
        socket.create_connection(("127.0.0.1", port), 30, (address, 0)), server_hostname=HOST
    )
    try:
        connection.request(method, path, body, {"Host": HOST, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def configure(program: str, folder: Path, port: int, dashboard: int) -> Path:
    """The document's configuration, with the ports and files of a test."""
    shown = next(
        block
        for block in re.findall(r"```\w*\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
        if ("proxy_pass" if program == "nginx" else "reverse_proxy") in block
    ).replace(":8080", f":{dashboard}")
    if program == "nginx":
        shown = shown.replace("listen 443", f"listen 127.0.0.1:{port}").replace("/etc/ssl/search", f"{folder}/search")
        shown = USER + NGINX.format(folder, BODIES.format(folder), shown)
    else:
        files = f"tls {folder}/search.pem {folder}/search.key\n    bind 127.0.0.1\n"
        shown = shown.replace(f"{HOST} {{", f"https://{HOST}:{port} {{\n    {files}")
        shown = "{\n    admin off\n    auto_https off\n}\n" + shown
    path = folder / ("nginx.conf" if program == "nginx" else "Caddyfile")
    path.write_text(shown)
    return path


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """Runs a proxy until its port answers and the context ends."""
    environ = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        wait_until(lambda: process.poll() is not None or is_listening(port))
        assert process.poll() is None, (folder / "log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(20)


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def write_certificate(folder: Path) -> None:
    """A certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    alternative = x509.SubjectAlternativeName([x509.DNSName(HOST)])
    certificate = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    (folder / "search.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "search.key").write_bytes(secret)
