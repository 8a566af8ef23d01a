"""The doctor's findings, each by a server, a setting or a store with that fault; and what the doctor must not do."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jwt
import pytest

from paygrant import (
    AlternativePayments,
    ClientCredentials,
    ConfigurationError,
    Cryptofuse,
    FileStore,
    InvalidClient,
    MemoryStore,
    RefreshPolicy,
    RipioRamp,
    RipioWidget,
    Ripple,
    SpecProvider,
    Token,
    TokenSource,
    _clock,
    basic_credentials,
)
from paygrant._providers.base import Provider, registration_of
from paygrant._providers.secret_file import SecretFile
from paygrant._request.credentials import Credentials
from paygrant._secrets import fingerprint
from paygrant._stores.base import Entry, Store
from paygrant._tokens.lifecycle import Grant
from paygrant.doctor import CHECKS, Finding, diagnose
from tests.helpers.clock import Clock
from tests.helpers.doctor import NEED_THE_REQUEST, Findings, only
from tests.helpers.providers import ARGUMENTS, CLIENT_ID, CLIENT_SECRET, GRANTED, USER, each_provider, make
from tests.helpers.secrets import CORES, ID, SECRET, TOKEN, echo, found
from tests.helpers.servers import Reply, Seen, Server, granted, read_request, serve, serve_raw
from tests.helpers.specs import SPECS

AWKWARD = "s% :+/é&=\"'<>\\?#"
"""A secret that the two encodings of HTTP Basic turn into different bytes."""

QUICK = RefreshPolicy(timeout=5)


def look(
    kind: type[Provider] = Cryptofuse,
    *,
    variables: Mapping[str, str] = MappingProxyType({}),
    store: Store | None = None,
    policy: RefreshPolicy = QUICK,
    **overrides: Any,
) -> Findings:
    """The findings, by check."""
    findings: Findings = {}
    for finding in diagnose(kind, overrides, variables=variables, store=store, policy=policy):
        findings.setdefault(finding.check, []).append(finding)
    assert tuple(findings) == CHECKS
    return findings


def at(server: Server, kind: type[Provider] = Cryptofuse, **changes: Any) -> Findings:
    """The findings with this server as the provider."""
    credentials = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    given: dict[str, Any] = {**credentials, **ARGUMENTS[kind], "base_url": server.base_url, **changes}
    return look(kind, **given)


def texts(findings: Findings) -> str:
    return json.dumps([asdict(finding) for each in findings.values() for finding in each], ensure_ascii=False)


# A working provider


@each_provider
def test_with_a_working_provider_all_checks_are_ok_after_one_request(kind: type[Provider], server: Server) -> None:
    token = jwt.encode({"exp": _clock.wall().timestamp() + 3600}, "k" * 32) if kind is RipioWidget else "a-token"
    server.reply = Reply(GRANTED[kind](token))
    findings = at(server, kind)
    assert {finding.verdict for each in findings.values() for finding in each} == {"ok"}
    assert [finding.advice for each in findings.values() for finding in each] == [""] * len(CHECKS)
    assert len(server.seen) == 1


def test_a_check_is_made_when_its_finding_is_requested(server: Server) -> None:
    findings = diagnose(Cryptofuse, {"client_id": "i", "client_secret": "s", "base_url": server.base_url}, variables={})
    assert [next(findings).check for _ in range(5)] == [*CHECKS[:5]]
    assert server.seen == []
    assert next(findings).check == "clock"
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("arguments", "options", "argument"),
    [
        ((make(Cryptofuse), {"client_id": "i"}), {}, "overrides"),
        ((Ripple, "client_id"), {}, "overrides"),
        ((SpecProvider,), {}, "provider"),
        ((Provider,), {}, "provider"),
        ((str,), {}, "provider"),
        (("ripple",), {}, "provider"),
        ((Ripple,), {"store": "a folder"}, "store"),
        ((Ripple,), {"policy": 5}, "policy"),
        ((), {}, "provider"),
    ],
)
def test_an_invalid_argument_is_refused_at_once(arguments: Any, options: Any, argument: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{argument}: ") as caught:
        diagnose(*arguments, **options)
    assert caught.value.argument == argument


def made(server: Server) -> Iterator[Provider]:
    given: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    for kind in (Cryptofuse, Ripple, AlternativePayments):
        yield make(kind, base_url=server.base_url)
    yield ClientCredentials(
        **given, token_url=f"{server.base_url}/t?a=b", scope=("read",), parameters={"audience": "x"}
    )
    spec = next(path for path in SPECS if path.stem == "cryptofuse")
    yield SpecProvider(spec, **given, base_url=server.base_url, scope="read")


def test_a_provider_that_is_made_is_examined_whatever_its_class(server: Server) -> None:
    for provider in made(server):
        server.seen.clear()
        found = list(diagnose(provider, variables={"RIPPLE_ENVIRONMENT": "nowhere", "CRYPTOFUSE_CLIENT_ID": "other"}))
        assert {each.verdict for each in found} == {"ok"}
        assert [each.check for each in found] == [*CHECKS]
        assert found[0].seen.startswith(f"client {fingerprint(CLIENT_ID)}, ")
        assert len(server.seen) == 1


def test_a_provider_that_is_made_is_advised_by_the_names_of_its_arguments(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{CLIENT_SECRET} ")
    file.chmod(0o644)
    server.reply = Reply({}, 307, {"Location": "https://other.example/oauth/token"})
    provider = make(Ripple, base_url=server.base_url, client_secret=SecretFile(str(file)))
    found = {each.check: each for each in diagnose(provider, variables={})}
    assert found["settings"].verdict == "warning"
    assert found["redirect"].advice == "If that is the provider's URL, set base_url=https://other.example."
    seen = [each.seen for each in diagnose(provider, variables={}) if each.check == "settings"]
    assert seen[0] == "client_secret: the value starts or ends with white space"
    assert seen[1].startswith(f"{file} is open to all users")


def test_a_class_that_no_spec_describes_is_examined_as_far_as_its_settings_go(server: Server) -> None:
    credentials: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    whole = look(ClientCredentials, **credentials, token_url=f"{server.base_url}/t")
    assert {each.verdict for (each,) in whole.values()} == {"ok"}
    assert [seen.path for seen in server.seen] == ["/t"]
    without_secret = look(ClientCredentials, client_id=CLIENT_ID, token_url=f"{server.base_url}/t")
    assert "CLIENT_CREDENTIALS_CLIENT_SECRET" in only(without_secret, "settings").seen
    assert only(without_secret, "tcp").verdict == "ok"
    without_address = look(ClientCredentials, **credentials)
    assert only(without_address, "settings").seen == "environment variable CLIENT_CREDENTIALS_TOKEN_URL: is missing"
    assert only(without_address, "address").verdict == "skipped"
    assert len(server.seen) == 1


# Settings


def variables(**changes: str | None) -> dict[str, str]:
    given: dict[str, str | None] = {
        "RIPPLE_CLIENT_ID": CLIENT_ID,
        "RIPPLE_CLIENT_SECRET": CLIENT_SECRET,
        "RIPPLE_ENVIRONMENT": "test",
        "RIPPLE_TENANT_ID": "acme",
        "RIPPLE_BASE_URL": "http://127.0.0.1:1",
        **{f"RIPPLE_{name}": value for name, value in changes.items()},
    }
    return {name: value for name, value in given.items() if value is not None}


def settings(**changes: str | None) -> list[Finding]:
    return look(Ripple, variables=variables(**changes))["settings"]


def test_settings_are_listed_by_variable_or_argument() -> None:
    findings = look(Ripple, variables=variables(TENANT_ID=None), tenant_id="acme")
    assert only(findings, "settings").seen == (
        f"client {fingerprint(CLIENT_ID)}, secret of {len(CLIENT_SECRET)} characters; "
        "RIPPLE_CLIENT_ID, RIPPLE_CLIENT_SECRET, RIPPLE_BASE_URL, RIPPLE_ENVIRONMENT, tenant_id"
    )


def test_the_environment_variables_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables().items():
        monkeypatch.setenv(name, value)
    assert next(diagnose(Ripple)).verdict == "ok"


@pytest.mark.parametrize(
    ("changes", "seen", "advice"),
    [
        ({"CLIENT_ID": None}, "environment variable RIPPLE_CLIENT_ID: is missing", "RIPPLE_CLIENT_ID"),
        (
            {"CLIENT_ID": None, "CLIENT_SECRET": None, "ENVIRONMENT": None, "TENANT_ID": None},
            "environment variable RIPPLE_CLIENT_ID: is missing",
            "RIPPLE_CLIENT_SECRET (or ..._FILE), RIPPLE_ENVIRONMENT, RIPPLE_TENANT_ID (or RIPPLE_AUDIENCE).",
        ),
        (
            {"CLIENT_ID": None, "TENANT_ID": None, "AUDIENCE": "x"},
            "environment variable RIPPLE_CLIENT_ID",
            "for RIPPLE_CLIENT_ID.",
        ),
        (
            {"CLIENT_SECRET": ""},
            "environment variable RIPPLE_CLIENT_SECRET: is missing; set but empty: RIPPLE_CLIENT_SECRET",
            "..._FILE",
        ),
        (
            {"CLIENT_SECRET": f"{CLIENT_SECRET}\n"},
            "environment variable RIPPLE_CLIENT_SECRET: holds a control character; the value ends with a line break",
            "without control characters",
        ),
        ({"ENVIRONMENT": "prod"}, "environment variable RIPPLE_ENVIRONMENT: is 'prod'", "test, uat, production"),
        ({"BASE_URL": "http://example.com"}, "environment variable RIPPLE_BASE_URL: is plain http", "https://"),
        ({"CLIENT_SECRET_FILE": "x"}, "RIPPLE_CLIENT_SECRET_FILE: is set together with RIPPLE_CLIENT_SECRET", "one of"),
        (
            {"CLIENT_SECRET": None, "CLIENT_SECRET_FILE": "/nowhere/secret"},
            "environment variable RIPPLE_CLIENT_SECRET_FILE: the file '/nowhere/secret' cannot be read (FileNotFoundError)",
            "UTF-8",
        ),
        (
            {"TENANT_ID": None, "AUDIENCE": "urn:ripplexcurrent-prod:acme"},
            "environment variable RIPPLE_AUDIENCE: is of the environment 'prod'",
            "'test'",
        ),
    ],
)
def test_an_invalid_setting_is_a_failure(changes: dict[str, str | None], seen: str, advice: str) -> None:
    (finding,) = settings(**changes)
    assert (finding.verdict, finding.code) == ("failed", "configuration")
    assert finding.seen.startswith(seen)
    assert advice in finding.advice


def test_the_network_is_checked_without_credentials_too(server: Server) -> None:
    findings = look(Ripple, variables={"RIPPLE_ENVIRONMENT": "test", "RIPPLE_BASE_URL": server.base_url})
    assert only(findings, "tcp").verdict == only(findings, "tls").verdict == only(findings, "proxy").verdict == "ok"
    for check in (*NEED_THE_REQUEST, "parameters", "cache"):
        assert only(findings, check) == Finding(check, "skipped", "settings must pass first")
    assert server.seen == []


def test_the_environments_host_is_looked_up_without_credentials_too() -> None:
    address = only(look(Ripple, variables={"RIPPLE_ENVIRONMENT": "uat"}), "address")
    assert "auth-uat.rnc.ripplenet.com" in address.seen


@pytest.mark.parametrize("base_url", [None, "ftp://nowhere"])
def test_nothing_is_looked_up_without_a_token_url(base_url: str | None) -> None:
    findings = look(Cryptofuse, variables={"CRYPTOFUSE_BASE_URL": base_url} if base_url else {})
    assert only(findings, "address") == Finding("address", "skipped", "the settings give no token URL")
    assert only(findings, "tcp") == Finding("tcp", "skipped", "address must pass first")


@pytest.mark.parametrize(
    ("value", "oddity"),
    [
        (f" {CLIENT_SECRET}", "starts or ends with white space"),
        (f"{CLIENT_SECRET} ", "starts or ends with white space"),
        (f'"{CLIENT_SECRET}"', "is in quotation marks"),
        (f"'{CLIENT_SECRET}'", "is in quotation marks"),
        (f"\ufeff{CLIENT_SECRET}", "starts with a byte order mark"),
    ],
)
def test_an_unusual_value_is_a_warning(value: str, oddity: str, tmp_path: Path) -> None:
    (finding,) = settings(CLIENT_SECRET=value)
    assert (finding.verdict, finding.code) == ("warning", None)
    assert finding.seen == f"RIPPLE_CLIENT_SECRET: the value {oddity}"
    assert finding.advice
    file = tmp_path / "secret"
    file.write_text(f"{value}\n", encoding="utf-8")
    file.chmod(0o600)
    (finding,) = settings(CLIENT_SECRET=None, CLIENT_SECRET_FILE=str(file))
    if value.startswith("\ufeff"):  # a program that reads a file leaves the mark out
        assert finding.verdict == "ok"
        return
    assert finding.seen == f"RIPPLE_CLIENT_SECRET_FILE: the value {oddity}"


@pytest.mark.parametrize("value", ["a'b", "'", "'a\"", "a b"])
def test_a_plausible_value_is_no_warning(value: str) -> None:
    (finding,) = settings(CLIENT_SECRET=value)
    assert finding.verdict == "ok"


@pytest.mark.parametrize(("mode", "verdict"), [(0o600, "ok"), (0o640, "ok"), (0o644, "warning"), (0o602, "warning")])
@pytest.mark.parametrize("given_as", ["variable", "argument"])
def test_a_secret_file_that_others_can_open_is_a_warning(
    mode: int, verdict: str, given_as: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{CLIENT_SECRET}\n")
    file.chmod(mode)
    if given_as == "variable":
        (finding,) = settings(CLIENT_SECRET=None, CLIENT_SECRET_FILE=str(file))
    else:
        (finding,) = look(Ripple, variables=variables(), client_secret=SecretFile(str(file)))["settings"]
    assert finding.verdict == verdict
    if verdict == "warning":
        assert finding.seen == f"{file} is open to all users of this machine (mode {mode:04o})"
        assert finding.advice == f"chmod 600 {file}"


def test_a_secret_file_that_is_not_used_is_not_checked(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(CLIENT_SECRET)
    file.chmod(0o644)
    given = variables(CLIENT_SECRET=None, CLIENT_SECRET_FILE=str(file))
    (finding,) = look(Ripple, variables=given, client_secret="another")["settings"]
    assert finding.verdict == "ok"


def test_a_callable_secret_that_fails_is_a_failure() -> None:
    def vault() -> str:
        raise RuntimeError(SECRET)

    (finding,) = look(Ripple, variables=variables(CLIENT_SECRET=None), client_secret=vault)["settings"]
    assert (finding.verdict, finding.code) == ("failed", "configuration")
    assert finding.seen == "client_secret: the callable raised RuntimeError"


def test_a_base_url_of_another_environment_is_a_warning() -> None:
    finding = settings(BASE_URL="https://auth.rnc.ripplenet.com")[-1]
    assert finding.verdict == "warning"
    assert finding.seen == "base_url belongs to the environment 'production', but the environment is set to 'test'"
    assert "Remove base_url" in finding.advice


# The clock and redirects


def dated(seconds: float) -> dict[str, str]:
    return {"Date": format_datetime(_clock.wall() + timedelta(seconds=seconds), usegmt=True)}


@pytest.mark.parametrize(
    ("seconds", "verdict", "seen"),
    [
        (0, "ok", "agrees with the server's Date within 1 s"),
        (-20, "ok", "agrees with the server's Date within 21 s"),
        (-600, "warning", "this machine's clock is 10 min ahead of the server's Date"),
        (7200, "warning", "this machine's clock is 2 h behind the server's Date"),
    ],
)
def test_a_wrong_clock_is_a_warning(seconds: float, verdict: str, seen: str, server: Server, clock: Clock) -> None:
    server.reply = lambda _: Reply(granted().document, headers=dated(seconds))
    finding = only(at(server), "clock")
    assert (finding.verdict, finding.seen) == (verdict, seen)
    assert ("NTP" in finding.advice) == (verdict == "warning")


def test_without_a_date_header_the_clock_is_not_checked(server: Server) -> None:
    server.reply = Reply(granted().document, headers={"Date": ""})
    assert only(at(server), "clock") == Finding("clock", "skipped", "the response has no Date header")


PRODUCTION = "https://api.cryptofuse.example"


@pytest.mark.parametrize(
    ("location", "seen", "advice"),
    [
        (f"{PRODUCTION}/o/token/", f"{PRODUCTION}/o/token/", f"set CRYPTOFUSE_BASE_URL={PRODUCTION}."),
        (f"{PRODUCTION}/v2/o/token/", f"{PRODUCTION}/v2/o/token/", f"set CRYPTOFUSE_BASE_URL={PRODUCTION}/v2."),
        ("/v2/o/token/", "{}/v2/o/token/", "set CRYPTOFUSE_BASE_URL={}/v2."),
        ("http://api.example/o/token/", "http://api.example/o/token/", "base_url: is plain http to 'api.example'"),
        ("/o/token", "{}/o/token", "a token request goes to /o/token/ under it"),
        ("/login?next=/o/token/&x=1", "{}/login", "a token request goes to /o/token/"),
        ("http://[", "an address that is not valid", "a token request goes to /o/token/"),
    ],
)
@pytest.mark.parametrize("status", [301, 308])
def test_a_redirect_is_a_failure(status: int, location: str, seen: str, advice: str, server: Server) -> None:
    server.reply = Reply({}, status, {"Location": location})
    findings = at(server)
    finding = only(findings, "redirect")
    assert (finding.verdict, finding.code) == ("failed", "malformed")
    assert finding.seen == f"status {status} redirects to {seen.format(server.base_url)}"
    assert advice.format(server.base_url) in finding.advice
    assert only(findings, "response") == Finding("response", "skipped", "redirect must pass first")
    assert only(findings, "environment") == Finding(
        "environment", "skipped", "the response says nothing about the credentials"
    )
    assert only(findings, "expiry") == Finding("expiry", "skipped", "response must pass first")
    assert len(server.seen) == 1


# The response


@pytest.mark.parametrize(
    ("reply", "code", "seen", "advice"),
    [
        (
            Reply({"error": "invalid_client"}, 401),
            "refused",
            '401 application/json, {"error": "invalid_client"}',
            "complete",
        ),
        (Reply({"error": "invalid_scope"}, 400), "refused", '400 application/json, {"error": "inval', "granted"),
        (Reply({"error": "unauthorized_client"}, 400), "refused", "400 application/json", "may not use"),
        (Reply({"error": "odd"}, 400), "refused", "400 application/json", "Show this response"),
        (
            Reply(b"<title>Not &amp; found</title>", 404),
            "refused",
            "404 application/json, HTML page: Not & found",
            "and its path",
        ),
        (Reply({}, 405), "refused", "405 application/json, {}", "no token endpoint"),
        (
            Reply({}, 429, {"Retry-After": "120"}),
            "unavailable",
            "429 application/json, {}; retry-after: 120",
            "Wait 2 min.",
        ),
        (Reply({}, 429), "unavailable", "429 application/json, {}", "Wait."),
        (Reply(b"busy", 503, {"Content-Type": "text/plain"}), "unavailable", "503 text/plain, busy", "status page"),
        (Reply(b"<p>Hello", 200, {"Content-Type": "text/html"}), "malformed", "200 text/html, HTML page", "login page"),
        (
            Reply(b"hello", 200, {"Content-Type": ""}),
            "malformed",
            "200 no media type, 5 bytes that are not JSON",
            "is not JSON",
        ),
        (Reply(b"", 200), "malformed", "200 application/json, empty body", "is not JSON"),
        (Reply(b" " * (1 << 20) + b"{}"), "malformed", "200 application/json, body too long", "too long"),
        (Reply({"no": "thing"}), "malformed", '200 application/json, {"no": "<text>"}', "holds no token"),
        (Reply({"access_token": 5}), "malformed", '200 application/json, {"access_token": "<int>"}', "holds no token"),
        (granted("a b"), "malformed", f"<token {fingerprint('a b')}>", "header cannot carry"),
        (granted("a-token", -1), "malformed", '"expires_in": -1', "already expired"),
    ],
)
def test_a_response_without_a_token_is_a_failure(
    reply: Reply, code: str, seen: str, advice: str, server: Server
) -> None:
    server.reply = reply
    findings = at(server)
    finding = only(findings, "response")
    assert (finding.verdict, finding.code) == ("failed", code)
    assert seen in finding.seen
    assert advice in finding.advice
    assert only(findings, "redirect") == Finding("redirect", "ok", "no redirect")
    assert only(findings, "expiry") == Finding("expiry", "skipped", "response must pass first")
    assert len(server.seen) == 1


def test_a_long_or_deep_response_is_shortened(server: Server) -> None:
    server.reply = Reply({"words": ["word"] * 1000}, 400)
    assert only(at(server), "response").seen.endswith("[cut]")
    assert len(only(at(server), "response").seen) < 500
    deep: Any = "end"
    for _ in range(400):
        deep = [deep]
    server.reply = Reply({"deep": deep}, 400)
    assert only(at(server), "response").seen.endswith('{"deep": [[["..."]]]}')


def test_only_some_headers_are_shown(server: Server) -> None:
    headers = {"Set-Cookie": "session=abc", "X-Request-Id": "42", "Server": "nginx", "X-Odd": "abc"}
    server.reply = Reply({"error": "odd"}, 400, headers)
    seen = only(at(server), "response").seen
    assert seen.endswith("; server: nginx; x-request-id: 42")
    assert "abc" not in seen


def disconnect(_: Seen) -> Reply:
    raise ConnectionError


def test_a_server_that_sends_no_response_is_a_failure(server: Server) -> None:
    server.reply = disconnect
    findings = at(server)
    finding = only(findings, "response")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen.startswith("cryptofuse: RemoteProtocolError: ")
    assert "ask the provider" in finding.advice
    for check in ("clock", "redirect"):
        assert only(findings, check) == Finding(check, "skipped", "there was no response")
    assert only(findings, "basic").verdict == "ok"
    for check in ("response", "environment", "expiry"):
        assert only(findings, check).verdict != "ok"


def test_a_server_that_responds_too_late_is_a_failure(server: Server) -> None:
    server.hold.clear()
    findings = at(server, policy=RefreshPolicy(timeout=0.05))
    server.hold.set()
    assert "ReadTimeout" in only(findings, "response").seen


# HTTP Basic


def accepts(*encodings: Any) -> Callable[[Seen], Reply]:
    """A server that accepts the credentials in these encodings."""
    known = {f"Basic {basic_credentials(CLIENT_ID, AWKWARD, encoding)}" for encoding in encodings}
    refusal = Reply({"error": "invalid_client"}, 401)
    return lambda seen: granted() if seen.headers["Authorization"] in known else refusal


@pytest.mark.parametrize(
    ("accepted", "configured", "verdict", "seen", "response", "requests"),
    [
        (["plain"], "auto", "ok", "plain is accepted", "ok", 1),
        (["form"], "form", "ok", "form-encoded is accepted", "ok", 1),
        (["form"], "auto", "warning", "plain is refused, form-encoded is accepted", "ok", 2),
        (["form"], "plain", "failed", "plain is refused, form-encoded is accepted", "failed", 2),
        (["plain"], "form", "failed", "form-encoded is refused, plain is accepted", "failed", 2),
        ([], "auto", "ok", "plain is refused, form-encoded too: the encoding is not the cause", "failed", 2),
    ],
)
def test_both_encodings_of_http_basic_are_tried(  # noqa: PLR0913, PLR0917 - a table
    accepted: list[str], configured: str, verdict: str, seen: str, response: str, requests: int, server: Server
) -> None:
    server.reply = accepts(*accepted)
    findings = at(server, client_secret=AWKWARD, basic_encoding=configured)
    finding = only(findings, "basic")
    assert (finding.verdict, finding.seen) == (verdict, seen)
    assert finding.code == ("refused" if verdict == "failed" else None)
    assert (f'basic_encoding="{"".join(accepted)}"' in finding.advice) == (verdict in {"warning", "failed"})
    assert only(findings, "response").verdict == response
    assert len(server.seen) == requests


def test_the_encoding_is_not_checked_for_credentials_in_the_body(server: Server) -> None:
    finding = only(at(server, auth_method="client_secret_post", client_secret=AWKWARD), "basic")
    assert finding == Finding("basic", "ok", "not used: the credentials are not sent as HTTP Basic")
    assert len(server.seen) == 1


def test_the_encoding_is_skipped_if_the_response_says_nothing_about_it(server: Server) -> None:
    server.reply = Reply({}, 503)
    assert only(at(server, client_secret=AWKWARD), "basic").seen == "the response says nothing about the credentials"
    replies = [Reply({}, 401), Reply({}, 503)]
    server.reply = lambda _: replies.pop(0)
    finding = only(at(server, client_secret=AWKWARD), "basic")
    assert (finding.verdict, finding.seen) == ("skipped", "plain is refused, form-encoded gave no result")


def test_an_id_that_plain_cannot_encode_is_sent_once(server: Server) -> None:
    server.reply = Reply({}, 401)
    findings = at(server, client_id="a:b", basic_encoding="form")
    assert only(findings, "basic").verdict == "ok"
    assert len(server.seen) == 1


# The environment and the parameters


def test_a_refusal_warns_that_the_credentials_may_belong_to_another_environment(server: Server) -> None:
    server.reply = Reply({"error": "invalid credentials"}, 403)
    finding = only(at(server, AlternativePayments), "environment")
    assert finding.verdict == "warning"
    assert finding.seen == "refused in 'demo'; the response is the same if the credentials belong to 'production'"
    assert "Set ALTERNATIVE_PAYMENTS_ENVIRONMENT to" in finding.advice
    assert "not tried in another one" in finding.advice
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("kind", "reply", "verdict", "seen"),
    [
        (Ripple, Reply(GRANTED[Ripple]("t")), "ok", "the credentials belong to test"),
        (Ripple, Reply({}, 503), "skipped", "the response says nothing about the credentials"),
        (Ripple, disconnect, "skipped", "there was no response"),
        (Cryptofuse, Reply(GRANTED[Cryptofuse]("t")), "ok", "the provider has no environments"),
        (Cryptofuse, Reply({}, 401), "ok", "the provider has no other environment"),
        (
            RipioRamp,
            Reply({}, 401),
            "warning",
            "refused in 'sandbox'; the response is the same if the credentials belong to",
        ),
    ],
)
def test_the_finding_about_the_environment_depends_on_the_response(
    kind: type[Provider], reply: Any, verdict: str, seen: str, server: Server
) -> None:
    server.reply = reply
    finding = only(at(server, kind), "environment")
    assert finding.verdict == verdict
    assert finding.seen.startswith(seen)


@pytest.mark.parametrize(
    ("kind", "changes", "verdict", "seen"),
    [
        (Ripple, {}, "ok", "audience urn:ripplexcurrent-test:acme"),
        (Cryptofuse, {}, "ok", "scope read write"),
        (Cryptofuse, {"scope": ()}, "ok", "no parameter is needed"),
        (RipioRamp, {}, "ok", "no parameter is needed"),
        (RipioWidget, {}, "ok", f"username {fingerprint(f'{CLIENT_ID}:{USER}:0x05')}"),
        (
            Ripple,
            {"tenant_id": None, "audience": "urn:acme:latest"},
            "warning",
            "audience urn:acme:latest does not name the environment 'test'",
        ),
    ],
)
def test_parameters_are_shown_and_compared_with_the_environment(
    kind: type[Provider], changes: dict[str, Any], verdict: str, seen: str, server: Server
) -> None:
    finding = only(at(server, kind, **changes), "parameters")
    assert finding.verdict == verdict
    assert finding.seen.startswith(seen)
    assert CLIENT_ID not in finding.seen
    assert bool(finding.advice) == (verdict == "warning")


# The expiry


def a_jwt(seconds: float) -> str:
    return jwt.encode({"exp": _clock.wall().timestamp() + seconds}, "k" * 32)


@pytest.mark.parametrize(
    ("document", "verdict", "seen"),
    [
        ({"expires_in": 3600}, "ok", "/expires_in (seconds) says 1 h"),
        ({"expires_in": "5400"}, "ok", "/expires_in (seconds) says 90 min"),
        ({}, "warning", "/expires_in (seconds) is missing: 5 min are assumed"),
        ({"expires_in": "soon"}, "warning", "/expires_in (seconds) cannot be read: 5 min are assumed"),
        ({"expires_in": 20}, "warning", "/expires_in (seconds) says 20 s, which is not plausible"),
        ({"expires_in": 3600000}, "warning", "/expires_in (seconds) says 41.7 d, which is not plausible"),
        ({"expires_in": 3600, "exp": 3610}, "ok", "/expires_in (seconds) says 1 h"),
        ({"expires_in": 3600, "exp": 600}, "warning", "but the token's own exp claim is 50 min earlier"),
        ({"expires_in": 3600, "exp": 7200}, "warning", "but the token's own exp claim is 1 h later"),
        ({"expires_in": 3600, "exp": "odd"}, "ok", "/expires_in (seconds) says 1 h"),
    ],
)
def test_the_lifetime_is_shown_and_checked(
    document: dict[str, Any], verdict: str, seen: str, server: Server, clock: Clock
) -> None:
    token = "a-token"
    if "exp" in document:
        end = document["exp"]
        token = a_jwt(end) if isinstance(end, int) else jwt.encode({"sub": end}, "k" * 32)
    server.reply = lambda _: Reply({"access_token": token, **document}, headers=dated(0))
    finding = only(at(server), "expiry")
    assert finding.verdict == verdict
    assert seen in finding.seen
    assert bool(finding.advice) == (verdict == "warning")


def test_a_lifetime_inside_the_token_is_shown(server: Server, clock: Clock) -> None:
    server.reply = lambda _: Reply(GRANTED[RipioWidget](a_jwt(7200)), headers=dated(0))
    assert only(at(server, RipioWidget), "expiry").seen == "the exp claim of the token at /token says 2 h"
    server.reply = Reply(GRANTED[RipioWidget]("no-jwt"))
    assert only(at(server, RipioWidget), "expiry").seen.startswith(
        "the exp claim of the token at /token cannot be read: "
    )


# The cache


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "cache")


def cache_findings(server: Server, store: Any, **changes: Any) -> list[Finding]:
    return at(server, store=store, **changes)["cache"]


def test_without_a_store_the_cache_is_ok(server: Server) -> None:
    assert only(at(server), "cache").seen == "no store: each process keeps its token in memory"


def test_a_store_that_does_not_exist_is_not_created(server: Server, store: FileStore, tmp_path: Path) -> None:
    (finding,) = cache_findings(server, store)
    assert (finding.verdict, finding.seen) == ("ok", f"{store!r} has no entry for these credentials")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("kind", [FileStore, MemoryStore])
@pytest.mark.parametrize(
    ("passed", "seen"),
    [
        (0, "fresh, renewal due in 48 min, ends in 1 h"),
        (3000, "due, expires in 9.5 min, ends in 10 min"),
        (3580, "expired, ends in 20 s"),
    ],
)
def test_a_token_in_the_store_is_shown_with_its_state(  # noqa: PLR0913, PLR0917 - a table
    passed: float, seen: str, kind: Any, server: Server, clock: Clock, tmp_path: Path
) -> None:
    store = FileStore(tmp_path / "cache") if kind is FileStore else MemoryStore()
    TokenSource(make(Cryptofuse, base_url=server.base_url), store=store).get()
    clock.pass_by(passed)
    (finding,) = cache_findings(server, store)
    assert (finding.verdict, finding.seen) == ("ok", f"token {fingerprint('token-1')}, {seen}; {store!r}")


def test_a_store_is_not_changed(server: Server, store: FileStore, tmp_path: Path) -> None:
    def state() -> list[tuple[str, bytes, int]]:
        return sorted(
            (file.name, file.read_bytes(), file.stat().st_mtime_ns) for file in (tmp_path / "cache").iterdir()
        )

    TokenSource(make(Cryptofuse, base_url=server.base_url), store=store).get()
    before = state()
    assert only(at(server, store=store), "response").verdict == "ok"
    assert state() == before
    server.reply = Reply({}, 401)
    at(server, store=store)
    assert state() == before


def test_the_file_of_a_lock_is_not_created(server: Server, store: FileStore, tmp_path: Path) -> None:
    key = registration_of(make(Cryptofuse, base_url=server.base_url)).cache_key(Credentials(CLIENT_SECRET))
    store.save(key, Entry(Grant(Token("kept"), _clock.monotonic(), 600.0), _clock.monotonic() + 600))
    (finding,) = cache_findings(server, store)
    assert finding.seen.startswith(f"token {fingerprint('kept')}, fresh, ")
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [f"{key}.token"]


def test_a_remembered_error_is_shown_and_the_request_is_made(server: Server, store: FileStore, clock: Clock) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    with pytest.raises(InvalidClient):
        TokenSource(make(Cryptofuse, base_url=server.base_url), store=store).get()
    server.reply = granted()
    clock.pass_by(18)
    findings = at(server, store=store)
    finding = only(findings, "cache")
    assert finding.verdict == "warning"
    assert finding.seen.startswith(
        "an error is remembered for another 42 s: cryptofuse: status 401, credentials refused"
    )
    assert "paygrant cache clear" in finding.advice
    assert only(findings, "response").verdict == "ok"
    clock.pass_by(60)
    assert only(at(server, store=store), "cache").verdict == "ok"


def test_a_held_lock_is_a_warning(server: Server, store: FileStore) -> None:
    key = registration_of(make(Cryptofuse, base_url=server.base_url)).cache_key(Credentials(CLIENT_SECRET))
    with store.lock(key, 1):
        (finding,) = cache_findings(server, store)
    assert (finding.verdict, finding.seen) == ("warning", "another process holds the lock")
    (finding,) = cache_findings(server, store)
    assert finding.verdict == "ok"


def test_a_store_that_fails_is_a_warning(server: Server, store: FileStore, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(0o777)
    (finding,) = cache_findings(server, store)
    assert finding.verdict == "warning"
    assert finding.seen == f"{store!r} fails: others than this user may write to {folder}"
    assert finding.advice

    assert "XDG_CACHE_HOME" in finding.advice

    class Broken(MemoryStore):
        def load(self, key: str) -> Entry | None:
            raise RuntimeError(f"redis://:{SECRET}@nowhere")

    (finding,) = cache_findings(server, Broken())
    assert finding.seen.endswith(" fails: RuntimeError")
    assert "XDG_CACHE_HOME" not in finding.advice


@pytest.mark.parametrize("place", ["file", "file/deeper/still"])
def test_a_store_that_cannot_be_created_is_a_warning(server: Server, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (finding,) = cache_findings(server, store := FileStore(tmp_path / place / "cache"))
    assert (finding.verdict, finding.seen) == ("warning", f"{store!r} fails: {tmp_path}/file is not a folder")


def test_a_store_in_a_folder_that_is_not_writable_is_a_warning(
    server: Server, store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def access(path: Path, mode: int) -> bool:  # root may write everywhere
        assert (path, mode) == (tmp_path, os.W_OK)
        return False

    monkeypatch.setattr(os, "access", access)
    (finding,) = cache_findings(server, store)
    assert (finding.verdict, finding.seen) == ("warning", f"{store!r} fails: {tmp_path} is not writable")


# Nothing secret, and nothing more than is needed

CANARIES: dict[str, Any] = {"client_id": ID, "client_secret": SECRET}

REPLIES: dict[str, Callable[[Seen], Reply]] = {
    "a token": lambda _: granted(TOKEN),
    "a token in odd places": lambda _: granted(
        TOKEN, id_token=TOKEN, more=[TOKEN, {"note": TOKEN}], scope=TOKEN, error=TOKEN
    ),
    "a token beside its place": lambda _: Reply({"token": TOKEN, "data": {"access_token": TOKEN}}),
    "a list of tokens": lambda _: Reply({"access_token": [TOKEN]}),
    "a token for a key": lambda _: Reply({"access_token": TOKEN, TOKEN: 1}),
    "a token type": lambda _: granted(TOKEN, token_type=TOKEN),
    "a cut token": lambda _: Reply(json.dumps({"access_token": TOKEN}).encode()[:-1]),
    "a token as a form": lambda _: Reply(f"access_token={TOKEN}".encode(), headers={"Content-Type": "text/plain"}),
    "an echo": lambda seen: Reply({"error": f"no {echo(seen)}", "error_description": echo(seen)}, 401),
    "an echo for a key": lambda seen: Reply({echo(seen): echo(seen)}, 400),
    "an echo in text": lambda seen: Reply(f"no {echo(seen)}".encode(), 503, {"Content-Type": "text/plain"}),
    "an echo in a page": lambda seen: Reply(f"<title>{echo(seen)}</title>{echo(seen)}".encode(), 403),
    "an echo in headers": lambda seen: Reply(
        {},
        401,
        dict.fromkeys(
            ("Server", "WWW-Authenticate", "Set-Cookie", "Via", "Content-Type"), seen.headers["Authorization"]
        ),
    ),
    "an echo in a redirect": lambda seen: Reply(
        {}, 302, {"Location": f"https://a.example/{seen.headers['Authorization']}"}
    ),
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_no_finding_shows_a_secret(
    reply: Callable[[Seen], Reply], server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server.reply = reply
    store = FileStore(tmp_path)
    key = registration_of(make(Cryptofuse, base_url=server.base_url, **CANARIES)).cache_key(Credentials(SECRET))
    store.save(key, Entry(Grant(Token(TOKEN), _clock.monotonic(), 60.0), _clock.monotonic() + 60))
    findings = at(server, store=store, **CANARIES)
    assert found(texts(findings) + str(findings)) == set()
    assert found("".join(capfd.readouterr())) == set()


@each_provider
def test_no_finding_of_any_provider_shows_a_secret(kind: type[Provider], server: Server, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f" '{SECRET}\n")
    server.reply = Reply(GRANTED[kind](TOKEN))
    findings = at(server, kind, client_id=CORES[0], client_secret=SecretFile(str(file)))
    assert only(findings, "response").verdict == "ok"
    assert found(texts(findings)) == set()


def test_a_secret_that_comes_back_as_a_number_is_masked(server: Server) -> None:
    server.reply = Reply({"given": 1234567890, "tries": 3}, 400)
    seen = only(at(server, client_secret="1234567890"), "response").seen
    assert '{"given": "<number>", "tries": 3}' in seen


def test_the_search_finds_what_a_server_repeats(server: Server) -> None:
    server.reply = REPLIES["an echo"]
    at(server, **CANARIES)
    assert found(str(server.reply(server.seen[0]).document)) == set(CORES[:2])


@pytest.fixture
def production() -> Iterator[Server]:
    """Another host, which must receive nothing."""
    with serve() as server:
        yield server


def test_credentials_are_sent_to_no_other_server(server: Server, production: Server) -> None:
    server.reply = Reply({}, 307, {"Location": f"{production.base_url}/o/token/"})
    at(server)
    assert production.seen == []


def test_connection_tests_send_nothing() -> None:
    heard: list[bytes] = []
    with serve_raw(lambda connection: heard.append(read_request(connection))) as base_url:
        findings = look(Cryptofuse, client_id=CLIENT_ID, base_url=base_url)
    assert only(findings, "tcp").verdict == "ok"
    assert set(heard) <= {b""}


def test_of_a_huge_page_or_array_only_a_part_is_read(server: Server) -> None:
    server.reply = Reply(b"<title>" * 140_000, 404, {"Content-Type": "text/html"})
    assert "404 text/html, HTML page" in only(at(server), "response").seen
    server.reply = Reply([1.5] * 200_000, 404)
    seen = only(at(server), "response").seen
    assert "[1.5, 1.5, " in seen
    assert len(seen) < 500


TOKENS = [
    "TOKENSECRET-aaaa",
    "tok_live_8f3k2",
    "a1b2c3d4",
    "abcDEFghIJKL",
    "deadbeefcafebabe",
    "Zm9vYmFyMTIz",
    "k" * 39 + "1",
]


@pytest.mark.parametrize("token", TOKENS)
def test_a_short_token_in_an_odd_place_is_not_shown(token: str, server: Server) -> None:
    headers = {
        "X-Request-Id": token,
        "X-Correlation-Id": f"id={token}",
        "WWW-Authenticate": f'Bearer realm="{token}"',
        "Via": f"1.1 {token}",
        "Server": token,
    }
    pages: list[tuple[str, bytes]] = [
        ("text/html", f"<title>Hello {token}</title>".encode()),
        ("text/plain", f"no {token} here".encode()),
        (
            "application/json",
            json.dumps({"error": token, "note": f"is {token}", token: [token, {token: token}]}).encode(),
        ),
    ]
    for status in (200, 400, 401, 500):
        for media_type, body in pages:
            server.reply = Reply(body, status, {**headers, "Content-Type": media_type})
            assert token not in repr(at(server))


HARMLESS = {
    "X-Request-Id": "7f1d2a3e-5f0b-4c55-9a52-0f6a6f2f1a01",
    "WWW-Authenticate": 'Bearer realm="payments", error="invalid_token"',
    "Server": "nginx/1.18.0",
    "CF-Ray": "8c1234567890abcd-FRA",
}


def test_what_is_known_to_be_harmless_is_shown(server: Server) -> None:
    server.reply = Reply(
        b"<title>Service Temporarily Unavailable</title>", 400, {**HARMLESS, "Content-Type": "text/html"}
    )
    seen = only(at(server), "response").seen
    for text in (*HARMLESS.values(), "Service Temporarily Unavailable"):
        assert text in seen
