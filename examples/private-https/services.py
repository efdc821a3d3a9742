"""The private side of this example: an API with reviews and the authorization server in front of it, by HTTPS.

Both answer at one port of loopback, under two names that no DNS knows. Their certificate is signed by an authority
that is made at every start and that nobody trusts but the egress route of `newel.toml`.
"""

from __future__ import annotations

import json
import secrets
import ssl
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import driver

CLIENT = ("review-checker", "not-for-your-eyes")
TOKEN_SECONDS = 3600
REVIEWS = {
    "r1": "It broke after a week.",
    "r2": "The BEST toaster EVER, buy it now!",
    "r3": "Does what it should.",
    "r4": "Best gift ever. Best shop ever.",
}


class Services:
    """What both servers know. Tokens that are forgotten are refused; `failures` answers to come are 503."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tokens: dict[str, float] = {}
        self.failures = 0
        self.log: list[dict[str, Any]] = []

    def token(self, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """OAuth 2.0's client credentials grant (RFC 6749, 4.4)."""
        if form.get("grant_type") != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type"}
        if (form.get("client_id", [""])[0], form.get("client_secret", [""])[0]) != CLIENT:
            return 401, {"error": "invalid_client"}
        token = secrets.token_urlsafe()
        self.tokens[token] = time.monotonic() + TOKEN_SECONDS
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}

    def api(self, method: str, path: str, authorization: str, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        if self.tokens.get(authorization.removeprefix("Bearer "), 0) < time.monotonic():
            return 401, {"error": "invalid_token"}
        if self.failures > 0:
            self.failures -= 1
            return 503, {"error": "busy"}
        review = path.rpartition("/")[2]
        if method == "GET" and path.startswith("/reviews/") and review in REVIEWS:
            return 200, {"id": review, "text": REVIEWS[review]}
        if method == "POST" and path == "/reports" and form.get("review"):
            return 200, {"reported": form["review"][0]}
        return 404, {"error": "not found"}

    def control(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """For the driver: make the next answers fail, forget tokens, show what was asked."""
        self.failures = given.get("failures", self.failures)
        if given.get("forget"):
            self.tokens.clear()
        log = list(self.log)
        if given.get("clear"):
            self.log.clear()
        return 200, {"log": log}


def handler_of(services: Services) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET", b"")

        def do_POST(self) -> None:
            self._answer("POST", self._body())

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _answer(self, method: str, body: bytes) -> None:
            url = urlsplit(self.path)
            with services.lock:
                status, answer = self._found(method, url.path, url.query, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _found(self, method: str, path: str, query: str, body: bytes) -> tuple[int, dict[str, Any]]:
            if path == "/_control":
                return services.control(json.loads(body))
            form = parse_qs(body.decode())
            if self.headers["Host"].startswith("login."):
                status, answer = services.token(form)
            else:
                status, answer = services.api(method, path, self.headers.get("Authorization", ""), form)
            asked = {"method": method, "host": self.headers["Host"], "path": path, "query": parse_qs(query)}
            services.log.append({**asked, "status": status, "form": form if path == "/reports" else {}})
            return status, answer

        def log_message(self, *args: Any) -> None:
            """Be silent: the log is asked for at `/_control`."""

    return Handler


def make_certificates(folder: Path, names: list[str]) -> ssl.SSLContext:
    """An authority (`ca.pem` in `folder`), and a server's TLS context with a certificate for `names` that it signed."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Private reviews authority")])
    authority = (
        _certificate(issuer, issuer, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    certificate = (
        _certificate(subject, issuer, key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    server = folder / "server.pem"
    server.touch(mode=0o600)
    server.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    return context


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
    )


def main() -> None:
    """Serve the hosts of the route `reviews` until interrupted."""
    hosts = driver.project(HERE)["egress"]["routes"]["reviews"]["hosts"]
    port = int(hosts[0].partition(":")[2])
    server = ThreadingHTTPServer(("127.0.0.1", port), handler_of(Services()), bind_and_activate=False)
    server.server_bind()  # before the certificates of a server that has the port already are replaced
    context = make_certificates(HERE / ".newel", [host.partition(":")[0] for host in hosts])
    server.server_activate()
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(f"{' and '.join(hosts)} answer at 127.0.0.1; stop them with Ctrl-C.", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
