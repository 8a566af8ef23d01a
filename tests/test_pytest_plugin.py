"""The pytest plugin in test suites as users write them. Each suite is run by its own pytest."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from paygrant import Cryptofuse, FileStore, TokenSource, pytest_plugin
from paygrant._cache import registry
from paygrant._cache.renewal import PendingRenewal
from tests.helpers.examples import DOCS, python_examples
from tests.helpers.servers import Reply, Server, granted, serve
from tests.helpers.short import SHORTEST, written

pytest_plugins = ["pytester"]

IMPORTS = "import os, sys, threading\nimport httpx, pytest\nfrom paygrant import *\n"

EVERY = ("no:schemathesis", "no:asyncio")  # of those that are installed, these two warn of themselves

Result = pytest.RunResult
Run = Callable[..., Result]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a suite with the plugin and these other plugins. Every warning is an error."""

    def run(suite: str, *options: str, conftest: str = "", plugins: tuple[str, ...] = ("paygrant",)) -> Result:
        # Finding and loading all that is installed takes longer than most of these suites.
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        if plugins[: len(EVERY)] == EVERY:
            monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        loaded = [word for plugin in plugins for word in ("-p", plugin)]
        pytester.makeconftest(conftest)
        pytester.makepyfile(test_suite=IMPORTS + suite)
        return pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider", *loaded, *options)

    return run


def examples() -> list[str]:
    """The tests that the documentation and the plugin itself show."""
    shown = python_examples(DOCS / "testing.md")
    own = [line[4:] for line in (pytest_plugin.__doc__ or "").splitlines() if line.startswith("    ")]
    return [example for example in (*shown, "\n".join(own)) if "paygrant_sandbox" in example]


def test_the_documented_tests_pass(run: Run) -> None:
    assert len(examples()) == 4
    run("\n\n".join(examples()), plugins=EVERY).assert_outcomes(passed=len(examples()))


SERVICE = """
@pytest.fixture(scope="session")
def service(paygrant_sandbox_session):
    ripple = Ripple(**paygrant_sandbox_session.ripple.arguments, tenant_id="acme")
    with TokenSource(ripple) as source, httpx.Client(base_url=ripple.base_url, auth=TokenAuth(source)) as api:
        api.get("/resource")
        yield api

@pytest.fixture(autouse=True, params=["before", "after"])
def is_clean(paygrant_sandbox, service):
    ripple = paygrant_sandbox.ripple
    assert (ripple.token_requests, ripple.api_calls, ripple.requests, ripple.tokens, ripple.faults) == (0, 0, (), (), ())
    assert service.get("/resource").json() == {"provider": "ripple"}
    assert (ripple.token_requests, ripple.api_calls) == (1, 1)
    ripple.revoke()
    assert service.get("/resource").json() == {"provider": "ripple"}
    assert (ripple.token_requests, ripple.api_calls) == (2, 3)
    with TokenSource(Ripple.from_env(tenant_id="another")) as source:
        source.get()
    assert ripple.token_requests == 3
    ripple.revoke()
"""


def test_each_test_starts_clean_even_if_a_service_lives_on(run: Run) -> None:
    suite = """
    def test_a_fault_that_stays_on(paygrant_sandbox, service):
        paygrant_sandbox.ripple.fail(500)
        with pytest.raises(ProviderUnavailable):
            service.get("/resource")

    def test_a_refusal(paygrant_sandbox, service):
        paygrant_sandbox.ripple.refuse()
        for source in service.auth._source, TokenSource(Ripple.from_env(tenant_id="third")):
            source.invalidate(source._cache.held[0])
            with pytest.raises(InvalidClient):
                source.get()

    def test_a_request_that_must_wait(paygrant_sandbox, service):
        paygrant_sandbox.ripple.fail(429, retry_after=1000)
        with pytest.raises(RateLimited):
            service.get("/resource")

    def test_a_renewal_in_progress(paygrant_sandbox, service):
        paygrant_sandbox.ripple.delay(0.2)
        source = TokenSource(Ripple.from_env(tenant_id="fourth"))
        threading.Thread(target=source.get, daemon=True).start()
        while not paygrant_sandbox.ripple.token_requests:
            pass

    def test_a_replacement_that_was_rejected_too(paygrant_sandbox, service):
        paygrant_sandbox.ripple.refuse(on="resource")
        assert service.get("/resource").status_code == 401
    """
    run(suite.replace("\n    ", "\n"), conftest=IMPORTS + SERVICE).assert_outcomes(passed=10)


OWN = """
def test_a_spec_of_the_suite(paygrant_sandbox):
    assert os.environ["ACME_CLIENT_SECRET"] == paygrant_sandbox.acme.client_secret
    source = TokenSource(SpecProvider.from_env("specs/acme.yaml", realm="eu"))
    with httpx.Client(base_url=paygrant_sandbox.acme.base_url, auth=TokenAuth(source)) as api:
        paygrant_sandbox.acme.respond("POST", "/v1/payments", status=201, json={"id": 7})
        assert api.post("/v1/payments").json() == {"id": 7}
    assert paygrant_sandbox.acme.token_requests == 1
"""


def test_specs_of_the_suite_are_served(run: Run, pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("specs")
    written(folder)
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\npaygrant_specs = ["specs/acme.yaml"]\n')
    run(OWN).assert_outcomes(passed=1)


def test_a_spec_of_the_suite_that_is_bad_is_named(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\npaygrant_specs = absent.yaml\n")
    result = run(OWN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ConfigurationError: spec: *absent.yaml: the file does not exist*"])


KEYS = """
from paygrant import _clock

def api_of(source, **more):
    return httpx.Client(base_url=source.provider.base_url, auth=TokenAuth(source), **more)

def test_a_key(paygrant_sandbox):
    source = TokenSource(SpecProvider.from_env("signed.yaml"))
    with api_of(source) as api:
        assert api.get("/resource").is_success
    assert paygrant_sandbox.signed.token_requests == 1

def test_a_key_with_proofs_and_nonces(paygrant_sandbox):
    paygrant_sandbox.signed.nonce()
    with api_of(TokenSource(SpecProvider.from_env("signed.yaml", dpop=True))) as api:
        assert api.get("/resource").is_success
    assert [each.status for each in paygrant_sandbox.signed.requests] == [400, 200, 200]

def test_a_skewed_clock(paygrant_sandbox):
    paygrant_sandbox.signed.clock_skew(-3000)
    assert TokenSource(SpecProvider.from_env("signed.yaml")).get()
    assert paygrant_sandbox.signed.token_requests == 2

def test_a_clock_that_is_right_again(paygrant_sandbox):
    assert TokenSource(SpecProvider.from_env("signed.yaml")).get()
    assert paygrant_sandbox.signed.token_requests == 1

def test_a_certificate(paygrant_sandbox):
    provider = SpecProvider.from_env("shown.yaml")
    with api_of(TokenSource(provider), verify=provider.certificate.ssl_context()) as api:
        assert api.get("/resource").is_success
    assert set(paygrant_sandbox.shown.tokens[0].binding) == {"x5t#S256"}

def test_another_method(paygrant_sandbox, monkeypatch):
    for name, value in paygrant_sandbox.both.environ_for("private_key_jwt", certificate=True).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BOTH_CLIENT_SECRET")
    assert TokenSource(SpecProvider.from_env("both.yaml")).get()
    assert set(paygrant_sandbox.both.tokens[0].binding) == {"x5t#S256"}

def test_without_the_extra_for_keys_others_work(paygrant_sandbox):
    assert TokenSource(Ripple.from_env(tenant_id="acme")).get()
"""

NO_KEYS = """
def test_the_error_names_the_extra(paygrant_sandbox):
    for spec in ("signed.yaml", "shown.yaml"):
        with pytest.raises(ImportError, match=r'cryptography; to get it: pip install "paygrant\\[keys\\]"'):
            SpecProvider.from_env(spec)
    for fact in ("arguments", "environ", "private_key_file", "certificate_file", "tls_base_url"):
        with pytest.raises(ImportError, match="paygrant.keys."):
            getattr(paygrant_sandbox.signed if "key" in fact else paygrant_sandbox.shown, fact)
"""


@pytest.fixture
def with_keys(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Specs that ask for keys, and a machine with a key of its own."""
    methods = {"signed": "private_key_jwt", "shown": "tls_client_auth", "both": "client_secret_basic"}
    for name, method in methods.items():
        text = SHORTEST.replace("{method: client_secret_basic}", f"{{method: {method}}}")
        text = text.replace("}]}", "}, {method: private_key_jwt}]}") if name == "both" else text
        written(pytester.path, text, f"{name}.yaml")
        monkeypatch.setenv(f"{name.upper()}_PRIVATE_KEY", "canary")
        monkeypatch.setenv(f"{name.upper()}_CERTIFICATE_FILE", "canary")
        monkeypatch.setenv(f"{name.upper()}_DPOP_KEY_FILE", "canary")
    pytester.makeini("[pytest]\npaygrant_specs =\n    signed.yaml\n    shown.yaml\n    both.yaml\n")


@pytest.mark.usefixtures("with_keys")
def test_specs_with_keys_and_certificates_work_out_of_the_box(run: Run) -> None:
    run(KEYS).assert_outcomes(passed=7)


@pytest.mark.usefixtures("with_keys")
def test_the_missing_extra_for_keys_is_named(run: Run) -> None:
    conftest = "import sys\nsys.modules['cryptography'] = None\n"
    run(KEYS + NO_KEYS, "-k", "extra", conftest=conftest).assert_outcomes(passed=2, deselected=6)


def test_retries_make_no_pauses(run: Run) -> None:
    suite = """
def test_three_pauses(paygrant_sandbox):
    paygrant_sandbox.ripple.fail(503, times=3, retry_after=25)
    assert TokenSource(Ripple.from_env(tenant_id="acme")).get()
    assert [each.status for each in paygrant_sandbox.ripple.requests] == [503, 503, 503, 200]

def test_pauses_are_as_usual_without_the_fixture():
    from paygrant import _clock
    assert _clock.sleep.__module__ == "paygrant._clock"
"""
    run(suite, "--timeout=20", plugins=("paygrant", "timeout")).assert_outcomes(passed=2)


def test_the_environment_points_to_the_sandbox_while_a_test_uses_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = {
        "RIPPLE_CLIENT_ID": "canary-real-id",
        "RIPPLE_CLIENT_SECRET_FILE": str(tmp_path / "canary"),
        "RIPPLE_ENVIRONMENT": "production",
        "RIPPLE_TENANT_ID": "acme",
        "CRYPTOFUSE_CLIENT_ID": "",
        "http_proxy": "http://127.0.0.1:9",
        "NO_PROXY": "example.com",
    }
    for name, value in machine.items():
        monkeypatch.setenv(name, value)
    suite = """
USER = {"external_ref": "5f0c7b8e-3c0e-4b57-9d6f-6c1f2a9f8a11", "address": "0x05"}

@pytest.mark.parametrize("kind", [RipioRamp, RipioWidget, Ripple, AlternativePayments, Cryptofuse])
def test_during(kind, monkeypatch, paygrant_sandbox):
    assert os.environ["no_proxy"] == "example.com,127.0.0.1"
    provider = kind.from_env(**USER if kind is RipioWidget else {})
    with TokenSource(provider) as source:
        assert httpx.get(f"{provider.base_url}/resource", auth=TokenAuth(source)).is_success
    assert getattr(provider, "environment", None) in ("test", "sandbox", "demo", None)
    monkeypatch.setenv("RIPPLE_CLIENT_ID", "a test's own")

def test_after():
"""
    suite += "".join(f"    assert os.environ[{name!r}] == {value!r}\n" for name, value in machine.items())
    suite += "    assert not {'no_proxy', 'RIPPLE_BASE_URL', 'RIPPLE_CLIENT_SECRET'} & os.environ.keys()\n"
    run(suite).assert_outcomes(passed=6)


@pytest.mark.parametrize(
    ("proxies", "kept"),
    [
        ({"no_proxy": "small.example", "NO_PROXY": "capital.example"}, "small.example,127.0.0.1"),
        ({"no_proxy": "*"}, "*"),  # all hosts; urllib understands it only alone
        ({"no_proxy": "", "NO_PROXY": "*"}, "*"),
        ({}, "127.0.0.1"),
    ],
)
def test_of_two_no_proxy_variables_the_lower_case_one_counts(
    run: Run, monkeypatch: pytest.MonkeyPatch, proxies: dict[str, str], kept: str
) -> None:
    for name, value in proxies.items():
        monkeypatch.setenv(name, value)
    suite = f"def test_it(paygrant_sandbox):\n    assert os.environ['no_proxy'] == {kept!r}\n"
    run(suite).assert_outcomes(passed=1)


def test_it_works_with_pytest_asyncio(run: Run) -> None:
    suite = """
@pytest.mark.asyncio
@pytest.mark.parametrize("turn", range(2))
async def test_it(paygrant_sandbox, turn):
    paygrant_sandbox.ripple.drop(times=1)
    ripple = Ripple.from_env(tenant_id="acme")
    async with httpx.AsyncClient(base_url=ripple.base_url, auth=TokenAuth(TokenSource(ripple))) as api:
        assert (await api.get("/resource")).is_success
    assert paygrant_sandbox.ripple.token_requests == 2
"""
    loops = "asyncio_default_fixture_loop_scope=function"
    run(suite, "-o", loops, plugins=("paygrant", "asyncio")).assert_outcomes(passed=2)


def test_it_works_with_anyio_on_asyncio_and_trio(run: Run) -> None:
    suite = """
pytestmark = pytest.mark.anyio

@pytest.fixture
async def api(paygrant_sandbox):
    ripple = Ripple.from_env(tenant_id="acme")
    async with httpx.AsyncClient(base_url=ripple.base_url, auth=TokenAuth(TokenSource(ripple))) as api:
        yield api

async def test_it(paygrant_sandbox, api, anyio_backend_name):
    assert (await api.get("/resource")).is_success
    assert paygrant_sandbox.ripple.token_requests == 1
"""
    result = run(suite, "-v", plugins=("paygrant", "anyio"))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*[[]asyncio]*", "*[[]trio]*"])


def test_each_worker_of_xdist_has_a_sandbox_of_its_own(run: Run) -> None:
    suite = """
import pathlib

@pytest.mark.parametrize("turn", range(8))
def test_it(paygrant_sandbox, worker_id, turn):
    source = TokenSource(Ripple.from_env(tenant_id="acme"))
    source.get()
    assert paygrant_sandbox.ripple.token_requests == 1
    with pathlib.Path("log", f"{worker_id}.txt").open("a") as log:
        print(source.provider.base_url, file=log)
"""
    log = Path("log")  # pytester has changed into a folder of the test's own
    log.mkdir()
    run(suite, "-n", "2", plugins=("paygrant", "xdist")).assert_outcomes(passed=8)
    urls = {path.stem: set(path.read_text("utf-8").split()) for path in log.iterdir()}
    assert urls.keys() == {"gw0", "gw1"}
    assert [len(each) for each in urls.values()] == [1, 1]
    assert urls["gw0"] != urls["gw1"]


def test_nothing_remains_after_a_test_or_the_session(run: Run) -> None:
    conftest = """
import threading

def pytest_sessionfinish():
    threads = set(threading.enumerate()) - {threading.main_thread()}
    for thread in threads:
        thread.join(5)
    print("\\nleft behind:", *(thread.name for thread in threads if thread.is_alive()))
"""
    suite = """
from paygrant._cache import registry

def test_that_leaves_a_request_in_progress(paygrant_sandbox):
    paygrant_sandbox.ripple.delay(0.2)
    threading.Thread(target=TokenSource(Ripple.from_env(tenant_id="acme")).get).start()
    while not paygrant_sandbox.ripple.token_requests:
        pass
    [cache] = registry._caches.values()
    assert cache._renewal

def test_that_comes_after(paygrant_sandbox_session):
    assert not any(cache._renewal for cache in registry._caches.values())
    ripple = paygrant_sandbox_session.ripple
    assert (ripple.requests, ripple.tokens, ripple.faults) == ((), (), ())
"""
    result = run(suite, "-s", conftest=conftest)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["left behind:"])


def test_delays_and_requests_of_one_test_do_not_reach_the_next(run: Run) -> None:
    suite = """
import asyncio
from paygrant._cache import registry

def test_that_gives_up(paygrant_sandbox):
    paygrant_sandbox.ripple.delay(3600)
    source = TokenSource(Ripple.from_env(tenant_id="acme"), policy=RefreshPolicy(timeout=600, deadline=600))

    async def give_up():
        getting = asyncio.create_task(source.aget())
        while not paygrant_sandbox.ripple.token_requests:
            await asyncio.sleep(0)
        getting.cancel()
        await asyncio.wait([getting])

    asyncio.run(give_up())

def test_of_which_a_request_comes_when_it_is_over(paygrant_sandbox, monkeypatch):
    forget = registry.forget_all
    resource = f"{paygrant_sandbox.ripple.base_url}/resource"
    monkeypatch.setattr(registry, "forget_all", lambda: (forget(), httpx.get(resource)))

def test_that_comes_after(paygrant_sandbox_session):
    assert (paygrant_sandbox_session.ripple.requests, paygrant_sandbox_session.ripple.api_calls) == ((), 0)
"""
    run(suite, "--timeout=20", plugins=("paygrant", "timeout")).assert_outcomes(passed=3)


def test_the_plugin_imports_nothing_but_itself(run: Run) -> None:
    suite = """
import conftest

def test_it():
    assert conftest.loaded == {"paygrant", "paygrant.pytest_plugin"}
"""
    conftest = (
        "import sys\nloaded = {name for name in sys.modules if name.startswith(('paygrant', 'httpx', 'starlette'))}"
    )
    run(suite, conftest=conftest).assert_outcomes(passed=1)


def test_without_the_extra_the_fixture_says_so_and_nothing_else_fails(run: Run) -> None:
    suite = "def test_with(paygrant_sandbox): pass\n\ndef test_without(): pass\n"
    result = run(suite, conftest="import sys\nsys.modules['starlette'] = None")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(['E * ImportError: *pip install "paygrant[[]sandbox]"'])


def test_the_fixture_is_in_the_list_of_fixtures(run: Run) -> None:
    run("", "--fixtures").stdout.fnmatch_lines(
        [
            "*paygrant_sandbox_session [[]session scope]*",
            "*paygrant_sandbox --*",
            "*A sandbox in place of the providers*",
        ]
    )


def test_the_plugin_can_be_switched_off(run: Run) -> None:
    result = run("def test_it(paygrant_sandbox): pass\n", plugins=(*EVERY, "no:paygrant"))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E * fixture 'paygrant_sandbox' not found"])


def test_forget_ends_the_renewal_in_progress_and_no_later_one(server: Server, provider: Cryptofuse) -> None:
    server.reply = Reply(status=503)
    server.hold.clear()
    source = TokenSource(provider)
    cache = cast("Any", source._cache)
    renewal = cache.token()
    stop = cache._renewal.stop
    assert server.asked.wait(30)
    forgetting = threading.Thread(target=registry.forget_all)
    forgetting.start()
    assert stop.wait(30)
    server.hold.set()
    forgetting.join(30)
    assert isinstance(renewal, PendingRenewal)
    assert renewal.completed
    assert len(server.seen) == 1

    replies = [Reply(status=503), granted()]
    server.reply = lambda _: replies.pop(0)
    assert source.get().access_token == "token-1"


def test_forget_stops_all_renewals_before_it_waits_for_one() -> None:
    with serve() as first, serve() as second:
        servers = first, second
        for server in servers:
            server.hold.clear()
        sources = [
            TokenSource(Cryptofuse(client_id="cid", client_secret="s3cr", base_url=server.base_url))
            for server in servers
        ]
        caches = [cast("Any", source._cache) for source in sources]
        for cache, server in zip(caches, servers, strict=True):
            cache.token()
            assert server.asked.wait(30)
        stops = [cache._renewal.stop for cache in caches]
        forgetting = threading.Thread(target=registry.forget_all)
        forgetting.start()
        assert all(stop.wait(10) for stop in stops)
        for server in servers:
            server.hold.set()
        forgetting.join(30)
        assert not forgetting.is_alive()


def test_forget_removes_the_held_token_from_a_shared_store(
    server: Server, provider: Cryptofuse, tmp_path: Path
) -> None:
    for store in FileStore(tmp_path), FileStore(tmp_path):
        source = TokenSource(provider, store=store)
        source.get()
        registry.forget_all()
        assert not list(tmp_path.glob("*.token"))
    assert len(server.seen) == 2
