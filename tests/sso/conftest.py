"""Two real servers on loopback behind TLS, a bad one of our own beside them, and somebody who walks the login forms."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.http import HttpResponse
from django.test import Client
from joserfc import jwt
from joserfc.jwk import RSAKey

from branches.sso import oidc
from branches.sso.configuration import SingleSignOn
from tests.sso.server import CLIENT_ID, CLIENT_SECRET, PASSWORD

ROOT = Path(__file__).resolve().parents[2]


# ---------------------------------------------------------------------------------------------------- certificates


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _certificate(name: str, key, issuer: str, issuers_key, *, ca: bool) -> bytes:
    """A certificate of two days; `name` is an address or a host."""
    try:
        san: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        san = x509.DNSName(name)
    now = datetime.now(UTC)
    named = {who: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, who)]) for who in (name, issuer)}
    built = (
        x509.CertificateBuilder().subject_name(named[name]).issuer_name(named[issuer])
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([san]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers_key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(digital_signature=True, content_commitment=False, key_encipherment=False,
                          data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
                          encipher_only=False, decipher_only=False), critical=True,
        )
        .sign(issuers_key, hashes.SHA256())
    )  # fmt: skip
    return built.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> Path:
    """A folder: ca.crt signed server.crt (127.0.0.1) and elsewhere.crt (another host); other.crt is another CA's."""
    folder = tmp_path_factory.mktemp("sso")
    ca, other, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    (folder / "ca.crt").write_bytes(_certificate("ca", ca, "ca", ca, ca=True))
    (folder / "other.crt").write_bytes(_certificate("ca", other, "ca", other, ca=True))
    (folder / "server.key").write_bytes(_pem(key))
    (folder / "server.crt").write_bytes(_certificate("127.0.0.1", key, "ca", ca, ca=False))
    (folder / "elsewhere.crt").write_bytes(_certificate("elsewhere.example", key, "ca", ca, ca=False))
    (folder / "signing.pem").write_bytes(_pem(rsa.generate_private_key(65537, 2048)))
    return folder


# --------------------------------------------------------------------------------------------------------- servers


@dataclass
class Door:
    """What arrives at the portal's address from machine to machine, kept for the test to hand on."""

    url: str
    got: list[tuple[str, str, bytes]] = field(default_factory=list)


@pytest.fixture(scope="session")
def _door() -> Iterator[Door]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            door.got.append((self.path, self.headers["Content-Type"], body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    door = Door(f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    yield door
    server.shutdown()
    server.server_close()


@pytest.fixture
def door(_door: Door) -> Door:
    _door.got.clear()
    return _door


class Running:
    """A process of tests/sso/server.py; it is ended by its own id."""

    def __init__(self, kind: str, certificates: Path, folder: Path, portal: str) -> None:
        for name in ("server.crt", "server.key", "signing.pem"):
            (folder / name).write_bytes((certificates / name).read_bytes())
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.sso.server", kind, str(folder), portal],
            cwd=ROOT, env=kept | {"PYTHONUTF8": "1", "NO_PROXY": "127.0.0.1"}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line.strip().isdigit(), f"the {kind} server did not start"
        self.url = f"https://127.0.0.1:{line.strip()}"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture(scope="session")
def cas_server(certificates, tmp_path_factory, _door: Door) -> Iterator[str]:
    running = Running("cas", certificates, tmp_path_factory.mktemp("cas"), _door.url)
    yield f"{running.url}/cas"
    running.stop()


@pytest.fixture(scope="session")
def oidc_server(certificates, tmp_path_factory, _door: Door) -> Iterator[str]:
    running = Running("oidc", certificates, tmp_path_factory.mktemp("oidc"), _door.url)
    yield f"{running.url}/o"
    running.stop()


@dataclass
class Answer:
    """What the bad server says to one path: status, headers, and the body in pieces with a pause after each."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    pause: float = 0.0


class Evil:
    """A server of our own that says whatever a test tells it to, path by path; `asked` keeps what it was asked.

    `said_all` counts what it said to the end.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.said_all = 0
        evil = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                evil.asked.append(self.path)
                answer = evil.answers.get(urlsplit(self.path).path, Answer(status=404))
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    for piece in [answer.body, *answer.pieces]:
                        self.wfile.write(piece)
                        self.wfile.flush()
                        evil.closing.wait(answer.pause)
                    evil.said_all += 1
                except OSError:
                    pass  # the portal had enough

            do_POST = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self.closing = Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *args: None  # type: ignore[method-assign]
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()

    def stop(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def evil(certificates) -> Iterator[Evil]:
    server = Evil(certificates / "server.crt", certificates / "server.key")
    yield server
    server.stop()


# ---------------------------------------------------------------------------------------------------- the settings


@pytest.fixture
def cas_on(settings, certificates, door: Door) -> Callable[..., SingleSignOn]:
    def on(server: str, **more: str) -> SingleSignOn:
        settings.SSO = SingleSignOn("cas", server, door.url, **{"ca_file": str(certificates / "ca.crt"), **more})
        return settings.SSO

    return on


@pytest.fixture
def oidc_on(settings, certificates, door: Door) -> Callable[..., SingleSignOn]:
    def on(server: str, **more: str) -> SingleSignOn:
        how = {
            "claim": "preferred_username", "ca_file": str(certificates / "ca.crt"), "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET, **more,
        }  # fmt: skip
        settings.SSO = SingleSignOn("oidc", server, door.url, **how)
        oidc.provider.cache_clear()
        return settings.SSO

    return on


# ------------------------------------------------------------------------------------------------------ the person


class Person:
    """Somebody with one browser: a window of the portal (Django's test client) and one of the campus server."""

    def __init__(self, portal: str, ca: Path) -> None:
        self.portal, self.client = portal, Client()
        self.web = requests.Session()
        self.web.verify, self.web.trust_env = str(ca), False

    def begin(self, **data: str) -> str:
        """Press the button; where the page leads to."""
        page = self.client.post("/sso/begin/", data)
        assert page.status_code == 200, (page.status_code, page.headers.get("Location"))
        found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.content.decode())
        assert found
        return unescape(found[1])

    def sign_on(self, address: str, account: str = "18004", password: str = PASSWORD) -> str:
        """Log in at the campus server if it asks; the address of the portal that it sends the browser to."""
        response = self.web.get(address, allow_redirects=False)
        for _ in range(10):
            if response.is_redirect:
                target = urljoin(response.url, response.headers["Location"])
                if target.startswith(self.portal):
                    return target
                response = self.web.get(target, allow_redirects=False)
                continue
            form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', response.text))
            assert "csrfmiddlewaretoken" in form, (response.status_code, response.text[:2000])
            form |= {"username": account, "password": password}
            action = re.search(r'<form[^>]* action="([^"]+)"', response.text)
            response = self.web.post(
                urljoin(response.url, unescape(action[1])) if action and action[1] else response.url,
                {name: unescape(value) for name, value in form.items()},
                headers={"Referer": response.url}, allow_redirects=False,
            )  # fmt: skip
        raise AssertionError("never came back")

    def back(self, address: str) -> HttpResponse:
        """Open the address that the campus server sent the browser to."""
        parts = urlsplit(address)
        return self.client.get(f"{parts.path}?{parts.query}")

    def log_in(self, account: str = "18004", **data: str) -> HttpResponse:
        return self.back(self.sign_on(self.begin(**data), account))

    def is_in(self) -> bool:
        return self.client.get("/account/history/").status_code == 200

    def deliver(self, message: tuple[str, str, bytes]) -> HttpResponse:
        """What the campus server posted to the portal's address, as it came, from a machine without any cookie."""
        path, kind, body = message
        return Client(enforce_csrf_checks=True).post(path, body, content_type=kind)


@pytest.fixture
def person(door: Door, certificates, world) -> Callable[[], Person]:
    """`person()` is somebody at a browser of their own; the small committee is there."""
    return lambda: Person(door.url, certificates / "ca.crt")


@pytest.fixture
def said(certificates) -> Callable[..., str]:
    """A token signed with the provider's own key (or another) under the key's own name."""

    def sign(claims: dict, *, key: RSAKey | None = None, header: dict | None = None) -> str:
        signer = key or RSAKey.import_key((certificates / "signing.pem").read_bytes())
        head = {"alg": "RS256", "kid": signer.thumbprint()} | (header or {})
        return jwt.encode(head, claims, signer, algorithms=[head["alg"]])

    return sign


def query(**values: str) -> str:
    return f"/sso/back/?{urlencode(values)}"
