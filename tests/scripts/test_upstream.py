"""Watches pages of a local server while they change. The pages were written for these tests."""

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from paygrant._spec import document
from scripts.upstream import prose, watch
from scripts.upstream.__main__ import CHECKED, ROOT, main
from scripts.upstream.facts import gather
from scripts.upstream.pages import CONCURRENCY, MAX_BYTES, MAX_REDIRECTS, _tls
from tests.helpers.servers import Reply, Seen, Server, serve

PROSE = """\
# Tokens

Ask for one before anything else; see [the guide](https://elsewhere.example/guide).

Endpoint: POST https://auth.acme.example/v1/token
Sandbox: `auth.sandbox.acme.example`

| Zone | Host |
| --- | --- |
| Test | auth.test.acme.example |

## Header parameters

- `Authorization` (string): `Authorization: Basic` and both, encoded.

## Request fields (application/json)

- `audience` (string, required)
  Whom the token is for, as urn:acme-live:{TENANT}.
- `grant_type` (string, required)
  Enum: "client_credentials"

| Field | Type | Required | Meaning |
| --- | --- | --- | --- |
| `username` | string | Yes | Made of `client_id`, then `:`, then `wallet`. |

```bash
curl -X POST https://auth.acme.example/v1/token?mode=fast \\
  -H "X-Trace: 1" -d 'username=<client_id>:{wallet}&grant_type=client_credentials'
```

## Response 200

```json
{"access_token": "abc", "expires_in": 60, "fine": true}
```

Else the answer is 401 Unauthorized. A user is a UUID v4.
"""

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Acme", "version": "1"},
    "servers": [{"url": "https://auth.acme.example/base"}],
    "security": [{"basic": []}],
    "paths": {
        "/token": {
            "parameters": [{"$ref": "#/components/parameters/Trace"}],
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "required": ["grant_type"],
                                "properties": {
                                    "grant_type": {"type": "string", "enum": ["client_credentials", "password"]},
                                    "limits": {"type": "array", "items": {"type": "integer", "format": "int32"}},
                                },
                            }
                        }
                    },
                },
                "responses": {
                    "200": {
                        "description": "Granted.",
                        "headers": {"X-Left": {}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Token"}}},
                    },
                    "403": {"description": "Refused."},
                },
            },
        }
    },
    "components": {
        "parameters": {"Trace": {"in": "header", "name": "X-Trace", "required": True, "schema": {"type": "string"}}},
        "schemas": {
            "Token": {
                "allOf": [{"type": "object"}, {"properties": {"token": {"type": ["string", "null"], "const": "x"}}}],
                "properties": {"next": {"$ref": "#/components/schemas/Token"}, "a/b": {"oneOf": [{"type": "string"}]}},
                "additionalProperties": {"$ref": "https://elsewhere.example/schema"},
            }
        },
        "securitySchemes": {
            "basic": {"type": "http", "scheme": "basic"},
            "key": {"type": "apiKey", "in": "query", "name": "key"},
            "flow": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://auth.acme.example/t"}}},
        },
    },
}

YAML = """\
# Tokens

- In a list:

    ````yaml openapi.json POST /token
    openapi: 3.1.0
    servers:
      - url: https://auth.acme.example
    paths:
      /token:
        post:
          responses:
            200:
              description: Granted.
    ````
"""

HTML = """\
<!DOCTYPE html>
<html><head><title>t</title><script>"not_seen": 1</script></head>
<body><nav><h2>Response</h2><code>https://not.seen.example/</code></nav>
<h1>Request</h1>
<p>Goes to <a href="https://not.seen.example">us</a>: <code>POST https://auth.acme.example/token</code></p>
<table><thead><tr><th>Field</th><th>Type</th></tr></thead>
<tbody><tr><td><code>user<b>name</b></code></td><td><p>string</p></td></tr></tbody></table>
<h2>Response</h2>
<pre><code>{
"access_token": "abc"
}</code></pre>
<ul><li><code>error</code> (string)</li></ul></body></html>
"""


def in_markdown(openapi: dict[str, Any]) -> str:
    return f"# Tokens\n\n> Ask for one.\n\n```json\n{json.dumps(openapi)}\n```\n"


class Project:
    """Specs with pages of a local server as sources, and the command line that watches them."""

    def __init__(self, root: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.server, self.capsys = root, server, capsys
        self.replies: dict[str, Reply] = {}
        server.reply = lambda seen: self.replies.get(seen.path, Reply(b"", 404))
        (root / "specs").mkdir()

    def names(self, *paths: str, spec: str = "acme") -> None:
        """Write a spec with these pages as sources."""
        sources = [{"url": self.server.base_url + path, "read": "2026-11-21"} for path in paths]
        self.write_spec(json.dumps({"x-provenance": {"sources": sources}}), spec)

    def write_spec(self, text: str, spec: str = "acme") -> None:
        (self.root / "specs" / f"{spec}.yaml").write_text(text)

    def serves(self, text: str | bytes, path: str = "/token.md", **more: Any) -> None:
        self.replies[path] = Reply(text if isinstance(text, bytes) else text.encode(), **more)

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit status and the output, in which ``here`` stands for the server's URL."""
        status = main(arguments, self.root)
        return status, self.capsys.readouterr().out.replace(self.server.base_url, "here")

    def facts(self, path: str = "/token.md") -> dict[str, str]:
        """The facts of a page that were kept."""
        return watch.load(self.root / CHECKED / "acme.json")[self.server.base_url + path].facts


@pytest.fixture
def project(tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> Project:
    project = Project(tmp_path, server, capsys)
    project.names("/token.md")
    return project


@pytest.fixture
def checked(project: Project) -> Callable[[str], Project]:
    """Serve a page, and mark it as checked."""

    def check(text: str) -> Project:
        project.serves(text)
        assert project.run("--update")[0] == 0
        return project

    return check


Checked = Callable[[str], Project]


def test_facts_of_prose_are_names_and_values_without_sentences(checked: Checked) -> None:
    assert checked(PROSE).facts() == {
        "response access_token": "string",
        "response expires_in": "number",
        "response fine": "boolean",
        "grant type client_credentials": "",
        "header Authorization": "string",
        "header Authorization Basic": "",
        "header X-Trace": "",
        "host auth.acme.example": "https",
        "host auth.test.acme.example": "no scheme",
        "media type application/json": "request",
        "page Test": "auth.test.acme.example",
        "path /v1/token": "POST",
        "query mode": "",
        "request audience": "string, required",
        "request grant_type": "string, required",
        "request grant_type enum": "client_credentials",
        "request username": "string, Yes, client_id : wallet",
        "request username form": "<client_id>:{wallet}",
        "standard UUID v4": "",
        "status 200": "",
        "status 401": "",
        "urn urn:acme-live:{TENANT}": "",
    }


def test_facts_of_an_openapi_document_come_from_its_operations(checked: Checked) -> None:
    facts = checked(in_markdown(OPENAPI)).facts()
    assert facts.pop("document") == "OpenAPI"
    assert {place.removeprefix("POST /token: "): value for place, value in facts.items()} == {
        "body": "required",
        "body application/json #": "",
        "body application/json #/grant_type": "required, string, one of client_credentials password",
        "body application/json #/limits": "array",
        "body application/json #/limits[]": "integer, int32",
        "credentials": "http basic",
        "header X-Trace": "required, string",
        "host auth.acme.example": "https /base",
        "status 200": "",
        "status 200 application/json #": "object",
        "status 200 application/json #.*": "reference to https://elsewhere.example/schema",
        "status 200 application/json #/a~1b": "",
        "status 200 application/json #/a~1b (oneOf 1)": "string",
        "status 200 application/json #/next": "reference to #/components/schemas/Token",
        "status 200 application/json #/token": "null or string, one of x",
        "status 200 header X-Left": "",
        "status 403": "",
    }


@pytest.mark.parametrize("page", [YAML, YAML.split("````")[1].partition("\n")[2].replace("\n    ", "\n").strip()])
def test_openapi_in_yaml_is_read_in_a_page_and_as_a_page(checked: Checked, page: str) -> None:
    assert checked(page).facts() == {
        "document": "OpenAPI",
        "POST /token: credentials": "none",
        "POST /token: host auth.acme.example": "https",
        "POST /token: status 200": "",
    }


def test_html_has_the_facts_of_its_text(project: Project) -> None:
    project.names("/token")
    project.serves(HTML, "/token")
    assert project.run("--update")[0] == 0
    assert project.facts("/token") == {
        "response access_token": "string",
        "response error": "string",
        "host auth.acme.example": "https",
        "path /token": "POST",
        "request username": "string",
    }


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Enum: a\n| zone | eu |", {"page zone": "eu"}),
        ("# Query\n- `zone`: **Required** where", {"query zone": "Required"}),
        ("Query parameters:\n- **`zone`** (string)", {"query zone": "string"}),
        ("# Response\n# Else\n| zone | eu |", {"page zone": "eu"}),
        ("Response\nPython\n| zone | eu |", {"response zone": "eu"}),
        ("- `zone`\n  Default: eu", {"page zone": "", "page zone default": "eu"}),
        ("| not one | eu |\n| | eu |\n|---|---|", {}),
        ("| Zone | Means |\n|:--|--:|\n| *eu* | in Europe, `eu-1` or `eu-2` |", {"page eu": "eu-1 eu-2"}),
        ("At https://a.example. See `external\\_ref`.", {"host a.example": "https"}),
        ("https://<tenant>.a.example/v1/{zone}/t:", {"host <tenant>.a.example": "https", "path /v1/{zone}/t": ""}),
        ("Call DELETE `{BASE}/t.`", {"host {BASE}": "no scheme", "path /t": "DELETE"}),
        ("POST\n/o/t/", {"path /o/t/": "POST"}),
        ("--data-urlencode 'who=<id>:U_1:0x5'", {"request who": "", "request who form": "<id>:*:*"}),
        ("--data '{\"who\": null}' --header 'X-A: 1'", {"page who": "null", "header X-A": ""}),
        ("-d 'a b=1&=2&c'", {}),
        ("HTTP 418, status code 429, a 99 or 600, 404 Not Found", {"status 404": "", "status 418": "", "status 429": ""}),
        ("By **RFC** 6749; `text/plain`.", {"standard RFC 6749": "", "media type text/plain": "page"}),
    ],
)  # fmt: skip
def test_prose_with_one_detail_has_exactly_these_facts(text: str, facts: dict[str, str]) -> None:
    assert gather(prose.pairs(text)) == facts


def test_an_identical_page_is_unchanged(checked: Checked) -> None:
    assert checked(PROSE).run() == (0, "unchanged  acme  here/token.md\n1 pages: 1 unchanged\n")


@pytest.mark.parametrize("page", [PROSE, in_markdown(OPENAPI)])
def test_a_page_with_new_words_and_the_same_facts_is_reworded_and_exits_with_0(checked: Checked, page: str) -> None:
    project = checked(page)
    project.serves(page.replace("Ask for one", "Please ask for a token"))
    assert project.run() == (0, "reworded   acme  here/token.md\n1 pages: 1 reworded\n")


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("/v1/token", "/v2/token", ["  path /v1/token: gone (was POST)", "  path /v2/token: new: POST"]),
        (
            "- `grant_type`",
            "- `region` (string, required)\n- `grant_type`",
            ["  request region: new: string, required"],
        ),
        ("`audience` (string, required)", "`audience` (string)", ["  request audience: was string, required, now string"]),
        (
            "https://auth.acme.example",
            "https://auth.acme.test",
            ["! host auth.acme.example: gone (was https)", "! host auth.acme.test: new: https"],
        ),
        ("https://auth.acme", "http://auth.acme", ["! host auth.acme.example: was https, now http"]),
        (
            "auth.test.acme.example",
            "auth.new.acme.example",
            [
                "! host auth.new.acme.example: new: no scheme",
                "! host auth.test.acme.example: gone (was no scheme)",
                "  page Test: was auth.test.acme.example, now auth.new.acme.example",
            ],
        ),
        (
            "<client_id>:{wallet}",
            "{wallet}:<client_id>",
            ["! request username form: was <client_id>:{wallet}, now {wallet}:<client_id>"],
        ),
        (
            "`client_id`, then `:`, then",
            "`client_id`, then `/`, then",
            ["! request username: was string, Yes, client_id : wallet, now string, Yes, client_id / wallet"],
        ),
        (
            "- `Authorization` (string): `Authorization: Basic` and both, encoded.\n\n## Request fields (application/json)\n",
            "## Request fields (application/json)\n- `client_secret` (string, required)\n",
            [
                "! header Authorization: gone (was string)",
                "! header Authorization Basic: gone",
                "! request client_secret: new: string, required",
            ],
        ),
        ("(application/json)", "(text/plain)", ["  media type application/json: gone (was request)", "  media type text/plain: new: request"]),
        ("urn:acme-live", "urn:acme", ["  urn urn:acme-live:{TENANT}: gone", "  urn urn:acme:{TENANT}: new"]),
        ("401 Unauthorized", "403 Forbidden", ["  status 401: gone", "  status 403: new"]),
        ("UUID v4", "UUID v7", ["  standard UUID v4: gone", "  standard UUID v7: new"]),
        ('"expires_in": 60', '"expires_in": "60"', ["  response expires_in: was number, now string"]),
        ("grant_type=client", "grant_type=other", ["  grant type client_credentials: gone", "  grant type other_credentials: new"]),
        ("curl -X", "curl -u me: -X", ["! credentials curl -u: new"]),
        ("and both", "and Bearer Auth", ["! credentials Bearer: new"]),
        ('Enum: "client', 'Enum: "other', ["  request grant_type enum: was client_credentials, now other_credentials"]),
        ("X-Trace", "X-Track", ["  header X-Trace: gone", "  header X-Track: new"]),
        ("?mode=fast", "", ["  query mode: gone"]),
        ("Else the", "| 429 | slow_down |\nElse the", ["  status 429: new: slow_down"]),
        ("Sandbox: `", "Host: {{BASE_URL}}/x `", ["! host {{BASE_URL}}: new: no scheme", "  path /x: new"]),
    ],
)  # fmt: skip
def test_a_change_of_prose_is_reported_with_its_place(checked: Checked, old: str, new: str, lines: list[str]) -> None:
    project = checked(PROSE)
    assert old in PROSE
    project.serves(PROSE.replace(old, new))
    status, printed = project.run()
    assert printed.splitlines() == [
        "changed    acme  here/token.md",
        *(f"  {line}" for line in lines),
        "1 pages: 1 changed",
    ]
    assert status == 1


POST = "/paths/~1token/post"
OPERATIONS: list[tuple[str, Any, list[str]]] = [
    ("/servers/0/url", "http://auth.acme.example/base", ["! POST /token: host auth.acme.example: was https /base, now http /base"]),
    (
        f"{POST}/servers",
        [{"url": "https://auth.acme.test"}],
        ["! POST /token: host auth.acme.example: gone (was https /base)", "! POST /token: host auth.acme.test: new: https"],
    ),
    ("/paths/~1token/servers", [], ["! POST /token: host auth.acme.example: gone (was https /base)"]),
    (f"{POST}/security", [], ["! POST /token: credentials: was http basic, now none"]),
    ("/security", [{"key": [], "basic": []}, {}], ["! POST /token: credentials: was http basic, now apiKey query key and http basic or none"]),
    ("/security/0", {"flow": []}, ["! POST /token: credentials: was http basic, now oauth2 clientCredentials https://auth.acme.example/t"]),
    ("/security/0", {"lost": []}, ["! POST /token: credentials: was http basic, now lost"]),
    (f"{POST}/parameters", [{"in": "query", "name": "zone", "required": True}], ["  POST /token: query zone: new: required"]),
    (f"{POST}/requestBody/required", False, ["  POST /token: body: was required, now optional"]),
    (
        f"{POST}/requestBody/content/application~1json/schema/properties/client_secret",
        {"type": "string", "pattern": "^s"},
        ["! POST /token: body application/json #/client_secret: new: string, ^s"],
    ),
    (f"{POST}/responses/403", {"content": {"text/plain": {}}}, ["  POST /token: status 403 text/plain #: new"]),
    (f"{POST}/responses/429", {}, ["  POST /token: status 429: new"]),
    ("/components/schemas/Token/required", ["token"], ["  POST /token: status 200 application/json #/token: was null or string, one of x, now null or string, one of x | required"]),
    ("/info/title", "Apex", []),
    ("/components/schemas/Token/allOf/1/required", ["token"], ["  POST /token: status 200 application/json #/token: was null or string, one of x, now required, null or string, one of x"]),
    ("/components/schemas/Token/required", ["next"], ["  POST /token: status 200 application/json #/next: was reference to #/components/schemas/Token, now required, reference to #/components/schemas/Token"]),
]  # fmt: skip


@pytest.mark.parametrize(("at", "value", "lines"), OPERATIONS)
def test_a_change_of_an_operation_is_reported_with_its_place(
    checked: Checked, at: str, value: Any, lines: list[str]
) -> None:
    project = checked(in_markdown(OPENAPI))
    openapi = json.loads(json.dumps(OPENAPI))
    *steps, last = (step.replace("~1", "/") for step in at.split("/")[1:])
    target: Any = openapi
    for step in steps:
        target = target[int(step) if isinstance(target, list) else step]
    target[int(last) if isinstance(target, list) else last] = value
    project.serves(in_markdown(openapi))
    status, printed = project.run()
    assert printed.splitlines()[1:-1] == [f"  {line}" for line in lines]
    assert status == bool(lines)


def test_a_new_path_of_an_operation_is_one_change_and_other_differences_are_separate(checked: Checked) -> None:
    project = checked(in_markdown(OPENAPI))
    (item,) = OPENAPI["paths"].values()
    item = {**item, "servers": [{"url": "http://auth.acme.example/base"}]}
    project.serves(in_markdown({**OPENAPI, "paths": {"/v2/token": item}}))
    assert project.run()[1].splitlines()[1:-1] == [
        "  ! POST /v2/token: host auth.acme.example: was https /base, now http /base",
        "    operation: was POST /token, now POST /v2/token",
    ]


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (Reply(b"", 404), "gone       acme  here/token.md: status 404"),
        (Reply(b"", 410), "gone       acme  here/token.md: status 410"),
        (Reply(b"", 500), "not read   acme  here/token.md: status 500"),
        (Reply(b"", 403), "not read   acme  here/token.md: status 403"),
        (Reply(b"", 302), "not read   acme  here/token.md: status 302"),
        (Reply(b"", 301, {"Location": "http://:x"}), "not read   acme  here/token.md: RemoteProtocolError: "),
        (Reply(b"", 301, {"Location": "javascript:1"}), "not read   acme  here/token.md: InvalidURL: "),
        (Reply(b"", 301, {"Location": "//xn--a"}), "not read   acme  here/token.md: InvalidCodepoint: "),
        (Reply(b"", 301, {"Location": "https://other.example/t.md"}), "moved      acme  here/token.md: the server redirects to https://other.example/t.md"),
        (Reply(b"", 301, {"Location": "//127.0.0.1/t.md"}), "moved      acme  here/token.md: the server redirects to http://127.0.0.1/t.md"),
        (Reply(b"", 301, {"Location": "/token.md"}), f"not read   acme  here/token.md: more than {MAX_REDIRECTS} redirects, the last to here/token.md"),
        (Reply(b"x" * (MAX_BYTES + 1)), f"not read   acme  here/token.md: larger than {MAX_BYTES} bytes"),
        (Reply(b"caf\xe9"), "not read   acme  here/token.md: not UTF-8: byte 3 is 0xe9"),
        (Reply(b"x", headers={"Content-Encoding": "gzip"}), "not read   acme  here/token.md: encoded as gzip, which was not requested"),
        (Reply(HTML.encode()), "not read   acme  here/token.md: HTML instead of Markdown"),
        (Reply(b"Sign in, please."), "not read   acme  here/token.md: it contains no facts"),
        (Reply(b"openapi: 3.1.0\npaths: []"), "not read   acme  here/token.md: it contains no facts"),
        (Reply(b'{"openapi": ['), "not read   acme  here/token.md: an OpenAPI document in it cannot be parsed: did not find expected node content"),
        (Reply(b'{"openapi": ' + b"[" * 100_000), "not read   acme  here/token.md: an OpenAPI document in it cannot be parsed: "),
        (Reply(b"openapi: [*all]\n"), "not read   acme  here/token.md: an OpenAPI document in it cannot be parsed: an alias refers to itself or to nothing"),
        (Reply(b"openapi: " + b"[" * 200_000), "not read   acme  here/token.md: an OpenAPI document in it cannot be parsed: there are more than 100 levels"),
        (Reply(b"openapi: !!python/name:os.system\n"), "not read   acme  here/token.md: an OpenAPI document in it cannot be parsed: there is a tag"),
        (Reply(b'{"openapi": "3", "servers": [{"url": "http://[x"}], "paths": {"/": {"get": {}}}}'), "not read   acme  here/token.md: its facts cannot be extracted: Invalid IPv6 URL"),
    ],
)  # fmt: skip
def test_an_unreadable_page_is_reported_with_the_reason_and_the_others_are_read(
    checked: Checked, reply: Reply, state: str
) -> None:
    project = checked(PROSE)
    project.serves(PROSE, "/other.md")
    project.names("/other.md", spec="other")
    assert project.run("--update", str(project.root / "specs/other.yaml"))[0] == 0
    facts = project.facts()
    project.replies["/token.md"] = reply
    expected = 1 if state.startswith(("gone", "moved")) else 3
    for arguments in ((), ("--update",)):
        status, printed = project.run(*arguments)
        first, second, *_ = printed.splitlines()
        assert first.startswith(state)
        assert second == "unchanged  other  here/other.md"
        assert status == expected
    assert project.facts() == facts, "the kept facts of the page stay"


def test_malformed_html_is_reported(project: Project) -> None:
    project.names("/token")
    project.serves("<html><![<![", "/token")
    status, printed = project.run()
    assert "here/token: not HTML: " in printed
    assert status == 3


@pytest.mark.parametrize("width", [1, 9])
def test_an_endless_schema_is_reported(project: Project, width: int) -> None:
    levels = 5000 if width == 1 else 60
    schemas = {str(n): {"allOf": [{"$ref": f"#/components/schemas/{n + 1}"}] * width} for n in range(levels)}
    body = {"content": {"a/b": {"schema": {"$ref": "#/components/schemas/0"}}}}
    project.serves(
        json.dumps({"openapi": "3", "paths": {"/": {"put": {"requestBody": body}}}, "components": {"schemas": schemas}})
    )
    status, printed = project.run()
    assert (
        "its facts have more than" if width > 1 else "its facts cannot be extracted: maximum recursion depth"
    ) in printed
    assert status == 3


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": 7},
        {"$ref": "#lost"},
        {"$ref": "file:///etc/hostname"},
        {"$ref": "#/info/%%"},
        {"$id": 7, "$ref": "#/$id"},
    ],
)
def test_an_unresolvable_reference_is_reported_as_a_reference(checked: Checked, schema: dict[str, Any]) -> None:
    body = {"content": {"a/b": {"schema": schema}}}
    operation = {"requestBody": body, "parameters": [schema], "responses": {"200": schema}}
    page = {"openapi": "3", "$id": 7, "$schema": 7, "paths": {"/": {"put": operation}}}
    assert checked(json.dumps(page)).facts()["PUT /: body a/b #"] == f"reference to {schema['$ref']}"


def test_a_response_after_the_time_limit_is_reported_and_the_others_are_read(project: Project) -> None:
    over = threading.Event()

    def reply(seen: Seen) -> Reply:
        if seen.path == "/slow.md":
            over.wait(30)
        return Reply(PROSE.encode())

    project.server.reply = reply
    project.names("/slow.md", "/token.md")
    status, printed = project.run("--timeout", "0.5", "--update")
    over.set()
    assert printed.splitlines()[:2] == [
        "new        acme  here/token.md",
        "not read   acme  here/slow.md: no response within 0.5 s",
    ]
    assert status == 3


def test_only_a_few_pages_are_fetched_at_once(project: Project) -> None:
    together, most = threading.Barrier(CONCURRENCY), 0
    lock = threading.Lock()
    answering = set[str]()

    def reply(seen: Seen) -> Reply:
        nonlocal most
        with lock:
            answering.add(seen.path)
            most = max(most, len(answering))
        together.wait(30)
        with lock:
            answering.remove(seen.path)
        return Reply(PROSE.encode())

    project.server.reply = reply
    project.names(*(f"/{number}.md" for number in range(2 * CONCURRENCY)))
    assert project.run()[1].endswith(f"{2 * CONCURRENCY} pages: {2 * CONCURRENCY} new\n")
    assert most == CONCURRENCY


def test_a_server_that_refuses_the_connection_is_reported(project: Project) -> None:
    with serve() as other:
        pass
    sources = [{"url": f"{other.base_url}/token.md"}]
    project.write_spec(json.dumps({"x-provenance": {"sources": sources}}))
    status, printed = project.run()
    assert printed.startswith(f"not read   acme  {other.base_url}/token.md: ConnectError: ")
    assert status == 3


def test_a_redirect_to_another_origin_is_not_followed(project: Project) -> None:
    with serve() as other:
        project.replies["/token.md"] = Reply(b"", 302, {"Location": f"{other.base_url}/token.md"})
        assert project.run()[0] == 1
        assert other.seen == []


def test_a_redirect_within_the_origin_is_followed_and_reported(checked: Checked) -> None:
    project = checked(PROSE)
    project.replies["/token.md"] = Reply(b"", 308, {"Location": "/new.md"})
    project.serves(PROSE, "/new.md")
    assert project.run() == (0, "unchanged  acme  here/token.md: read at here/new.md\n1 pages: 1 unchanged\n")


def test_a_request_identifies_its_client(checked: Checked) -> None:
    (seen,) = checked(PROSE).server.seen
    assert seen.method == "GET"
    assert seen.headers["User-Agent"].startswith("paygrant-upstream/")
    assert seen.headers["Accept-Encoding"] == "identity"
    assert seen.headers["Accept"].startswith("text/markdown,")


def test_certificates_are_verified() -> None:
    assert _tls().verify_mode == ssl.CERT_REQUIRED
    assert _tls().check_hostname


def test_a_page_is_new_until_the_first_update(project: Project) -> None:
    project.serves(PROSE)
    expected = "new        acme  here/token.md\n1 pages: 1 new\n"
    assert project.run() == (1, expected)
    assert not (project.root / CHECKED).exists()
    assert project.run("--update") == (0, expected)
    assert project.run()[0] == 0


def test_update_keeps_the_present_facts_and_drops_pages_that_no_spec_names(checked: Checked) -> None:
    project = checked(PROSE)
    project.serves(PROSE.replace("/v1/", "/v2/"), "/new.md")
    project.names("/new.md")
    assert project.run("--update")[0] == 0
    assert project.facts("/new.md")["path /v2/token"] == "POST"
    kept = (project.root / CHECKED / "acme.json").read_bytes()
    assert list(json.loads(kept)) == [f"{project.server.base_url}/new.md"]
    assert project.run("--update")[0] == 0
    assert (project.root / CHECKED / "acme.json").read_bytes() == kept


def test_update_keeps_the_hash_of_a_reworded_page(checked: Checked) -> None:
    project = checked(PROSE)
    project.serves(PROSE.replace("Ask for", "Request"))
    assert project.run("--update")[1].startswith("reworded")
    assert project.run()[1].startswith("unchanged")


def test_the_kept_facts_contain_no_sentence_of_the_page(checked: Checked) -> None:
    kept = (checked(PROSE).root / CHECKED / "acme.json").read_text()
    for sentence in ("Ask for one", "Whom the token", "Made of", "elsewhere.example"):
        assert sentence not in kept


def test_pages_and_changes_that_concern_the_secret_come_first(project: Project) -> None:
    project.names("/a.md", "/b.md", "/c.md", "/d.md")
    for path in ("/a.md", "/b.md", "/c.md", "/d.md"):
        project.serves(PROSE, path)
    project.run("--update")
    project.serves(PROSE.replace("/v1/", "/v2/"), "/b.md")
    project.serves(PROSE.replace("/v1/", "/v2/").replace("https://auth", "http://auth"), "/c.md")
    del project.replies["/a.md"]
    assert project.run()[1].splitlines() == [
        "changed    acme  here/c.md",
        "  ! host auth.acme.example: was https, now http",
        "    path /v1/token: gone (was POST)",
        "    path /v2/token: new: POST",
        "changed    acme  here/b.md",
        "    path /v1/token: gone (was POST)",
        "    path /v2/token: new: POST",
        "gone       acme  here/a.md: status 404",
        "unchanged  acme  here/d.md",
        "4 pages: 2 changed, 1 gone, 1 unchanged",
    ]


def test_a_change_determines_the_exit_status_before_an_unreadable_page(checked: Checked) -> None:
    project = checked(PROSE)
    project.serves(PROSE.replace("/v1/", "/v2/"))
    project.names("/error.md", spec="error")
    project.serves(b"", "/error.md", status=500)
    assert project.run()[0] == 1
    assert project.run("--update")[0] == 3


def test_a_page_of_two_specs_is_fetched_once(project: Project) -> None:
    project.names("/token.md", spec="other")
    project.serves(PROSE)
    assert project.run()[1].count("new        ") == 2
    assert len(project.server.seen) == 1


def test_the_report_can_be_json(checked: Checked) -> None:
    project = checked(PROSE)
    project.serves(PROSE.replace("https://auth", "http://auth"))
    status, printed = project.run("--json")
    change = {"place": "host auth.acme.example", "was": "https", "now": "http", "urgent": True}
    report = {"provider": "acme", "url": "here/token.md", "state": "changed", "reason": "", "changes": [change]}
    assert json.loads(printed) == [report]
    assert status == 1


def test_text_of_a_page_is_printed_on_one_line_without_control_characters(checked: Checked) -> None:
    project = checked(json.dumps(OPENAPI))
    paths: dict[str, Any] = {
        **OPENAPI["paths"],
        "/\ud800\x1b[31m\n::error::": {"get": {}},
        "/" + "x" * 1000: {"get": {}},
    }
    project.serves(json.dumps({**OPENAPI, "paths": paths}))
    printed = project.run()[1]
    assert "  ! GET / [31m ::error::: credentials: new: http basic\n" in printed
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) < 300


def test_saved_pages_are_read_from_a_folder(project: Project, tmp_path: Path) -> None:
    sources = [{"url": f"https://docs.acme.example/{page}"} for page in ("a/token.md", "html.md", "lost", "")]
    project.write_spec(json.dumps({"x-provenance": {"sources": sources}}))
    saved = tmp_path / "saved/docs.acme.example/a/token.md"
    saved.parent.mkdir(parents=True)
    saved.write_text(PROSE)
    (saved.parents[1] / "html.md").write_text(HTML)
    (saved.parents[1] / "index.html").write_text(HTML)
    status, printed = project.run("--from", str(tmp_path / "saved"), "--update")
    assert printed.splitlines() == [
        "new        acme  https://docs.acme.example/",
        "new        acme  https://docs.acme.example/a/token.md",
        "not read   acme  https://docs.acme.example/html.md: HTML instead of Markdown",
        f"not read   acme  https://docs.acme.example/lost: {tmp_path}/saved/docs.acme.example/lost: No such file or directory",
        "4 pages: 2 new, 2 not read",
    ]
    assert status == 3
    assert project.server.seen == []


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ('{"x-provenance": {"sources": [{"url": "http://docs.acme.example"}]}}', "http://docs.acme.example: expected an https URL"),
        ('{"x-provenance": {"sources": [{"url": "file:///etc/hostname"}]}}', "expected an https URL"),
        ('{"x-provenance": {}}', "has no valid sources: KeyError"),
        ('{"x-provenance": {"sources": [7]}}', "has no valid sources: TypeError"),
        ('{"x-provenance": {"sources": [{"url": "https://:x"}]}}', "has no valid sources: InvalidURL"),
        ("openapi: &a [*a]", "has no valid sources: anchors, aliases and tags are not allowed"),
    ],
)  # fmt: skip
def test_a_spec_without_a_valid_source_is_a_usage_error(project: Project, spec: str, fault: str) -> None:
    project.write_spec(spec)
    with pytest.raises(SystemExit) as error:
        project.run()
    assert error.value.code == 2
    assert fault in project.capsys.readouterr().err


@pytest.mark.parametrize("kept", ["[", "[]", '{"x": {}}', '{"x": {"facts": 1, "sha256": ""}}'])
def test_an_invalid_file_of_facts_is_a_usage_error(project: Project, kept: str) -> None:
    path = project.root / CHECKED / "acme.json"
    path.parent.mkdir()
    path.write_text(kept)
    with pytest.raises(SystemExit) as error:
        project.run()
    assert error.value.code == 2
    assert f"{path} is not a file of facts" in project.capsys.readouterr().err


def test_the_help_lists_the_exit_statuses() -> None:
    command = [sys.executable, "-m", "scripts.upstream", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for line in ("0  every page", "1  a page", "2  the command line", "3  a page"):
        assert line in shown


@pytest.mark.parametrize("path", sorted((ROOT / CHECKED).glob("*.json")), ids=lambda path: path.stem)
def test_each_kept_page_is_a_source_of_its_spec(path: Path) -> None:
    spec = document.read(ROOT / "specs" / f"{path.stem}.yaml")
    sources = {source["url"] for source in spec.data["x-provenance"]["sources"]}
    memory = watch.load(path)
    assert memory.keys() <= sources
    for url, seen in memory.items():
        host = httpx.URL(url).host
        assert any(place.startswith("host ") or ": host " in place for place in seen.facts), host
