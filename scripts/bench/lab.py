"""The server of the benchmarks, and its clients."""

import ipaddress
import itertools
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scripts.bench.peers import Endpoint

ROOT = Path(__file__).parents[2]


class Lab:
    """Makes new clients, so that every library starts with an empty cache."""

    def __init__(self, base_url: str, control: httpx.Client) -> None:
        self.base_url = base_url
        self._control = control
        self._numbers = itertools.count(1)

    def client(self, *, lifetime: float = 3600, latency: float = 0) -> Endpoint:
        """Make a client.

        Args:
            lifetime: Seconds that its tokens live.
            latency: Seconds that its token requests take.
        """
        endpoint = Endpoint(self.base_url, f"client-{next(self._numbers)}", lifetime)
        self.set(endpoint, lifetime=lifetime, latency=latency)
        return endpoint

    def set(self, endpoint: Endpoint, **attributes: object) -> int:
        """Set attributes of a client: those of `server.Client`.

        Returns:
            The number of its token requests.
        """
        response = self._control.put(f"/clients/{endpoint.client_id}", json=attributes).raise_for_status()
        return int(response.json()["token_requests"])

    def count(self) -> dict[str, int]:
        """The token requests since the last count, and the connections that they used."""
        counts: dict[str, int] = self._control.put("/count").raise_for_status().json()
        return counts

    def token_requests(self, endpoint: Endpoint) -> int:
        """The number of a client's token requests."""
        return self.set(endpoint)


@contextmanager
def laboratory(certificate: Path | None = None) -> Generator[Lab]:
    """Run the server during a block.

    Args:
        certificate: A file with a certificate for 127.0.0.1 and its key. With it, the server serves TLS.
    """
    files = [certificate] * 2 if certificate else []
    command = [sys.executable, "-m", "scripts.bench.server", *map(str, files)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin  # noqa: S101 - it is a pipe
        assert server.stdout  # noqa: S101 - likewise
        try:
            base_url = f"{'https' if certificate else 'http'}://127.0.0.1:{int(server.stdout.readline())}"
            trust = ssl.create_default_context(cafile=certificate) if certificate else True
            with httpx.Client(base_url=base_url, trust_env=False, verify=trust) as control:
                yield Lab(base_url, control)
        finally:
            server.stdin.close()
            server.wait(10)


def certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 that signs itself. One file has it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, day = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")]), timedelta(days=1)
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "loopback.pem"
    path.write_bytes(made.public_bytes(pem) + private)
    return path


@contextmanager
def redis_server() -> Generator[str | None]:
    """Run a Redis on loopback during a block. Yields its URL, or None if Redis is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with subprocess.Popen([program, *options], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout  # noqa: S101 - it is a pipe
        try:
            next(line for line in server.stdout if "Ready to accept connections" in line)
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()
