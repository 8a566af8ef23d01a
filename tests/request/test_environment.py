"""The environment's proxies and trusted authorities: which count, and what is wrong with a bad one."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from paygrant import ConfigurationError, Cryptofuse, Ripple
from paygrant._request.proxy import environment_proxy, is_exempt, unusable_proxy
from paygrant._request.transport import tls_context
from tests.helpers.providers import ask, make
from tests.helpers.servers import Server, read_request, serve_raw


@pytest.mark.parametrize(
    ("url", "no_proxy", "exempt"),
    [
        ("https://api.example/t", "*", True),
        ("https://api.example/t", "other.example, *", True),
        ("https://api.example/t", "api.example", True),
        ("https://api.example./t", "API.Example.", True),
        ("https://eu.api.example/t", "api.example", True),
        ("https://eu.api.example/t", ".api.example", True),
        ("https://eu.api.example/t", "*.api.example", True),
        ("https://api.example/t", "a.example b.example api.example", True),
        ("https://myapi.example/t", "api.example", False),
        ("https://api.example/t", "eu.api.example", False),
        ("https://api.example.org/t", "api.example", False),
        ("https://api.example/t", "api.example:443", True),
        ("https://api.example:8443/t", "api.example:8443", True),
        ("https://api.example:8443/t", ".example:8443", True),
        ("https://api.example/t", "api.example:8443", False),
        ("http://localhost/t", "localhost:80", True),
        ("https://b\xfccher.example/t", "xn--bcher-kva.example", True),
        ("https://b\xfccher.example/t", "b\xfccher.example", True),
        ("https://10.1.2.3/t", "10.0.0.0/8", True),
        ("https://10.1.2.3/t", "192.168.0.0/16,10.1.2.99/24", True),
        ("https://10.1.2.3:8443/t", "10.0.0.0/8:8443", True),
        ("https://10.1.2.3/t", "10.0.0.0/8:8443", False),
        ("https://11.1.2.3/t", "10.0.0.0/8", False),
        ("https://10.1.2.3/t", "10.1.2.3", True),
        ("https://10.1.2.3/t", "0.0.0.0/0", True),
        ("https://10.1.2.3/t", "2.3,.2.3,1.2.3", False),
        ("https://10.1.2.3/t", "10.0.0.0/99", False),
        ("https://[::ffff:10.1.2.3]/t", "10.0.0.0/8", True),
        ("https://[fd00::5]/t", "fd00::/8", True),
        ("https://[fd00::5]/t", "[fd00::]/8", True),
        ("https://[fd00::5]/t", "fd00:0:0::5", True),
        ("https://[fd00::5]:8443/t", "[fd00::5]:8443", True),
        ("https://[fd00::5]/t", "[fd00::5]:8443", False),
        ("https://[fe00::5]/t", "fd00::/8,10.0.0.0/8", False),
        ("https://api.example/t", "10.0.0.0/8,::/0,0.0.0.0/0", False),
        ("https://api.example/t", "", False),
        ("https://api.example/t", ", . : *. []", False),
    ],
)
def test_no_proxy_takes_names_suffixes_ports_addresses_and_ranges(url: str, no_proxy: str, exempt: object) -> None:
    assert is_exempt(httpx.URL(url), no_proxy) is exempt


def test_a_range_in_no_proxy_leads_past_the_proxy(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", other.base_url)
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8,127.0.0.0/8")
    ask(make(Cryptofuse, base_url=server.base_url))
    assert other.seen == []


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_request_goes_through_a_socks_proxy(scheme: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def relay(connection: socket.socket) -> None:
        """Serve one request as a SOCKS proxy does (RFC 1928)."""
        greetings.append(connection.recv(64))
        connection.sendall(b"\x05\x00")
        greetings.append(connection.recv(64))
        connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        host, port = server.base_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as target:
            target.sendall(read_request(connection))
            target.shutdown(socket.SHUT_WR)
            while data := target.recv(4096):
                connection.sendall(data)

    greetings: list[bytes] = []
    with serve_raw(relay) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.replace("http://", f"{scheme}://"))
        assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "token-1"
    assert greetings[0][:1] == greetings[1][:1] == b"\x05"
    assert len(server.seen) == 1


def test_without_socksio_the_error_for_a_socks_proxy_names_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setitem(sys.modules, "httpcore._sync.socks_proxy", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://name:password@127.0.0.1:1")
    with pytest.raises(ConfigurationError) as caught:
        ask(make(Cryptofuse, base_url=server.base_url))
    assert str(caught.value) == (
        "all_proxy: names a SOCKS proxy, which needs socksio; "
        'expected http://host:port, or socksio: pip install "httpx[socks]"'
    )
    assert caught.value.argument == "all_proxy"


@pytest.fixture
def no_authorities(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """No variable names trusted authorities, and none are kept from before."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(variable, raising=False)
    tls_context.cache_clear()
    yield monkeypatch
    tls_context.cache_clear()


@pytest.mark.parametrize(
    ("variable", "content", "fault"),
    [
        ("SSL_CERT_FILE", None, "cannot be read (FileNotFoundError)"),
        ("SSL_CERT_FILE", {}, "cannot be read (IsADirectoryError)"),
        ("SSL_CERT_FILE", "", "cannot be read (SSLError)"),
        ("SSL_CERT_FILE", "no certificate", "cannot be read (SSLError)"),
        ("SSL_CERT_DIR", None, "names no folder that holds a certificate under its hash"),
        ("SSL_CERT_DIR", "", "names no folder that holds a certificate under its hash"),
        ("SSL_CERT_DIR", {"root.pem": ""}, "names no folder that holds a certificate under its hash"),
        ("SSLKEYLOGFILE", {}, "cannot be written (IsADirectoryError)"),
    ],
)
def test_trusted_authorities_that_cannot_be_read_are_a_configuration_error(
    variable: str,
    content: str | dict[str, str] | None,
    fault: str,
    tmp_path: Path,
    no_authorities: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "authorities"
    if isinstance(content, str):
        path.write_text(content)
    elif content is not None:
        path.mkdir()
        for name, text in content.items():
            (path / name).write_text(text)
    no_authorities.setenv(variable, str(path))
    with pytest.raises(ConfigurationError) as caught:
        ask(make(Ripple))
    assert str(caught.value).startswith(f"{variable}: {fault}; expected a f")
    assert caught.value.argument == variable


def test_a_folder_of_hashed_certificates_beside_a_missing_one_is_trusted(
    tmp_path: Path, no_authorities: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0123abcd.0").touch()
    no_authorities.setenv("SSL_CERT_DIR", os.pathsep.join(["/nowhere", str(tmp_path)]))
    assert tls_context()


@pytest.mark.parametrize("url", ["http://169.254.169.254/token", "https://[fe80::1]/token"])
def test_a_link_local_address_uses_no_proxy(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:3128")
    assert environment_proxy(url) == ("all_proxy", None)
    assert environment_proxy("https://auth.example/token") == ("all_proxy", "http://127.0.0.1:3128")


@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "proxy.example:3128", " http://proxy.example:3128 "])
def test_a_proxy_elsewhere_is_for_https_alone(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    assert environment_proxy("https://auth.example/token") == ("all_proxy", "http://proxy.example:3128")
    assert environment_proxy("http://localhost/token") == ("all_proxy", None)
    monkeypatch.setenv("no_proxy", "auth.example")
    assert environment_proxy("https://auth.example/token") == ("all_proxy", None)


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_change_of_the_environment_counts_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in [each for each in os.environ if each.lower().endswith("_proxy")]:
        monkeypatch.delenv(each)
    url, proxy = "https://changes.example/token", "http://proxy.example:3128"
    assert environment_proxy(url)[1] is None
    monkeypatch.setenv(name, proxy)
    assert environment_proxy(url)[1] == proxy
    for no_proxy in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(no_proxy, "changes.example")
        assert environment_proxy(url)[1] is None
        monkeypatch.delenv(no_proxy)
        assert environment_proxy(url)[1] == proxy
    monkeypatch.delenv(name)
    assert environment_proxy(url)[1] is None


def test_the_error_for_an_unusable_proxy_shows_the_class_of_the_cause_alone() -> None:
    error = unusable_proxy("https_proxy", ValueError("http://name:password@proxy"))
    assert str(error) == (
        "https_proxy: names a proxy that cannot be used (ValueError); expected http://host:port, or socks5://host:port"
    )
    assert error.argument == "https_proxy"


def test_a_key_log_that_can_be_made_is_not_the_fault(tmp_path: Path, no_authorities: pytest.MonkeyPatch) -> None:
    no_authorities.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    no_authorities.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    with pytest.raises(ConfigurationError) as caught:
        tls_context()
    assert (
        str(caught.value) == "SSL_CERT_FILE: cannot be read (FileNotFoundError); expected a file of certificates in PEM"
    )
