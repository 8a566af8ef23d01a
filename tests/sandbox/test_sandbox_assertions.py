"""The sandbox and assertions: what it accepts, what it refuses, and in which words. PyJWT makes the assertions."""

import logging
import re
import shlex
import stat
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paygrant import (
    ConfigurationError,
    InvalidClient,
    MemoryStore,
    RefreshPolicy,
    SigningKey,
    SpecProvider,
    TokenRequestRejected,
    TokenSource,
)
from paygrant._cache import registry
from paygrant.sandbox import Client, ProviderHandle, Sandbox
from tests.helpers.banks import ASSERTION_TYPE, NO_TLS, SHORT_JWK, assertion, bank, key_of, public_jwk
from tests.helpers.clock import NOW, SandboxClock
from tests.helpers.keys import authority, pem, public_pem

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
SECRET = "canary-secret-91bc"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("specs")
    with Sandbox(specs=[bank(folder)], client=Client(client_secret=SECRET), clock=lambda: NOW) as sandbox:
        yield sandbox


@pytest.fixture
def endpoint(running: Sandbox) -> Iterator[ProviderHandle]:
    handle: ProviderHandle = running.bank
    handle.register_key(public_pem("ES256"), key_id="one")
    yield handle
    running.reset()


def token_url(endpoint: ProviderHandle) -> str:
    return f"{endpoint.base_url}/oauth/token"


def post(endpoint: ProviderHandle, text: str, **fields: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": text,
        **fields,
    }
    return httpx.post(token_url(endpoint), data=form, trust_env=False, verify=NO_TLS)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_assertion_by_a_registered_key_is_accepted(endpoint: ProviderHandle, algorithm: str) -> None:
    endpoint.register_key({**public_jwk(algorithm), "kid": f"kid-{algorithm}"})
    text = assertion(NOW, token_url(endpoint), algorithm=algorithm, header={"kid": f"kid-{algorithm}"})
    response = post(endpoint, text)
    assert (response.status_code, response.json()["token_type"]) == (200, "Bearer")


def test_an_assertion_by_the_client_secret_is_accepted(endpoint: ProviderHandle) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        text = assertion(NOW, token_url(endpoint), algorithm="HS256", key=SECRET.encode())
    assert post(endpoint, text, client_id="sandbox-client").status_code == 200


def test_a_short_secret_causes_no_warning(recwarn: pytest.WarningsRecorder, tmp_path: Path) -> None:
    with Sandbox(specs=[bank(tmp_path)]) as sandbox:
        provider = SpecProvider(tmp_path / "bank.yaml", **sandbox.bank.arguments_for("client_secret_jwt"))
        assert TokenSource(provider, store=MemoryStore()).get()
    assert not [each for each in recwarn if "key" in str(each.message)]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another key": ({"key": key_of("ES256", 1)}, "the signature is wrong"),
    "unknown kid": ({"header": {"kid": "two"}}, "kid: is unknown"),
    "algorithm without a key": ({"algorithm": "ES384"}, "the signature is wrong"),
    "algorithm of no method": ({"algorithm": "none", "key": ""}, "alg: is another algorithm"),
    "algorithm that the sandbox does not know": (
        {"algorithm": "ES256K", "key": None},
        "alg: is another algorithm",
    ),
    "wrong secret": ({"algorithm": "HS256", "key": b"x" * 32}, "the signature is wrong"),
    "issuer": ({"iss": "another"}, "iss: is another one"),
    "no issuer": ({"iss": None}, "iss: is missing"),
    "subject": ({"sub": "another"}, "sub: is another one"),
    "no audience": ({"aud": None}, "aud: is missing"),
    "two audiences": ({"aud": ["a", "b"]}, "aud: is not one string"),
    "another audience": ({"aud": "https://auth.bank.example/oauth/token"}, "aud: is another one"),
    "expired": ({"exp": NOW - 10}, "exp: has passed"),
    "no end": ({"exp": None}, "exp: is missing"),
    "end that is a text": ({"exp": "soon"}, "exp: is not a number"),
    "long life": ({"exp": NOW + 7200}, "exp: is too late"),
    "future": ({"iat": NOW + 30}, "iat: is in the future"),
    "old": ({"iat": NOW - 7200}, "iat: is too old"),
    "no number": ({"exp": float("nan")}, "exp: is not a number"),
    "without end": ({"exp": float("inf")}, "exp: is not a number"),
    "very late": ({"exp": 10**400}, "exp: is too late"),
    "true as a time": ({"iat": True}, "iat: is not a number"),
    "not yet": ({"nbf": NOW + 30}, "nbf: is in the future"),
    "no id": ({"jti": None}, "jti: is missing"),
    "id that is a number": ({"jti": 7}, "jti: is not a string"),
}


def es256k() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256K1())


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_assertion_is_refused_with_its_reason(
    endpoint: ProviderHandle, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "paygrant.sandbox")
    changes, reason = WRONG[name]
    changes = {**changes, "key": es256k()} if changes.get("algorithm") == "ES256K" else changes
    audience = changes.get("aud", token_url(endpoint))
    text = assertion(NOW, audience, **{key: value for key, value in changes.items() if key != "aud"})
    response = post(endpoint, text)
    assert response.status_code == 401
    assert response.json()["error"] == "invalid_client"
    assert response.json()["error_description"].startswith(f"{reason}")
    assert endpoint.requests[-1].reason == response.json()["error_description"]
    shown = repr((endpoint.requests, caplog.text, response.text))
    assert reason in caplog.text
    assert text not in shown
    assert text.split(".")[1] not in shown
    assert not endpoint.tokens


@pytest.mark.parametrize(
    "text", ["", "a", "a.b.c", "e30.W10.e30", "e30.W10.", f"{'x' * 200000}.y.z", "é.é.é", "[" * 100_000]
)
def test_what_is_no_jwt_is_refused(endpoint: ProviderHandle, text: str) -> None:
    response = post(endpoint, text)
    assert response.status_code in {400, 401}
    assert "it is not a JWT" in response.json().get("error_description", "it is not a JWT")


@pytest.mark.parametrize("claims", [[], "text", None, 7])
def test_claims_that_are_no_object_are_refused(endpoint: ProviderHandle, claims: object) -> None:
    from tests.helpers.banks import jws

    response = post(endpoint, jws(claims, "ES256", key_of("ES256"), {}))
    assert response.json()["error_description"].startswith("it is not a JWT")


def test_a_replayed_assertion_is_refused(endpoint: ProviderHandle) -> None:
    text = assertion(NOW, token_url(endpoint))
    assert post(endpoint, text).status_code == 200
    again = post(endpoint, text)
    assert (again.status_code, again.json()["error_description"]) == (401, "jti: was used before; expected a new id")


def test_an_id_counts_until_its_assertion_has_expired(tmp_path: Path) -> None:
    clock = SandboxClock()
    with Sandbox(specs=[bank(tmp_path)], clock=clock) as sandbox:
        sandbox.bank.register_key(public_pem("ES256"))

        def post_now() -> int:
            text = assertion(clock.now, token_url(sandbox.bank), jti="the same")
            return post(sandbox.bank, text).status_code

        assert post_now() == 200
        clock.now += 60
        assert post_now() == 401
        clock.now += 70
        assert post_now() == 200


def test_ids_of_expired_assertions_are_forgotten(tmp_path: Path) -> None:
    with Sandbox(specs=[bank(tmp_path)]) as sandbox:
        memory = sandbox.bank._provider.memory
        assert all(memory.is_first_use(str(number), number + 10, number) for number in range(5000))
        assert len(memory._used) < 2500


def test_a_type_of_assertion_that_is_missing_or_wrong_is_refused(endpoint: ProviderHandle) -> None:
    response = post(endpoint, assertion(NOW, token_url(endpoint)), client_assertion_type="saml")
    assert response.json()["error_description"].startswith("client_assertion_type: ")


def test_another_client_id_beside_the_assertion_is_refused(endpoint: ProviderHandle) -> None:
    response = post(endpoint, assertion(NOW, token_url(endpoint)), client_id="another")
    assert response.json()["error_description"].startswith("client_id: ")


def test_two_methods_in_one_request_are_an_invalid_request(endpoint: ProviderHandle) -> None:
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
    form["client_assertion"] = assertion(NOW, token_url(endpoint))
    response = httpx.post(
        token_url(endpoint), data=form, auth=("sandbox-client", SECRET), trust_env=False, verify=NO_TLS
    )
    assert response.status_code == 400


def test_a_test_can_set_the_audience(endpoint: ProviderHandle) -> None:
    endpoint.expect_audience("https://issuer.example")
    assert post(endpoint, assertion(NOW, "https://issuer.example")).status_code == 200
    refused = post(endpoint, assertion(NOW, token_url(endpoint)))
    assert refused.json()["error_description"] == "aud: is another one; expected https://issuer.example"
    endpoint.expect_audience(None)
    assert post(endpoint, assertion(NOW, token_url(endpoint))).status_code == 200


def test_the_host_counts_in_the_audience_as_it_was_asked(endpoint: ProviderHandle) -> None:
    url = token_url(endpoint).replace("127.0.0.1", "localhost")
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
    response = httpx.post(url, data={**form, "client_assertion": assertion(NOW, url)}, trust_env=False, verify=NO_TLS)
    assert response.status_code == 200


# What a spec says of assertions


def served(folder: Path, methods: str, check: Callable[[ProviderHandle], None]) -> None:
    with Sandbox(specs=[bank(folder, methods)], clock=lambda: NOW) as sandbox:
        sandbox.bank.register_key(public_pem("ES256"))
        check(sandbox.bank)


CLAIMS = """\
    - method: private_key_jwt
      algorithms: [ES256]
      audience: {value: "https://auth.bank.example"}
      lifetime: 7200
      claims: {sub: {argument: user_id}, scope: {value: payments}, client: {argument: client_id}, jti: null}
"""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"jti": None}, None),
        ({"exp": NOW + 7000}, None),
        ({"sub": None}, "sub: is missing; expected this claim"),
        ({"sub": ""}, "sub: is missing; expected this claim"),
        ({"scope": "all"}, "scope: is another one; expected the value that the spec has"),
        ({"scope": ["payments"]}, "scope: is another one; expected the value that the spec has"),
        ({"client": "another"}, "client: is another one; expected the client's id"),
        ({"audience": "https://another.example"}, "aud: is another one; expected https://auth.bank.example"),
        ({"algorithm": "EdDSA"}, "alg: is another algorithm; expected ES256"),
    ],
)
def test_the_claims_of_the_spec_are_demanded(tmp_path: Path, changes: dict[str, Any], reason: str | None) -> None:
    def check(endpoint: ProviderHandle) -> None:
        claims: dict[str, Any] = {"sub": "user", "scope": "payments", "client": "sandbox-client", **changes}
        response = post(endpoint, assertion(NOW, claims.pop("audience", "https://auth.bank.example"), **claims))
        assert response.json().get("error_description") == reason

    served(tmp_path, CLAIMS, check)


def test_an_assertion_as_a_grant_is_checked(tmp_path: Path) -> None:
    def check(endpoint: ProviderHandle) -> None:
        grant = {"grant_type": "client_credentials"}
        right, wrong = (assertion(NOW, token_url(endpoint), iss=iss) for iss in ("sandbox-client", "another"))
        statuses = [
            httpx.post(token_url(endpoint), data={**grant, **more}, trust_env=False, verify=NO_TLS).status_code
            for more in ({"assertion": right}, {"assertion": wrong}, {})
        ]
        assert statuses == [200, 401, 401]
        assert endpoint.requests[-1].reason == "assertion: there is none; expected one where the spec says"

    served(tmp_path, "    - {method: private_key_jwt, name: assertion}\n", check)


def test_an_assertion_in_the_header_is_checked(tmp_path: Path) -> None:
    methods = "    - {method: private_key_jwt, in: header}\n"
    path = bank(tmp_path, methods)
    path.write_text(path.read_text().replace("{post: {}}", "{post: {security: [{app: []}]}}"))
    text = path.read_text() + "components: {securitySchemes: {app: {type: http, scheme: bearer}}}\n"
    path.write_text(text)
    with Sandbox(specs=[path], clock=lambda: NOW) as sandbox:
        sandbox.bank.register_key(public_pem("ES256"))
        url = token_url(sandbox.bank)
        statuses: list[int] = []
        for credentials_ in (f"Bearer {assertion(NOW, url)}", f"Bearer {assertion(NOW, url, sub='x')}", "Basic eA=="):
            headers = {"Authorization": credentials_}
            response = httpx.post(
                url, data={"grant_type": "client_credentials"}, headers=headers, trust_env=False, verify=NO_TLS
            )
            statuses.append(response.status_code)
        assert statuses == [200, 401, 401]
        assert "eyJ" not in repr(sandbox.bank.requests)


# Keys


def test_the_sandbox_has_a_private_key_for_a_test(endpoint: ProviderHandle) -> None:
    file = Path(endpoint.private_key_file)
    key = SigningKey(file.read_text(), key_id=endpoint.key_id)
    assert (key.algorithm, stat.S_IMODE(file.stat().st_mode)) == ("ES256", 0o600)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert endpoint.private_key_file == str(file)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_key_fits_the_algorithms_of_the_spec(tmp_path: Path, algorithm: str) -> None:
    path = bank(tmp_path, f"    - {{method: private_key_jwt, algorithms: [{algorithm}]}}\n")
    with Sandbox(specs=[path]) as sandbox:
        assert TokenSource(SpecProvider(path, **sandbox.bank.arguments), store=MemoryStore()).get()


def test_the_files_go_with_the_sandbox(tmp_path: Path) -> None:
    sandbox = Sandbox(specs=[bank(tmp_path)])
    with sandbox:
        first = Path(sandbox.bank.private_key_file)
        text = first.read_text()
        assert first.exists()
    assert not first.parent.exists()
    with sandbox:
        second = Path(sandbox.bank.private_key_file)
        assert second.read_text() == text


def test_the_files_of_a_sandbox_that_does_not_run_go_with_the_object(tmp_path: Path) -> None:
    import gc

    sandbox = Sandbox(specs=[bank(tmp_path)])
    file = Path(sandbox.bank.private_key_file)
    assert file.exists()
    del sandbox
    gc.collect()
    assert not file.exists()


def test_a_registered_key_is_forgotten_by_a_reset(running: Sandbox, endpoint: ProviderHandle) -> None:
    running.reset()
    response = post(endpoint, assertion(NOW, token_url(endpoint)))
    assert response.json()["error_description"].startswith("the signature is wrong")


def test_a_certificate_can_be_registered(endpoint: ProviderHandle) -> None:
    certificate, private = authority().issue("client")
    endpoint.register_key(certificate)
    text = assertion(NOW, token_url(endpoint), key=private)
    assert post(endpoint, text).status_code == 200


BAD_KEYS: dict[str, tuple[Any, str]] = {
    "private PEM": (pem("ES256"), "public_key: is a private key; expected"),
    "no PEM": ("canary-91bc", "public_key: cannot be read; expected"),
    "damaged PEM": ("-----BEGIN PUBLIC KEY-----\ncanary\n-----END PUBLIC KEY-----", "public_key: cannot be read"),
    "private JWK": ({**public_jwk("ES256"), "d": "canary"}, "public_key: is a private or symmetric key"),
    "symmetric JWK": ({"kty": "oct", "k": "canary"}, "public_key: is a private or symmetric key"),
    "damaged JWK": ({"kty": "EC", "crv": "P-256", "x": "canary", "y": "canary"}, "public_key: is a damaged JWK"),
    "no key": (7, "public_key: is of type int"),
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_what_is_no_public_key_is_refused(endpoint: ProviderHandle, name: str) -> None:
    key, message = BAD_KEYS[name]
    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        endpoint.register_key(key)
    assert "canary" not in str(caught.value)


def test_another_curve_is_refused(endpoint: ProviderHandle) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = es256k().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(ConfigurationError, match="public_key: is of another kind; expected"):
        endpoint.register_key(public)


def test_a_short_key_is_refused(endpoint: ProviderHandle) -> None:
    with pytest.raises(ConfigurationError, match="public_key: is too short; expected an RSA key of 2048 bits"):
        endpoint.register_key(SHORT_JWK)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["iss", "sub", "aud", "iat", "exp", "nbf", "jti"]), JSON), JSON)
def test_no_claim_can_make_the_sandbox_fail(endpoint: ProviderHandle, claims: dict[str, Any], kid: Any) -> None:
    text = assertion(NOW, token_url(endpoint), header={"kid": kid} if isinstance(kid, str) else {}, **claims)
    assert post(endpoint, text).status_code in {200, 401}


def test_keys_and_audience_can_be_set_by_the_control_api(running: Sandbox, endpoint: ProviderHandle) -> None:
    def control(what: str, document: Any) -> httpx.Response:
        return httpx.post(f"{running.url}/control/bank/{what}", json=document, trust_env=False, verify=NO_TLS)

    assert control("keys", {"public_key": public_jwk("ES384"), "key_id": "two"}).status_code == 204
    assert control("audience", {"audience": "https://issuer.example"}).status_code == 204
    text = assertion(NOW, "https://issuer.example", algorithm="ES384", header={"kid": "two"})
    assert post(endpoint, text).status_code == 200
    refused = [
        control("keys", {"public_key": pem("ES256")}),
        control("keys", {}),
        control("audience", {"audience": 7}),
        control("keys", {"kid": "two"}),
    ]
    assert [each.status_code for each in refused] == [400, 400, 400, 400]
    assert refused[3].json() == {"error": "kid: is unknown; expected one of: public_key, key_id"}


# With our own clients


def source_of(endpoint: ProviderHandle, spec: Path, method: str | None = None, **changes: Any) -> TokenSource[Any]:
    given = {**endpoint.arguments_for(method), **changes}
    policy = RefreshPolicy(max_attempts=1, refusal_pause=0)
    return TokenSource(SpecProvider(spec, **given), store=MemoryStore(), policy=policy)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(specs=[bank(tmp_path)], client=Client(client_secret=SECRET)) as sandbox:
        yield sandbox
    registry.forget_all()


@pytest.mark.parametrize("method", [None, "private_key_jwt", "client_secret_jwt", "client_secret_basic"])
def test_each_method_of_the_spec_has_arguments(live: Sandbox, tmp_path: Path, method: str | None) -> None:
    assert source_of(live.bank, tmp_path / "bank.yaml", method).get()
    assert [each.status for each in live.bank.requests] == [200]


def test_a_method_that_the_spec_does_not_have_is_refused(live: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match="auth_method: is 'header'; expected one of: private_key_jwt"):
        live.bank.arguments_for("header")


def test_the_arguments_show_no_key(live: Sandbox) -> None:
    assert "PRIVATE" not in repr(live.bank.arguments)
    assert live.bank.arguments.keys() == {"client_id", "private_key", "base_url", "environment"}
    assert set(live.bank.environ) == {
        "BANK_BASE_URL",
        "BANK_CLIENT_ID",
        "BANK_ENVIRONMENT",
        "BANK_KEY_ID",
        "BANK_PRIVATE_KEY_FILE",
    }
    assert live.bank.environ_for("client_secret_jwt")["BANK_AUTH_METHOD"] == "client_secret_jwt"


def test_a_wrong_key_is_an_invalid_client(live: Sandbox, tmp_path: Path) -> None:
    source = source_of(live.bank, tmp_path / "bank.yaml", private_key=SigningKey(pem("ES256", 7)))
    with pytest.raises(InvalidClient, match="the signature is wrong; expected one by a key of the client"):
        source.get()


@pytest.mark.parametrize("seconds", [-3000.0, -30.0, 30.0, 3000.0])
def test_a_skewed_clock_is_corrected_by_its_date(live: Sandbox, tmp_path: Path, seconds: float) -> None:
    source = source_of(live.bank, tmp_path / "bank.yaml")
    with live.bank.clock_skew(seconds):
        assert source.get()
    if abs(seconds) > 60:
        first, second = live.bank.requests
        assert re.match("exp: has passed|iat: is in the future|exp: is too late", first.reason)
        assert (first.status, second.status, second.faults) == (401, 200, ("clock_skew",))


def test_a_reused_id_is_refused_as_often_as_the_test_says(live: Sandbox, tmp_path: Path) -> None:
    source = source_of(live.bank, tmp_path / "bank.yaml")
    live.bank.reject_jti(times=1)
    with pytest.raises(TokenRequestRejected, match="jti: was used before"):
        source.get()
    assert source.get()
    assert [each.faults for each in live.bank.requests] == [("reject_jti",), ()]


def test_a_secret_needs_no_id(live: Sandbox, tmp_path: Path) -> None:
    live.bank.reject_jti()
    assert source_of(live.bank, tmp_path / "bank.yaml", "client_secret_basic").get()


def test_the_command_for_a_token_names_the_key_file(live: Sandbox) -> None:
    usage = httpx.get(f"{live.url}/control/usage", trust_env=False, verify=NO_TLS)
    words = shlex.split(usage.json()["commands"]["bank"])
    assert words[words.index("--private-key-file") + 1] == live.bank.private_key_file
    assert words[words.index("--key-id") + 1] == live.bank.key_id
    assert "PRIVATE" not in usage.text


def test_nothing_that_the_sandbox_shows_has_an_assertion(
    live: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    source_of(live.bank, tmp_path / "bank.yaml").get()
    with live.bank.refuse(times=1), pytest.raises(InvalidClient):
        source_of(live.bank, tmp_path / "bank.yaml", "client_secret_jwt").get()
    state = httpx.get(f"{live.url}/control", trust_env=False, verify=NO_TLS).text
    shown = repr((live.bank.requests, live.bank.tokens)) + caplog.text + state
    assert not re.search(r"eyJ|BEGIN|[\w-]{40}", shown.replace(str(tmp_path), ""))
    assert '"client_assertion": "[redacted]"' in state
