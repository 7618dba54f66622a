"""A PostgreSQL server that takes clients by TLS alone, with a certificate of an authority made for it."""

import datetime
import ipaddress
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from storage.embedded.account import new_account
from tests.ports import free_port

ADDRESS = "127.0.0.1"  # the only name in its certificate
PASSWORD = "right"
START_S = 60.0
ACCESS = f"local all all trust\nhostssl all all {ADDRESS}/32 scram-sha-256\n"


@dataclass(frozen=True)
class TlsServer:
    """A server that runs."""

    local_url: str  # by its socket, without TLS
    port: int
    authority: Path  # the certificate of its authority
    stranger: Path  # of an authority that signed nothing here

    def url(self, mode: str, authority: Path | None, host: str = ADDRESS) -> str:
        """By TCP, as the owner of the tables."""
        root = f"&sslrootcert={authority}" if authority else ""
        return f"postgresql://postgres:{PASSWORD}@{host}:{self.port}/postgres?sslmode={mode}{root}"


@contextmanager
def tls_server() -> Iterator[TlsServer]:
    """Runs a server in a folder of its own."""
    programs = _find_programs()
    folder = Path(tempfile.mkdtemp(prefix="unet-tls-"))
    folder.chmod(0o755)
    account = new_account()
    identity: dict[str, Any] = {"user": account.uid, "group": account.gid}
    if account.uid is not None:
        identity["extra_groups"] = []
    try:
        pgdata = folder / "pgdata"
        pgdata.mkdir(mode=0o700)
        if account.uid is not None and account.gid is not None:
            os.chown(pgdata, account.uid, account.gid)
        initdb = [programs / "initdb", "-D", ".", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(initdb, cwd=pgdata, check=True, stdout=subprocess.DEVNULL, **identity)
        authority, stranger = folder / "authority.pem", folder / "stranger.pem"
        _certify(pgdata, authority)
        _certify(None, stranger)
        (pgdata / "pg_hba.conf").write_text(ACCESS)
        port = free_port(ADDRESS)
        command = [programs / "postgres", "-D", ".", "-k", ".", "-h", ADDRESS, "-p", str(port), "-F", "-c", "ssl=on"]
        process = subprocess.Popen(command, cwd=pgdata, stderr=subprocess.DEVNULL, **identity)
        try:
            url = f"postgresql+psycopg2://postgres@:{port}/postgres?host={pgdata}"
            _await_server(url, process)
            yield TlsServer(url, port, authority, stranger)
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(folder)


def _find_programs() -> Path:
    """The folder of a server's programs that know TLS, which the wheel's do not; skips where there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not folders:
        pytest.skip("no PostgreSQL with TLS is installed: Debian has it as postgresql")
    return folders[-1]


def _await_server(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Returns once the server takes clients, which is later than that it listens."""
    deadline, engine = time.monotonic() + START_S, create_engine(url)
    while True:
        try:
            return engine.connect().close()
        except OperationalError:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        finally:
            engine.dispose()


def _certify(pgdata: Path | None, authority: Path) -> None:
    """Makes an authority, and where there is a server its certificate and key."""
    root_key, root = ec.generate_private_key(ec.SECP256R1()), _name(authority.stem)
    is_authority = x509.BasicConstraints(ca=True, path_length=0)
    signed = _builder(root, root, root_key).add_extension(is_authority, critical=True).sign(root_key, hashes.SHA256())
    authority.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    if pgdata is None:
        return
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))])
    own = _builder(_name("server"), root, key).add_extension(names, critical=False).sign(root_key, hashes.SHA256())
    (pgdata / "server.crt").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (pgdata / "server.key").write_bytes(text)
    owner = os.stat(pgdata)
    for name in ("server.crt", "server.key"):
        (pgdata / name).chmod(0o600)
        os.chown(pgdata / name, owner.st_uid, owner.st_gid)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
