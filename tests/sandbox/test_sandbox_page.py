"""The sandbox's page in a headless Chromium: what it shows, what its buttons do, and what it must not contain."""

import json
import re
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from paygrant import MemoryStore, ProviderUnavailable, RefreshPolicy, Ripple, Token, TokenSource, basic_credentials
from paygrant._secrets import fingerprint
from paygrant.sandbox import Client, Sandbox
from tests.helpers.clock import NOW, SandboxClock
from tests.helpers.short import written
from tests.helpers.specs import SPECS
from tests.peers.fixtures import need

CLIENT = Client("canary-id-7f3a", "canary-secret-91bc")
LIFETIME = 3600
MARKUP = "<img src=x onerror=alert(1)>"

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

TITLES = {
    "alternative_payments": "alternative payments",
    "cryptofuse": "cryptofuse",
    "ripio_ramp": "ripio ramp",
    "ripio_widget": "ripio widget",
    "ripple": "ripple",
}

TOKEN_PATHS = {
    "alternative_payments": "/oauth/token",
    "cryptofuse": "/o/token/",
    "ripio_ramp": "/oauth2/token/",
    "ripio_widget": "/api/v1/auth",
    "ripple": "/oauth/token",
}

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading the usual certificates takes longer than a request


def get(url: str, **options: Any) -> httpx.Response:
    return httpx.get(url, verify=NO_TLS, **options)


def post(url: str, **options: Any) -> httpx.Response:
    return httpx.post(url, verify=NO_TLS, **options)


class Visit:
    """A page, and everything that it has received and sent.

    Attributes:
        complaints: Errors and warnings of the console, exceptions, and refused requests. A test that provokes some
            takes them out.
    """

    def __init__(self, page: Page, sandbox: Sandbox) -> None:
        self.page = page
        self.sandbox = sandbox
        self.url = f"{sandbox.url}/"
        self.complaints: list[str] = []
        self.console: list[str] = []
        self.addresses: list[str] = []
        self.events: list[str] = []
        self._responses: list[Response] = []
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("request", self._on_request)
        page.on("response", self._on_response)
        network: Any = page.context.new_cdp_session(page)
        network.on("Network.eventSourceMessageReceived", self._on_event)
        network.send("Network.enable")

    def _on_console(self, message: ConsoleMessage) -> None:
        self.console.append(message.text)
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _on_error(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _on_request(self, request: Request) -> None:
        self.addresses.append(request.url)

    def _on_response(self, response: Response) -> None:
        self._responses.append(response)

    def _on_event(self, event: dict[str, Any]) -> None:
        self.events.append(event["data"])

    def open(self) -> None:
        self.page.goto(self.url)
        expect(self.card("ripple")).to_be_visible()

    def card(self, provider: str) -> Locator:
        return self.page.get_by_role("article", name=TITLES[provider], exact=True)

    def rows(self) -> Locator:
        return self.page.locator("tbody > tr:first-child")

    def bodies(self) -> list[str]:
        """All responses that the page has received, without the stream, whose messages are in ``events``."""
        plain = [each for each in self._responses if "event-stream" not in each.headers.get("content-type", "")]
        return [each.text() for each in plain if each.status != 204]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for this module. While it exists, the main thread counts as running an event loop."""
    executable = need("chromium", "apt-get install chromium")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=executable, args=FLAGS) as browser:
        yield browser


@pytest.fixture(scope="module")
def clock() -> SandboxClock:
    return SandboxClock()


@pytest.fixture(scope="module")
def running(clock: SandboxClock) -> Iterator[Sandbox]:
    with Sandbox(client=CLIENT, clock=clock, lifetime=LIFETIME) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, clock: SandboxClock) -> Sandbox:
    running.reset()
    clock.now = NOW
    return running


@contextmanager
def visiting(browser: Browser, sandbox: Sandbox) -> Generator[Visit]:
    with browser.new_context(timezone_id="UTC") as context:
        visit = Visit(context.new_page(), sandbox)
        yield visit
        assert visit.complaints == []
        assert [each for each in visit.addresses if not each.startswith(visit.url)] == []


@pytest.fixture
def visit(chromium: Browser, sandbox: Sandbox) -> Iterator[Visit]:
    """The open page. After each test it must have logged no error and left its origin with no request."""
    with visiting(chromium, sandbox) as visit:
        visit.open()
        yield visit


def ripple(sandbox: Sandbox) -> Ripple:
    return Ripple(
        client_id=sandbox.client_id,
        client_secret=sandbox.client_secret,
        tenant_id="acme",
        environment="test",
        base_url=sandbox.base_url("ripple"),
    )


def ask(sandbox: Sandbox) -> Token:
    """A token by one request. Nothing is kept."""
    return TokenSource(ripple(sandbox), store=MemoryStore(), policy=RefreshPolicy(max_attempts=1)).get()


def test_each_endpoint_is_shown_with_its_address(visit: Visit) -> None:
    expect(visit.page.get_by_role("article")).to_have_count(len(SPECS))
    for provider, title in TITLES.items():
        card = visit.card(provider)
        expect(card.get_by_role("heading", level=3)).to_have_text(title)
        expect(card.get_by_text(visit.sandbox.base_url(provider), exact=True)).to_be_visible()
        expect(card.get_by_text(f"POST {TOKEN_PATHS[provider]}", exact=True)).to_be_visible()
        expect(card).to_contain_text("0 token requests · 0 API calls")
        expect(card).to_contain_text("Valid tokens 0")
        expect(card).to_contain_text("Faults 0")
    expect(visit.page.get_by_text("No requests yet.")).to_be_visible()
    expect(visit.page.locator("#connection")).to_have_text("Live")


def test_a_base_url_is_copied(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = visit.card("ripple").get_by_role("button", name="Copy base URL")
    button.click()
    expect(button).to_have_text("Copied")
    assert visit.page.evaluate("navigator.clipboard.readText()") == visit.sandbox.base_url("ripple")


def test_a_token_request_and_an_API_call_appear_without_a_reload(visit: Visit) -> None:
    token = ask(visit.sandbox)
    card = visit.card("ripple")
    expect(card).to_contain_text("1 token request · 0 API calls")
    expect(card).to_contain_text("Valid tokens 1")
    expect(card).to_contain_text(fingerprint(token.access_token))

    get(f"{visit.sandbox.base_url('ripple')}/resource", headers={"Authorization": token.authorization})
    expect(card).to_contain_text("1 token request · 1 API call")
    expect(visit.rows()).to_have_count(2)
    expect(visit.rows().first).to_contain_text("GET")  # newest first
    expect(visit.rows().first).to_contain_text("200")
    expect(visit.rows().last).to_contain_text("POST")
    expect(visit.rows().last).to_contain_text("08:00:00")  # the server's time
    expect(visit.page.get_by_text("No requests yet.")).to_be_hidden()
    assert visit.addresses.count(visit.url) == 1


def test_a_row_shows_the_details_of_a_request_and_stays_open(visit: Visit) -> None:
    ask(visit.sandbox)
    button = visit.rows().first.get_by_role("button")
    details = visit.page.get_by_role("cell", name="grant_type client_credentials")
    expect(details).to_be_hidden()
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(details).to_be_visible()

    ask(visit.sandbox)
    expect(visit.rows()).to_have_count(2)
    expect(details).to_be_visible()
    visit.rows().last.get_by_role("button").click()
    expect(details).to_be_hidden()


def test_the_details_say_why_a_proof_was_refused(visit: Visit) -> None:
    token = ask(visit.sandbox).access_token
    headers = {"Authorization": f"DPoP {token}", "DPoP": "no proof"}
    httpx.get(f"{visit.sandbox.ripple.base_url}/resource", headers=headers, trust_env=False)
    expect(visit.rows()).to_have_count(2)
    visit.rows().first.get_by_role("button").click()
    expect(visit.page.locator(".details")).to_contain_text(
        "Refusedthe token is bound to no key; expected the scheme Bearer"
    )


def test_the_latest_request_is_announced_to_screen_readers(visit: Visit) -> None:
    log = visit.page.get_by_role("log")
    expect(log).to_be_empty()
    ask(visit.sandbox)
    expect(log).to_contain_text("POST")
    expect(log).to_contain_text("200")
    visit.page.reload()
    expect(visit.rows()).to_have_count(1)
    expect(log).to_be_empty()


def switch_on(visit: Visit, provider: str, kind: str, **parameters: str) -> None:
    card = visit.card(provider)
    card.get_by_role("button", name="Add a fault").click()
    card.get_by_role("combobox", name="Fault", exact=True).select_option(kind)
    for name, value in parameters.items():
        card.get_by_label(name, exact=True).fill(value)
    card.get_by_role("button", name="Switch on").click()


def test_a_fault_switched_on_by_the_page_fails_requests_until_it_is_switched_off(visit: Visit) -> None:
    switch_on(visit, "ripple", "fail", status="503")
    card = visit.card("ripple")
    expect(card).to_contain_text("Faults 1")
    expect(card.get_by_role("listitem")).to_contain_text("status 503 · on token · until switched off")
    with pytest.raises(ProviderUnavailable, match="503"):
        ask(visit.sandbox)
    expect(visit.rows().first).to_contain_text("503")
    expect(visit.rows().first.locator(".fault")).to_have_text("fail")

    card.get_by_role("button", name="Switch off fail").click()
    expect(card).to_contain_text("Faults 0")
    assert ask(visit.sandbox)
    expect(visit.rows().first).to_contain_text("200")


def test_a_faults_times_run_down(visit: Visit) -> None:
    switch_on(visit, "ripple", "fail", times="2")
    faults = visit.card("ripple").locator(".faults")
    expect(faults).to_contain_text("for 2 more requests")
    with pytest.raises(ProviderUnavailable):
        ask(visit.sandbox)
    expect(faults).to_contain_text("for 1 more request")
    with pytest.raises(ProviderUnavailable):
        ask(visit.sandbox)
    expect(faults).to_be_empty()


def test_the_error_for_a_refused_fault_is_shown_in_the_form(visit: Visit) -> None:
    switch_on(visit, "ripple", "fail", status="7")
    alert = visit.card("ripple").get_by_role("alert")
    expect(alert).to_contain_text("status: is 7")
    visit.card("ripple").get_by_role("combobox", name="Fault", exact=True).select_option("drop")
    expect(alert).to_have_count(0)
    expect(visit.card("ripple")).to_contain_text("Faults 0")
    (complaint,) = visit.complaints
    assert "400" in complaint
    visit.complaints.clear()


def test_restore_switches_off_the_faults_of_one_provider_and_revoke_ends_its_tokens(visit: Visit) -> None:
    ask(visit.sandbox)
    visit.sandbox.ripple.fail(503)
    visit.sandbox.cryptofuse.fail(503)
    card = visit.card("ripple")
    expect(card).to_contain_text("Faults 1")
    card.get_by_role("button", name="Switch off all").click()
    expect(card).to_contain_text("Faults 0")
    expect(visit.card("cryptofuse")).to_contain_text("Faults 1")

    expect(card).to_contain_text("Valid tokens 1")
    card.get_by_role("button", name="Revoke").click()
    expect(card).to_contain_text("Valid tokens 0")
    expect(card.locator(".tokens")).to_be_empty()


def test_reset_all_deletes_everything(visit: Visit) -> None:
    ask(visit.sandbox)
    visit.sandbox.ripple.fail(503)
    card = visit.card("ripple")
    expect(card).to_contain_text("Faults 1")
    visit.page.get_by_role("button", name="Reset all").click()
    expect(card).to_contain_text("0 token requests · 0 API calls")
    expect(card).to_contain_text("Faults 0")
    expect(card).to_contain_text("Valid tokens 0")
    expect(visit.rows()).to_have_count(0)


def test_lifetimes_count_down_by_the_servers_clock(chromium: Browser, sandbox: Sandbox) -> None:
    ask(sandbox)
    with visiting(chromium, sandbox) as visit:
        visit.page.clock.install(time="1999-12-31T00:00:00Z")
        visit.page.clock.pause_at("1999-12-31T00:00:01Z")
        visit.open()
        card = visit.card("ripple")
        expect(card.get_by_role("timer")).to_have_text("1:00:00")
        visit.page.clock.run_for(30 * 60_000)
        expect(card.get_by_role("timer")).to_have_text("30:00")
        visit.page.clock.run_for(60_000)
        expect(card.get_by_role("timer")).to_have_text("29:00")
        bar = card.get_by_role("progressbar", name="Lifetime left")
        assert bar.get_attribute("max") == str(LIFETIME)
        assert bar.evaluate("bar => Math.round(bar.value)") == 29 * 60
        visit.page.clock.run_for(29 * 60_000)
        expect(card).to_contain_text("Valid tokens 0")
        expect(card.get_by_role("timer")).to_have_count(0)


def test_a_card_shows_only_a_few_of_many_tokens(visit: Visit) -> None:
    count = 103  # more than the control API lists
    with httpx.Client(auth=(CLIENT.client_id, CLIENT.client_secret), verify=NO_TLS) as client:
        for _ in range(count):
            client.post(f"{visit.sandbox.base_url('cryptofuse')}/o/token/", data={"grant_type": "client_credentials"})
    card = visit.card("cryptofuse")
    expect(card).to_contain_text(f"Valid tokens {count}")
    expect(card.locator(".tokens li")).to_have_count(4)
    expect(card).to_contain_text(f"and {count - 4} more")


def test_the_error_of_a_button_stays_until_a_button_works(visit: Visit) -> None:
    visit.page.route("**/revoke", lambda route: route.fulfill(status=400, json={"error": "not today"}))
    button = visit.card("ripple").get_by_role("button", name="Revoke")
    button.click()
    alert = visit.page.get_by_role("alert")
    expect(alert).to_have_text("The command failed: not today")
    visit.page.unroute("**/revoke")
    button.click()
    expect(alert).to_have_count(0)
    assert visit.complaints.pop()


def say(visit: Visit, text: str) -> None:
    """Put this text wherever the sandbox shows text, without its redaction."""
    state = get(f"{visit.sandbox.url}/control").json()
    request = dict.fromkeys(("id", "provider", "method", "path", "status", "fault"), text)
    state["requests"] = [{**request, "at": NOW, "milliseconds": 1, "headers": {text: text}, "parameters": {text: text}}]
    fault = {**dict.fromkeys(("id", "kind", "on", text), text), "times": None}
    token = {"fingerprint": text, "issued_at": NOW, "expires_at": NOW + 1}
    state["providers"][0].update(name=text, token_path=text, alive=1, tokens=[token], faults=[fault])
    parameter = {**dict.fromkeys(("name", "default", "meaning"), text), "type": "text"}
    kind = {"kind": text, "meaning": text, "on": [text], "parameters": [parameter]}

    event = f"data: {json.dumps(state)}\n\n"
    visit.page.route("**/control/events", lambda route: route.fulfill(body=event, content_type="text/event-stream"))
    visit.page.route("**/control/faults", lambda route: route.fulfill(json=[kind]))
    visit.page.reload()
    visit.rows().first.get_by_role("button").click()
    expect(visit.page.locator(".details")).to_have_text(f"Headers{text * 2}Parameters{text * 2}")
    visit.page.get_by_role("button", name="Add a fault").first.click()
    expect(visit.page.get_by_role("article").first).to_contain_text(text)
    expect(visit.page.locator(".parameters small").first).to_have_text(text)


def test_markup_stays_text(visit: Visit) -> None:
    say(visit, MARKUP)
    expect(visit.rows().first.locator(".path")).to_have_text(MARKUP)
    expect(visit.page.locator("img")).to_have_count(0)


def test_nothing_is_wider_than_the_screen(visit: Visit) -> None:
    say(visit, "long" * 100)
    for width in (360, 720, 1280, 1920):
        visit.page.set_viewport_size({"width": width, "height": 800})
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width


def test_light_and_dark_follow_the_readers_setting(visit: Visit) -> None:
    for scheme in SCHEMES:
        visit.page.emulate_media(color_scheme=scheme)
        ground = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, re.findall(r"\d+", ground))) < 128) == (scheme == "dark")


def test_no_secret_and_no_token_reaches_the_page(visit: Visit) -> None:
    token = ask(visit.sandbox)
    wrong = "canary-wrong-5d21"
    basic = basic_credentials(CLIENT.client_id, CLIENT.client_secret)
    base_url = visit.sandbox.base_url("cryptofuse")
    api_call = {"Authorization": token.authorization}
    form = {"grant_type": "client_credentials"}
    get(f"{visit.sandbox.base_url('ripple')}/resource", headers=api_call)
    get(f"{base_url}/resource", headers=api_call)  # refused: another provider's
    post(f"{base_url}/o/token/", headers={"Authorization": f"Basic {basic}"}, data=form)
    post(f"{base_url}/o/token/", data={**form, "client_id": CLIENT.client_id, "client_secret": wrong})
    post(f"{base_url}/o/token/?client_secret={wrong}&access_token={token.access_token}", data=form)
    expect(visit.rows()).to_have_count(6)
    for row in visit.rows().all():
        row.get_by_role("button").click()
    expect(visit.page.locator(".details")).to_have_count(6)

    haystack = "\n".join([visit.page.content(), *visit.console, *visit.events, *visit.bodies()])
    assert fingerprint(token.access_token) in haystack
    for canary in (wrong, token.access_token, token.access_token[:16], basic):
        assert canary not in haystack
    about_requests = "\n".join([visit.page.locator("table").inner_html(), *visit.console, *visit.events])
    assert CLIENT.client_secret not in about_requests  # elsewhere, the page says what the sandbox accepts


def test_the_page_has_the_credentials_and_a_command_for_each_provider(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(visit.page.locator("#client")).to_have_text(
        f"All providers accept the client id {CLIENT.client_id} with the client secret {CLIENT.client_secret}."
    )
    card = visit.card("ripple")
    card.get_by_text("Command for a token").click()
    command = card.locator(".command")
    expect(command).to_be_visible()
    expect(command).to_have_text(
        f"RIPPLE_CLIENT_SECRET={CLIENT.client_secret} paygrant token ripple --client-id {CLIENT.client_id} "
        f"--environment test --base-url {visit.sandbox.base_url('ripple')} --tenant-id TENANT_ID"
    )
    button = card.get_by_role("button", name="Copy command")
    button.click()
    expect(button).to_have_text("Copied")
    assert visit.page.evaluate("navigator.clipboard.readText()") == command.text_content()
    visit.page.set_viewport_size({"width": 375, "height": 800})
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 375


def test_the_page_lists_a_spec_of_the_users_own(chromium: Browser, tmp_path: Path) -> None:
    with Sandbox(specs=[written(tmp_path)]) as sandbox, chromium.new_page() as page:
        page.goto(sandbox.url)
        card = page.get_by_role("article", name="acme", exact=True)
        expect(card).to_contain_text("POST /v1/{realm}/authorize")
        expect(card.locator(".command")).to_contain_text("--realm REALM")


@pytest.mark.parametrize(
    ("path", "kind"),
    [("", "text/html"), ("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")],
)
def test_each_file_limits_what_a_browser_may_do_with_it(sandbox: Sandbox, path: str, kind: str) -> None:
    response = get(f"{sandbox.url}/{path}")
    assert response.status_code == 200
    assert response.headers["Content-Type"].partition(";")[0] == kind
    policy = dict(each.split(" ", 1) for each in response.headers["Content-Security-Policy"].split("; "))
    assert policy.pop("default-src") == "'none'"
    assert policy.pop("require-trusted-types-for") == "'script'"
    closed = {"base-uri", "form-action", "frame-ancestors"}
    assert {policy.pop(each) for each in closed} == {"'none'"}
    assert policy == dict.fromkeys(("script-src", "style-src", "img-src", "connect-src"), "'self'")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-cache"


def test_injected_markup_can_do_nothing(visit: Visit) -> None:
    for attempt in (
        "document.body.innerHTML = '<img src=x onerror=\"window.ran = true\">'",
        "document.body.setAttribute('onclick', 'window.ran = true'); document.body.click()",
        "const script = document.createElement('script'); script.append('window.ran = true'); document.body.append(script)",
        "await fetch('http://127.0.0.1:9/').then(() => { window.ran = true; })",
    ):
        visit.page.evaluate(f"async () => {{ try {{ {attempt} }} catch {{}} }}")
        assert visit.complaints
        assert all("Content Security Policy" in each or "requires 'Trusted" in each for each in visit.complaints)
        visit.complaints.clear()
    assert visit.page.evaluate("window.ran") is None


def test_a_fault_can_be_switched_on_and_off_by_keyboard(visit: Visit) -> None:
    focused, press = visit.page.locator(":focus"), visit.page.keyboard.press
    for name in ("Reset all", "Copy base URL", "Command for a token", "Revoke all tokens", "Add a fault"):
        press("Tab")
        expect(focused).to_have_accessible_name(re.compile(name))
    press("Enter")
    expect(focused).to_have_accessible_name("Fault")
    card = visit.page.get_by_role("article").first
    press("Tab")
    expect(focused).to_have_js_property("tagName", "INPUT")
    press("Enter")
    expect(card).to_contain_text("Faults 1")
    expect(focused).to_have_accessible_name(re.compile("Add a fault"))
    press("Tab")
    press("Tab")
    expect(focused).to_have_accessible_name(re.compile("Switch off"))
    press("Enter")
    expect(card).to_contain_text("Faults 0")
    expect(focused).to_have_accessible_name(re.compile("Add a fault"))


def test_the_page_reports_that_the_sandbox_is_gone_and_finds_the_next_one(chromium: Browser) -> None:
    with Sandbox(client=CLIENT, clock=lambda: NOW) as first, visiting(chromium, first) as visit:
        port = httpx.URL(first.url).port
        visit.open()
        ask(first)
        expect(visit.rows().locator(".time")).to_have_text("08:00:00")
        first.__exit__(None, None, None)
        state = visit.page.locator("#connection")
        expect(state).to_have_text("Sandbox not reachable; trying again")
        with Sandbox(client=CLIENT, clock=lambda: NOW + 60, port=port or 0) as second:
            ask(second)  # its number one, too
            expect(state).to_have_text("Live", timeout=15_000)
            expect(visit.rows().locator(".time")).to_have_text("08:01:00")
            visit.page.close()
        visit.complaints.clear()  # Chromium notes each vain try
