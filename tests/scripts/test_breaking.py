"""How changes of specs and signatures are reported, and in which order."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from paygrant._spec.description import ClientAuth, Condition, Lifetime, Parameter, Server, TokenEndpoint, TokenUse
from paygrant._spec.reader import endpoint_of
from scripts.breaking.__main__ import ROOT, _readable, main
from scripts.breaking.change import Weight
from scripts.breaking.endpoints import endpoint_changes

SECRET, BREAKING, FINE = Weight.SECRET, Weight.BREAKING, Weight.FINE
CRYPTOFUSE, RIPPLE, WIDGET = (
    endpoint_of(f"paygrant_clients.{name}") for name in ("cryptofuse", "ripple", "ripio_widget")
)
GRANT, SCOPE = CRYPTOFUSE.parameters


def parameters(*changed: Parameter) -> dict[str, Any]:
    return {"parameters": changed}


def responds_with(**parts: Any) -> dict[str, Any]:
    return {"response": RIPPLE.response._replace(**parts)}


def used(**parts: Any) -> dict[str, Any]:
    return {"token_use": TokenUse(**parts)}


def ripple_test(url: str = RIPPLE.servers["test"].url, fact: str = "test") -> dict[str, Any]:
    return {"servers": {**RIPPLE.servers, "test": Server(url, {"audience_environment": fact})}}


BY_HEADER = ClientAuth("header", "X-Id", "X-Key")
BASIC, BY_BODY = CRYPTOFUSE.client_auth
THREE_WAYS = CRYPTOFUSE._replace(client_auth=(BASIC, BY_BODY, BY_HEADER))


def with_parameters(*changed: Parameter) -> TokenEndpoint:
    return CRYPTOFUSE._replace(parameters=changed)


KEY = Parameter("X-Key", "header", argument="key", secret=True)
CHOOSY = Parameter("a", argument="a", choices=("one", 1))
COUNT = Parameter("a", argument="a", kind="integer")
FIXED = Parameter("a", value=1)
FLAG = RIPPLE._replace(success=Condition(at="/ok", equals=1), invalid_client=(Condition(at="/no", equals=1),))


@pytest.mark.parametrize(
    ("endpoint", "change", "weight", "what"),
    [
        (RIPPLE, ripple_test("https://evil.example"), SECRET, "becomes https://evil.example"),
        (RIPPLE, ripple_test("http://auth-test.rnc.ripplenet.com"), SECRET, "becomes http://"),
        (RIPPLE, ripple_test(fact="tst"), BREAKING, "test: audience_environment test becomes tst"),
        (WIDGET, {"servers": {"sandbox": Server(WIDGET.servers["sandbox"].url)}}, SECRET, "widget_url https://"),
        (RIPPLE, {"servers": dict(list(RIPPLE.servers.items())[1:])}, BREAKING, "the environment test is removed"),
        (RIPPLE, {"servers": {**RIPPLE.servers, "eu": Server("https://eu")}}, FINE, "a new environment, eu"),
        (CRYPTOFUSE, {"servers": {"eu": Server("https://eu")}}, BREAKING, "a new environment, eu"),
        (
            RIPPLE,
            {"client_auth": (BY_HEADER,)},
            SECRET,
            "credentials are sent by header X-Id X-Key instead of by client_secret_post",
        ),
        (
            CRYPTOFUSE,
            {"client_auth": CRYPTOFUSE.client_auth[::-1]},
            SECRET,
            "credentials are sent by client_secret_post",
        ),
        (
            CRYPTOFUSE,
            {"client_auth": CRYPTOFUSE.client_auth[:1]},
            BREAKING,
            "credentials are no longer sent by client_secret_post",
        ),
        (CRYPTOFUSE, {"client_auth": (*CRYPTOFUSE.client_auth, BY_HEADER)}, FINE, "credentials may be sent by header"),
        (
            CRYPTOFUSE,
            {"client_auth": (BASIC, BY_HEADER)},
            SECRET,
            "by header X-Id X-Key instead of by client_secret_post client_id",
        ),
        (
            THREE_WAYS,
            {"client_auth": (BASIC, ClientAuth("header", "X-Id", "X-B"))},
            SECRET,
            "sent by header X-Id X-B instead of by header X-Id X-Key",
        ),
        (
            THREE_WAYS,
            {"client_auth": (BASIC, BY_HEADER)},
            BREAKING,
            "credentials are no longer sent by client_secret_post",
        ),
        (RIPPLE, {"path": "/v2/token"}, BREAKING, "path /oauth/token becomes /v2/token"),
        (RIPPLE, {"method": "PUT"}, BREAKING, "method POST becomes PUT"),
        (RIPPLE, {"media_type": None}, BREAKING, "media_type application/json becomes None"),
        (CRYPTOFUSE, parameters(GRANT), BREAKING, "the parameter scope is removed"),
        (CRYPTOFUSE, parameters(SCOPE), BREAKING, "the parameter grant_type is removed"),
        (CRYPTOFUSE, parameters(GRANT, SCOPE, Parameter("a", argument="a")), FINE, "a new optional parameter, a"),
        (
            CRYPTOFUSE,
            parameters(GRANT, SCOPE, Parameter("a", argument="a", required=True)),
            BREAKING,
            "a new required parameter, a",
        ),
        (CRYPTOFUSE, parameters(GRANT, SCOPE, Parameter("a", value="b")), BREAKING, "a new fixed parameter, a"),
        (CRYPTOFUSE, parameters(GRANT, SCOPE._replace(required=True)), BREAKING, "scope is required"),
        (CRYPTOFUSE, parameters(GRANT._replace(required=False), SCOPE), FINE, "grant_type is optional"),
        (CRYPTOFUSE, parameters(GRANT._replace(value="x"), SCOPE), BREAKING, "grant_type is 'x'"),
        (CRYPTOFUSE, parameters(GRANT, SCOPE._replace(argument="scopes")), BREAKING, "scope is filled by scopes"),
        (CRYPTOFUSE, parameters(GRANT, SCOPE._replace(place="query")), BREAKING, "scope is sent in the query"),
        (CRYPTOFUSE, parameters(GRANT, SCOPE._replace(place="query", secret=True)), SECRET, "scope is sent in the"),
        (CRYPTOFUSE, parameters(GRANT, SCOPE._replace(kind="integer")), BREAKING, "scope is of type integer"),
        (CRYPTOFUSE, parameters(GRANT, SCOPE._replace(choices=("a",))), BREAKING, "scope no longer takes anything"),
        (with_parameters(KEY), parameters(KEY._replace(name="X-Other")), SECRET, "X-Key is sent as X-Other"),
        (with_parameters(KEY), parameters(KEY._replace(place="query")), SECRET, "X-Key is sent in the query"),
        (
            with_parameters(KEY),
            parameters(KEY._replace(name="key", place="query", argument="other")),
            SECRET,
            "key is sent in the query, not the header",
        ),
        (
            with_parameters(KEY, COUNT),
            parameters(KEY._replace(name="a"), COUNT._replace(name="X-Key")),
            SECRET,
            "X-Key is sent as a",
        ),
        (with_parameters(COUNT), parameters(COUNT._replace(name="b")), BREAKING, "a is sent as b"),
        (with_parameters(KEY), parameters(KEY._replace(secret=False)), SECRET, "X-Key is no longer secret"),
        (CRYPTOFUSE, parameters(GRANT, SCOPE._replace(secret=True)), FINE, "scope is secret"),
        (with_parameters(CHOOSY), parameters(CHOOSY._replace(choices=("two",))), BREAKING, "no longer takes 'one', 1"),
        (with_parameters(COUNT), parameters(COUNT._replace(kind="number")), FINE, "a takes every number"),
        (with_parameters(COUNT._replace(kind="number")), parameters(COUNT), BREAKING, "a is of type integer"),
        (with_parameters(FIXED), parameters(FIXED._replace(value=True)), BREAKING, "a is True, not 1"),
        (RIPPLE, responds_with(access_token=("/token",)), BREAKING, "access_token no longer read at /access_token"),
        (RIPPLE, responds_with(scope=("/scope", "/scopes")), FINE, "scope also read at /scopes"),
        (RIPPLE, responds_with(scope=("/scopes", "/scope")), BREAKING, "scope read at /scopes rather than at /scope"),
        (
            RIPPLE,
            responds_with(access_token=("/refresh_token", "/access_token")),
            SECRET,
            "access_token read at /refresh_token rather than at /access_token",
        ),
        (
            RIPPLE._replace(**responds_with(access_token=("/a", "/b"))),
            responds_with(access_token=("/b", "/a")),
            SECRET,
            "access_token read at /b rather than at /a",
        ),
        (
            RIPPLE._replace(**responds_with(access_token=("/a", "/b"))),
            responds_with(access_token=("/b",)),
            SECRET,
            "access_token read at /b rather than at /a",
        ),
        (RIPPLE, responds_with(lifetime=(Lifetime("never"),)), FINE, "the lifetime is read in another way"),
        (RIPPLE, used(header="X-Token", prefix=""), SECRET, "sent in the header X-Token, not the header Authorization"),
        (RIPPLE, used(header=None, prefix="", query="key"), SECRET, "the token is sent in the query as key, not the"),
        (RIPPLE, used(rejected_statuses=(401, 403)), FINE, "403 rejects a token"),
        (RIPPLE, used(rejected_statuses=(403,)), BREAKING, "401 no longer rejects a token"),
        (RIPPLE, used(headers={"Client_Id": "client_id"}), SECRET, "API calls have Client_Id, which client_id fills"),
        (RIPPLE._replace(**used(headers={"Client_Id": "client_id"})), used(), BREAKING, "no longer have Client_Id"),
        (RIPPLE, used(single_use=True), BREAKING, "each token is used once"),
        (RIPPLE._replace(**used(single_use=True)), used(), BREAKING, "a token is used more than once"),
        (RIPPLE, used(persist=False), BREAKING, "tokens are no longer persisted"),
        (RIPPLE, used(dpop=True), BREAKING, "tokens are bound to a key"),
        (RIPPLE._replace(**used(dpop=True)), used(), BREAKING, "tokens are no longer bound to a key"),
        (RIPPLE, {"needs_certificate": True}, BREAKING, "connections need a certificate"),
        (
            RIPPLE._replace(needs_certificate=True),
            {"needs_certificate": False},
            FINE,
            "connections need no certificate",
        ),
        (
            RIPPLE,
            {"servers": {**RIPPLE.servers, "test": RIPPLE.servers["test"]._replace(mtls_url="https://m.example")}},
            SECRET,
            "test: with a certificate, None becomes https://m.example",
        ),
        (RIPPLE._replace(**used(persist=False)), used(), SECRET, "tokens are persisted"),
        (RIPPLE, {"accept": "application/vnd.api+json"}, BREAKING, "accept application/json becomes application/vnd"),
        (RIPPLE, {"content_type": "application/json"}, BREAKING, "content_type None becomes application/json"),
        (CRYPTOFUSE, {"client_auth": (BASIC._replace(encoding="form"), BY_BODY)}, SECRET, "in the encoding form"),
        (with_parameters(COUNT), parameters(COUNT._replace(excludes=("b",))), BREAKING, "a excludes b"),
        (with_parameters(COUNT._replace(excludes=("b",))), parameters(COUNT), FINE, "a no longer excludes b"),
        (RIPPLE, {"success": Condition(at="/ok", equals=True)}, BREAKING, "success is Condition"),
        (WIDGET, {"success": None}, FINE, "success is None"),
        (FLAG, {"success": Condition(at="/ok", equals=True)}, BREAKING, "equals=True), not Condition("),
        (FLAG, {"invalid_client": (Condition(at="/no", equals=True),)}, BREAKING, "invalid_client no longer read at"),
        (RIPPLE, {"invalid_client": (Condition(403), *RIPPLE.invalid_client)}, FINE, "invalid_client also read at"),
        (
            RIPPLE,
            {"error": RIPPLE.error._replace(code=("/code", *RIPPLE.error.code))},
            BREAKING,
            "the error's code read at /code rather than at /error",
        ),
        (RIPPLE, {"invalid_client": RIPPLE.invalid_client[1:]}, BREAKING, "invalid_client no longer read at"),
        (RIPPLE, {"invalid_client": (*RIPPLE.invalid_client, Condition(403))}, FINE, "invalid_client also read at"),
        (RIPPLE, {"error": RIPPLE.error._replace(code=("/code",))}, BREAKING, "the error's code no longer read"),
    ],
)
def test_a_change_of_a_description_is_reported_with_its_weight(
    endpoint: TokenEndpoint, change: dict[str, Any], weight: Weight, what: str
) -> None:
    found = list(endpoint_changes({"it": endpoint}, {"it": endpoint._replace(**change)}))
    assert [each for each in found if each.weight is weight and what in each.what], found
    assert all(each.where == "it" and each.why for each in found)


@pytest.mark.parametrize(
    ("endpoint", "change", "weights"),
    [
        (CRYPTOFUSE, {"client_auth": (BASIC, BY_HEADER)}, [SECRET]),
        (RIPPLE, {"client_auth": (BY_HEADER,)}, [SECRET]),
        (THREE_WAYS, {"client_auth": (BASIC, BY_HEADER._replace(client_secret="X-B"))}, [SECRET, BREAKING]),
        (RIPPLE, {"client_auth": (BASIC, *RIPPLE.client_auth)}, [SECRET]),
        (with_parameters(COUNT), parameters(COUNT._replace(kind="number")), [FINE]),
        (with_parameters(CHOOSY), parameters(CHOOSY._replace(choices=(1, "one", 2))), []),
        (with_parameters(COUNT, COUNT._replace(name="b")), parameters(COUNT._replace(name="b"), COUNT), []),
        (RIPPLE, responds_with(scope=("/scopes", "/scope")), [BREAKING]),
        (RIPPLE._replace(**responds_with(scope=("/a", "/b"))), responds_with(scope=("/a",)), [BREAKING]),
        (RIPPLE, {"invalid_client": RIPPLE.invalid_client[::-1]}, []),
    ],
)
def test_a_change_is_reported_once(endpoint: TokenEndpoint, change: dict[str, Any], weights: list[Weight]) -> None:
    found = endpoint_changes({"it": endpoint}, {"it": endpoint._replace(**change)})
    assert [each.weight for each in found] == weights


@pytest.mark.parametrize(
    ("was", "now", "weight"),
    [
        ("app.acme.com", "evil.example", SECRET),
        ("app.acme.com", "app", SECRET),
        ("app", "//evil", SECRET),
        ("10.0.0.1", "10.0.0.2", SECRET),
        ("[::1]", "[::2]", SECRET),
        ("gateway:443/x", "gateway:444/x", SECRET),
        ("Localhost", "other", SECRET),
        ("1.0", "2.0", BREAKING),
        ("urn:acme", "urn:apex", BREAKING),
    ],
)
def test_a_fact_that_looks_like_a_host_has_the_weight_of_a_secret(was: str, now: str, weight: Weight) -> None:
    before, after = (RIPPLE._replace(**ripple_test(fact=fact)) for fact in (was, now))
    (found,) = endpoint_changes({"it": before}, {"it": after})
    assert found.weight is weight


def test_added_and_removed_providers_are_reported() -> None:
    (gone,) = endpoint_changes({"it": RIPPLE}, {})
    (came,) = endpoint_changes({}, {"it": RIPPLE})
    assert (gone.weight, came.weight) == (BREAKING, FINE)


def test_equal_descriptions_give_no_changes() -> None:
    assert not list(endpoint_changes({"it": RIPPLE}, {"it": RIPPLE}))


def test_an_old_spec_with_other_words_is_reported(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    for name in ("ripple", "cryptofuse"):
        text = (ROOT / "specs" / f"{name}.yaml").read_text()
        text = text.replace("client_authentication:", "credentials:") if name == "ripple" else text
        (tmp_path / "specs" / f"{name}.yaml").write_text(text)
    endpoints, unread = _readable(tmp_path)
    assert (*endpoints, *unread) == ("cryptofuse", "ripple")
    assert unread["ripple"].weight is BREAKING
    assert "the old spec cannot be read (KeyError: 'client_authentication')" in str(unread["ripple"])


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose last commit is this project in its present state."""
    root = tmp_path_factory.mktemp("breaking")
    for folder in ("specs", "overlay", "generated"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "base")):
        subprocess.run(("git", *command), cwd=root, check=True)
    return root


def test_the_report_begins_with_secrets_and_includes_signatures(
    committed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(committed, tmp_path / "project")
    for name, old, new in (
        ("specs/ripple.yaml", "https://auth.rnc.ripplenet.com", "https://auth.example.com"),
        ("specs/ripple.yaml", "  /oauth/token:", "  /v2/token:"),
        (
            "overlay/paygrant/_request/client_auth.py",
            "def basic_credentials(client_id",
            "def basic_credentials(identity",
        ),
    ):
        text = (root / name).read_text("utf-8")
        assert old in text
        (root / name).write_text(text.replace(old, new), "utf-8")
    assert main(["HEAD"], root) == 1
    host, *others = capsys.readouterr().out.splitlines()
    assert host.startswith("BREAKING  ripple: production: https://auth.rnc.ripplenet.com becomes https://auth.example")
    assert any("basic_credentials(client_id): Parameter was removed" in line for line in others)
    assert any("path /oauth/token becomes /v2/token" in line for line in others)

    assert main(["HEAD", "--json"], root) == 1
    first, *_ = json.loads(capsys.readouterr().out)
    assert first.keys() == {"breaking", "weight", "where", "what", "why"}
    assert first["breaking"]


def test_without_changes_nothing_breaks(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["HEAD"], committed) == 0
    assert capsys.readouterr().out == "nothing has changed for users since HEAD\n"


def test_an_unknown_reference_is_a_usage_error(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--output=/tmp/evil"], committed)
    with pytest.raises(SystemExit, match="2"):
        main(["no-such-reference"], committed)
    assert "BASE: " in capsys.readouterr().err
