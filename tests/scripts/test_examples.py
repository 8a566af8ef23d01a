"""The examples do what they say: the very files, by the very commands in their docstrings, as processes of their own."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from paygrant.sandbox import Client, ProviderHandle, Sandbox
from tests.helpers.servers import Reply, Seen, Server
from tests.peers.fixtures import RedisServer

EXAMPLES = Path(__file__).parents[2] / "scripts/examples"
CLIENT = Client("canary-id-5d1e", "canary-secret-c07a")
PYTHON = (sys.executable, "-W", "error", "-X", "dev")
PROGRAMS = {
    "python": PYTHON,
    "uvicorn": (*PYTHON, "-m", "uvicorn", "--port", "0"),
    "openapi-python-client": (str(Path(sys.executable).with_name("openapi-python-client")),),
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(client=CLIENT) as sandbox:
        yield sandbox


def variables(provider: ProviderHandle, **more: str) -> dict[str, str]:
    """The environment variables that an example needs."""
    # Unbuffered, workers would write into each other's lines.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {
        **inherited,
        **provider.environ,
        **{f"{provider.name}_{name}".upper(): value for name, value in more.items()},
        "API_URL": provider.base_url,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def commands(example: str) -> list[list[str]]:
    """How an example's docstring says that it is run."""
    docstring = ast.get_docstring(ast.parse((EXAMPLES / f"{example}.py").read_text("utf-8"))) or ""
    lines = [shlex.split(line) for line in docstring.splitlines() if line.startswith("    ")]
    assert lines
    return [[*PROGRAMS[program], *arguments] for program, *arguments in lines]


def run(
    example: str, environment: Mapping[str, str], folder: Path = EXAMPLES
) -> list["subprocess.CompletedProcess[str]"]:
    """Run an example by its commands."""
    return [
        subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
        for command in commands(example)
    ]


class Service:
    """A running service: where it is, and, when it has ended, all that it said."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.said = ""


@contextmanager
def serving(command: list[str], environment: Mapping[str, str]) -> Generator[Service]:
    """Run a service until the block is left."""
    with subprocess.Popen(
        command, cwd=EXAMPLES, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        said = ""
        try:
            while not (ready := re.search(r"running on (http://\S+)", said)):
                line = process.stdout.readline()
                assert line, said
                said += line
            service = Service(ready[1])
            yield service
        finally:
            process.terminate()
        service.said = said + process.stdout.read()


def tokens(provider: ProviderHandle) -> set[str]:
    return {token.access_token for token in provider.tokens}


def assert_nothing_secret(sandbox: Sandbox, said: str) -> None:
    assert CLIENT.client_secret not in said
    for provider in sandbox.providers:
        for token in tokens(getattr(sandbox, provider)):
            assert token not in said


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_has_fewer_than_40_lines_and_a_test(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < 40
    assert re.search(rf"\b{path.stem}\b", Path(__file__).read_text("utf-8"))


def test_the_service_asks_for_one_token_however_many_requests_come_at_once(sandbox: Sandbox) -> None:
    [command] = commands("fastapi_service")
    environment = variables(sandbox.ripple, tenant_id="acme")
    with serving(command, environment) as service, httpx.Client(base_url=service.url) as user:
        with ThreadPoolExecutor(8) as pool:
            responses = list(pool.map(user.get, ["/payments"] * 24))
        assert {response.status_code for response in responses} == {200}
        assert responses[0].json() == {"provider": "ripple"}
        assert (sandbox.ripple.token_requests, sandbox.ripple.api_calls) == (1, 24)
        sandbox.ripple.revoke()
        assert user.get("/payments").status_code == 200
        assert sandbox.ripple.token_requests == 2
    assert "Application shutdown complete" in service.said
    assert "Warning" not in service.said
    assert_nothing_secret(sandbox, service.said)


def test_the_service_says_502_while_no_token_can_be_had_and_shows_nothing_of_why(sandbox: Sandbox) -> None:
    [command] = commands("fastapi_service")
    environment = variables(sandbox.ripple, tenant_id="acme", client_secret="canary-wrong")
    with serving(command, environment) as service:
        response = httpx.get(f"{service.url}/payments")
    assert (response.status_code, response.json()) == (502, {"detail": "the payments API is out of reach"})
    assert "canary-wrong" not in service.said


def test_the_service_does_not_start_while_a_variable_is_missing(sandbox: Sandbox) -> None:
    [done] = run("fastapi_service", variables(sandbox.ripple))
    assert done.returncode
    assert "RIPPLE_TENANT_ID" in done.stderr


def test_the_workers_share_one_token_request(sandbox: Sandbox, redis_server: RedisServer) -> None:
    environment = variables(sandbox.cryptofuse) | {"REDIS_URL": redis_server.url}
    [done] = run("redis_workers", environment)
    assert (done.returncode, done.stderr) == (0, "")
    said = {f"worker {worker}, job {job}: cryptofuse" for worker in range(4) for job in range(5)}
    assert sorted(done.stdout.splitlines()) == sorted(said)
    assert (sandbox.cryptofuse.token_requests, sandbox.cryptofuse.api_calls) == (1, 20)
    assert_nothing_secret(sandbox, done.stdout)


def test_a_worker_that_fails_fails_the_whole_command(sandbox: Sandbox, redis_server: RedisServer) -> None:
    environment = variables(sandbox.cryptofuse, client_secret="canary-wrong") | {"REDIS_URL": redis_server.url}
    [done] = run("redis_workers", environment)
    assert done.returncode == 1
    assert "InvalidClient" in done.stderr
    assert "canary-wrong" not in done.stderr


def test_the_command_prints_the_response_and_its_next_run_asks_for_no_token(sandbox: Sandbox, tmp_path: Path) -> None:
    environment = variables(sandbox.alternative_payments) | {"XDG_CACHE_HOME": str(tmp_path)}
    [done] = run("command_line", environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alternative_payments\n", "")
    [command] = commands("command_line")
    whole = [word for word in command if word not in ("--field", "provider")]
    output = subprocess.check_output(whole, cwd=EXAMPLES, env=environment, text=True)
    assert json.loads(output) == {"provider": "alternative_payments"}
    assert (sandbox.alternative_payments.token_requests, sandbox.alternative_payments.api_calls) == (1, 2)


def test_the_command_says_in_one_line_why_it_failed(sandbox: Sandbox, tmp_path: Path) -> None:
    wrong = variables(sandbox.alternative_payments, client_secret="canary-wrong")
    [done] = run("command_line", wrong | {"XDG_CACHE_HOME": str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"error: .*invalid credentials.*\n", done.stderr)
    assert "canary-wrong" not in done.stderr


WIDGET = """
import uvicorn, widget_page
users = {"canary-of-ada": "0x0a", "canary-of-bob": "0x0b"}
for number, (session, address) in enumerate(users.items()):
    external_ref = f"5f0c7b8e-3c0e-4b57-9d6f-6c1f2a9f8a1{number}"
    widget_page.sessions[session] = {"external_ref": external_ref, "address": address}
uvicorn.run("widget_page:app", port=0, log_level="debug")
"""


def test_the_widgets_address_goes_to_the_signed_in_user_and_nowhere_else(sandbox: Sandbox) -> None:
    environment = variables(sandbox.ripio_widget)
    with serving([*PYTHON, "-c", WIDGET], environment) as service, httpx.Client(base_url=service.url) as browser:
        responses = {
            session: [browser.get("/widget", headers={"Cookie": f"session={session}"}) for _ in range(2)]
            for session in ("canary-of-ada", "canary-of-bob")
        }
        stranger = browser.get("/widget?external_ref=5f0c7b8e-3c0e-4b57-9d6f-6c1f2a9f8a10&address=0x0a")
    assert (stranger.status_code, "Location" in stranger.headers) == (401, False)

    sent = {
        session: {parse_qs(urlsplit(each.headers["Location"]).query)["_to"][0] for each in views}
        for session, views in responses.items()
    }
    assert [len(each) for each in sent.values()] == [1, 1]
    assert sent["canary-of-ada"] | sent["canary-of-bob"] == tokens(sandbox.ripio_widget)
    assert sandbox.ripio_widget.token_requests == 2
    for response in (view for views in responses.values() for view in views):
        assert response.status_code == 303
        assert response.headers["Location"].startswith("https://b2b-widget-onramp.sandbox.ripio.com?_to=")
        assert (response.headers["Cache-Control"], response.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
        others = {name: value for name, value in response.headers.items() if name != "location"}
        assert_nothing_secret(sandbox, response.text + str(others))
    assert_nothing_secret(sandbox, service.said)


def test_the_widget_page_says_502_while_no_token_can_be_had(sandbox: Sandbox) -> None:
    environment = variables(sandbox.ripio_widget, client_secret="canary-wrong")
    with serving([*PYTHON, "-c", WIDGET], environment) as service:
        response = httpx.get(f"{service.url}/widget", headers={"Cookie": "session=canary-of-ada"})
    assert (response.status_code, response.json()) == (502, {"detail": "the widget is out of reach"})
    assert "canary-wrong" not in service.said


def test_a_client_out_of_the_generator_gets_living_tokens(sandbox: Sandbox, tmp_path: Path) -> None:
    for name in ("generated_client.py", "payments_api.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path)
    environment = variables(sandbox.ripio_ramp)
    generated, done = run("generated_client", environment, tmp_path)
    assert generated.returncode == 0, generated.stdout + generated.stderr
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Resource(provider='ripio_ramp', additional_properties={})\n"
    assert (sandbox.ripio_ramp.token_requests, sandbox.ripio_ramp.api_calls) == (1, 1)


def test_an_sdk_sends_a_token_in_place_of_its_key_and_another_when_that_one_dies(
    sandbox: Sandbox, server: Server
) -> None:
    def reply(seen: Seen) -> Reply:
        if len(server.seen) == 1:
            sandbox.ripple.revoke()
        alive = {f"Bearer {token}" for token in tokens(sandbox.ripple)}
        if seen.headers["Authorization"] not in alive:
            return Reply({"error": {"message": "dead"}}, 401)
        return Reply({"object": "list", "data": [{"id": "a-model", "object": "model", "created": 0, "owned_by": "us"}]})

    server.reply = reply
    environment = variables(sandbox.ripple, tenant_id="acme") | {"API_URL": server.base_url}
    [done] = run("stainless_sdk", environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a-model\n", "")
    assert [seen.path for seen in server.seen] == ["/models", "/models"]
    assert sandbox.ripple.token_requests == 2
    first, second = (seen.headers["Authorization"] for seen in server.seen)
    assert first != second
    assert "Bearer none" not in (first, second)
