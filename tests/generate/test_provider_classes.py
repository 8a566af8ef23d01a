"""The class that is generated for a provider: its name, its arguments, its texts, and that it loads nothing else."""

import ast
import copy
import dataclasses
import inspect
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest

import paygrant
import paygrant_clients
from paygrant import ConfigurationError, SpecProvider, providers
from paygrant._providers.base import kind_of, registration_of
from paygrant._spec.names import class_name_from
from paygrant._spec.reader import NormalizedSpec
from paygrant.generate import GenerationError, generate
from paygrant.generate._docstring import docstring
from paygrant.generate._provider import provider_module
from scripts.generate.__main__ import ROOT
from tests.helpers.specs import (
    ABSENT,
    DECLARED,
    ENDPOINT,
    FIELD,
    POST,
    REQUEST,
    SECRET,
    broken,
)

CREDENTIALS = {"client_id": "id", "client_secret": "secret"}


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Acme Pay", "AcmePay"),
        ("acme pay API (v2)", "AcmePayAPIV2"),
        ("M-Pesa Daraja", "MPesaDaraja"),
        ("PayPal", "PayPal"),
        ("dLocal", "DLocal"),
        ("  Soci\u00e9t\u00e9 G\u00e9n\u00e9rale ", "SocieteGenerale"),
        ("\u652f\u4ed8\u5b9d", "FileName"),
        ("Pay \u0440ay", "FileName"),
        ("1Password", "FileName"),
        ("!?", "FileName"),
        ("class", "Class"),
    ],
)
def test_the_title_gives_the_name_of_the_class_or_else_the_file_does(title: str, name: str) -> None:
    assert class_name_from(title, "file_name") == name


def many_arguments() -> dict[str, Any]:
    """Changes of a spec that give it an argument of each kind, in each place."""
    schemas = {
        "tenant": {"type": "string"},
        "count": {"type": "integer"},
        "rate": {"type": "number"},
        "live": {"type": "boolean"},
        "flow": {"type": "string", "enum": ["on", "it's", "\\", 'a"b']},
        "level": {"type": "integer", "enum": [1, 2]},
        "pin": {"type": "string", "format": "password"},
        "region": {"type": "string", "enum": ["eu", "us"]},
        "currency": {"type": "string", "enum": [f"C{number}" for number in range(5000)]},
    }
    needed = {"tenant", "level"}
    changes: dict[str, Any] = {
        "/info/x-class-name": "ManyArguments",
        f"{POST}/parameters": [
            {**DECLARED, "name": f"X-{name}", "required": name in needed, "schema": schema}
            for name, schema in schemas.items()
        ],
        f"{REQUEST}/properties/scope": FIELD,
    }
    changes |= {f"{ENDPOINT}/parameters/X-{name}": {"argument": name} for name in schemas}
    changes[f"{ENDPOINT}/parameters/X-region"]["default"] = "eu"
    changes[f"{ENDPOINT}/parameters/scope"] = {"argument": "scope", "default": "read write"}
    return changes


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of generated packages, from which they can be imported: ``typed_clients``."""
    folder = tmp_path_factory.mktemp("typed")
    (folder / "many.yaml").write_text(broken("", many_arguments()).text)
    (folder / "basic.yaml").write_text(broken("", {"/info/title": "Basic Pay"}, spec="cryptofuse").text)
    for spec in folder.glob("*.yaml"):
        generate(spec, folder / "typed_clients")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield folder


@pytest.fixture
def many(clients: Path) -> Any:
    return import_module("typed_clients.many").ManyArguments


def test_the_package_exports_its_class(clients: Path) -> None:
    package: Any = import_module("typed_clients.basic")
    assert SpecProvider in package.BasicPay.__mro__
    assert package.BasicPay.__module__ == "typed_clients.basic"
    assert kind_of(package.BasicPay).name == "basic"
    provider = package.BasicPay(**CREDENTIALS, base_url="https://a.example")
    assert registration_of(provider).models == "typed_clients.basic"
    assert package.__all__ == dir(package) == ["AuthenticatedClient", "BasicPay", "Client"]
    with pytest.raises(AttributeError, match="has no attribute 'BasicPray'"):
        _ = package.BasicPray


def test_importing_the_class_loads_no_model_and_no_client(clients: Path) -> None:
    code = (
        "import sys; from typed_clients.basic import BasicPay; "
        "BasicPay(client_id='a', client_secret='b', base_url='https://a.example'); "
        "print(sorted(each for each in sys.modules if each.startswith('typed_clients')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=clients, check=True, capture_output=True, text=True)
    assert done.stdout == f"{['typed_clients', 'typed_clients.basic', 'typed_clients.basic.provider']}\n"


def test_each_argument_of_the_spec_is_a_keyword_with_its_type(many: Any) -> None:
    signature = inspect.signature(many)
    assert {each.kind for each in signature.parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    types = {name: inspect.formatannotation(each.annotation) for name, each in signature.parameters.items()}
    assert types == {
        "client_id": "str",
        "client_secret": "str | collections.abc.Callable[[], str]",
        "environment": "Literal['test', 'uat', 'production']",
        "base_url": "str | None",
        "certificate": "'ClientCertificate | None'",
        "dpop": "'bool | Signer'",
        "audience": "str",
        "tenant": "str",
        "level": "Literal[1, 2]",
        "count": "int | None",
        "rate": "float | None",
        "live": "bool | None",
        "flow": """Optional[Literal['on', "it's", '\\\\', 'a"b']]""",
        "pin": "str | None",
        "region": "Optional[Literal['eu', 'us']]",
        "currency": "str | None",
        "scope": "str | collections.abc.Iterable[str] | None",
    }
    required = [name for name, each in signature.parameters.items() if each.default is each.empty]
    assert required == ["client_id", "client_secret", "environment", "audience", "tenant", "level"]
    assert signature.parameters["region"].default == "eu"
    assert signature.parameters["scope"].default == "read write"


def test_what_was_given_can_be_read(many: Any) -> None:
    provider = many(**CREDENTIALS, environment="test", audience="a", tenant="t", level=2, live=False, flow="it's")
    assert (provider.environment, provider.audience, provider.tenant, provider.level) == ("test", "a", "t", 2)
    assert (provider.live, provider.flow, provider.rate, provider.region) == (False, "it's", None, "eu")
    assert provider.scope == ("read", "write")
    with pytest.raises(dataclasses.FrozenInstanceError):
        provider.environment = "uat"


@pytest.mark.parametrize(
    ("scope", "sent"),
    [
        (("a", "b"), "a b"),
        (["a", "b"], "a b"),
        ({"b", "a"}, "a b"),
        ("a b", "a b"),
        ((), None),
        (None, None),
    ],
)
def test_a_scope_is_a_string_or_several_and_none_is_not_sent(many: Any, scope: object, sent: str | None) -> None:
    provider = many(**CREDENTIALS, environment="test", audience="a", tenant="t", level=1, scope=scope)
    assert provider.parameters.get("scope") == sent
    assert provider.scope == tuple((sent or "").split())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"environment": ABSENT}, "environment: is missing; expected one of: test, uat, production"),
        ({"environment": "prod"}, "environment: is 'prod'; expected one of: test, uat, production"),
        ({"tenant": ABSENT}, "tenant: is missing; expected"),
        ({"level": 3}, "level: is none of the choices; expected one of: 1, 2"),
        ({"count": "many"}, "count: is of type str; expected"),
        ({"currency": "D1"}, "currency: is none of the choices; expected"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_bad_argument_is_refused_by_name_and_no_frame_holds_the_secret(
    many: Any, change: dict[str, Any], complaint: str
) -> None:
    arguments = {"environment": "test", "audience": "a", "tenant": "t", "level": 1, **change}
    arguments = {name: value for name, value in arguments.items() if value is not ABSENT}
    with pytest.raises(ConfigurationError) as caught:
        many(**CREDENTIALS, **arguments)
    assert complaint in str(caught.value)
    frames = [frame.tb_frame for frame in _tracebacks(caught.value)]
    assert not any("client_secret" in frame.f_locals for frame in frames if frame.f_code.co_filename != __file__)


def _tracebacks(error: BaseException) -> Iterator[Any]:
    traceback = error.__traceback__
    while traceback:
        yield traceback
        traceback = traceback.tb_next


def test_a_provider_can_be_copied_changed_and_pickled(many: Any) -> None:
    provider = many(**CREDENTIALS, environment="test", audience="a", tenant="t", level=1, scope=("read",))
    for twin in (copy.copy(provider), copy.deepcopy(provider), pickle.loads(pickle.dumps(provider))):
        assert (twin, hash(twin), type(twin)) == (provider, hash(provider), many)
    changed = dataclasses.replace(provider, tenant="u", environment="uat")
    assert (changed.tenant, changed.environment, changed.scope, changed.client_id) == ("u", "uat", ("read",), "id")
    assert [each.name for each in dataclasses.fields(many)] == list(inspect.signature(many).parameters)
    assert "secret" not in repr(provider)
    assert repr(provider).startswith("<ManyArguments test client=")


def test_variables_give_the_arguments_and_keywords_override_them(many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"CLIENT_ID": "id", "CLIENT_SECRET": "s", "ENVIRONMENT": "uat", "AUDIENCE": "a", "TENANT": "t"}
    values |= {"LEVEL": "2", "LIVE": "true", "RATE": "1.5", "SCOPE": "x y"}
    for prefix in ("MANY", "SHOP2"):
        for name, value in values.items():
            monkeypatch.setenv(f"{prefix}_{name}", value if name != "TENANT" else prefix)
    provider = many.from_env()
    assert (provider.tenant, provider.level, provider.live, provider.rate) == ("MANY", 2, True, 1.5)
    assert provider.scope == ("x", "y")
    other = many.from_env("SHOP2", level=1, scope=("z",))
    assert (other.tenant, other.level, other.scope) == ("SHOP2", 1, ("z",))
    assert many.from_env(prefix="SHOP2").environment == "uat"
    monkeypatch.delenv("MANY_CLIENT_ID")
    with pytest.raises(ConfigurationError, match="MANY_CLIENT_ID"):
        many.from_env()


def test_the_docstring_has_arguments_variables_and_sources(many: Any) -> None:
    text = inspect.getdoc(many) or ""
    assert "    tenant: Another parameter.\n" in text
    assert '    environment: "test", "uat" or "production". It determines the base URL.\n' in text
    assert "Sources:\n    https://docs.ripple.com/" in text
    assert "Raises:\n    ConfigurationError: " in text
    assert "MANY_TENANT" in (inspect.getdoc(many.from_env) or "")
    assert inspect.getdoc(many.tenant) == "Another parameter."


HOSTILE = (
    '"""\nimport os\n"""',
    '\\"""\nimport os #',
    "'''\nimport os\n'''",
    "ends with a backslash \\",
    'ends with a quote "',
    '"begins and ends with a quote"',
    '""""""""',
    "\\N{BULLET} \\x41 \\u00e9 \\",
    "{braces} {{twice}} %s $(touch canary)",
    "x" * 300 + "\\" * 41 + '"' * 7,
    "Args:\n    self: nothing\n\nRaises:\n",
    "\u00e9\u4e2d \U0001f600 \u20b9",
    "a\u200bb\u061cc",
)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_text_stays_a_text(text: str) -> None:
    source = docstring(text, indent=4)
    assert source.isprintable() or "\n" in source
    body = ast.parse(f"class A:\n{source}\n").body[0]
    assert isinstance(body, ast.ClassDef)
    (only,) = body.body
    assert isinstance(only, ast.Expr)
    assert isinstance(only.value, ast.Constant)
    kept = " ".join(str(only.value.value).split())
    assert kept == " ".join(text.replace("\u200b", "").replace("\u061c", "").split())


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_spec_with_this_text_everywhere_gives_a_class_with_this_text(tmp_path: Path, text: str) -> None:
    line = text.replace("\n", " ").replace("\u061c", "")
    changes = {
        "/info/title": line,
        "/info/description": text.replace("\u061c", ""),
        "/info/x-class-name": "Acme",
        "/x-provenance/sources/0/url": 'https://a.example/"""\\',
        f"{REQUEST}/properties/audience": {**FIELD, "description": line, "enum": [line, "b"]},
    }
    spec = tmp_path / "acme.yaml"
    spec.write_text(json.dumps(json.loads(broken("", changes).text)), "utf-8")
    generate(spec, tmp_path / "out")
    source = (tmp_path / "out/acme/provider.py").read_text("utf-8")
    assert not any(each in source for each in ("\u200b", "\u061c"))
    tree = ast.parse(source)
    (made,) = (each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "Acme")
    assert " ".join(line.replace("\u200b", "").split()) in " ".join((ast.get_docstring(made) or "").split())
    imports = [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
    rest = [type(each).__name__ for each in tree.body if each not in imports]
    assert rest == ["Expr", "If", "Assign", "ClassDef", "ClassDef"]
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "os" not in names


@pytest.mark.parametrize("name", ["Acme(object): pass\nclass B", "Acme;import os", "class", "\u0391cme", "", "A b"])
def test_a_name_that_no_lint_rule_has_seen_is_refused(name: str) -> None:
    data = json.loads(broken("", {"/info/x-class-name": name}).text)
    with pytest.raises(GenerationError, match="cannot be a name in Python"):
        provider_module(NormalizedSpec("acme", data), "# mark", [])
    data = json.loads(broken("", {f"{ENDPOINT}/parameters/audience": {"argument": name or " "}}).text)
    with pytest.raises(GenerationError, match="cannot be a name in Python"):
        provider_module(NormalizedSpec("acme", data), "# mark", [])


def test_only_what_the_client_authentication_needs_is_asked_for(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        f"{ENDPOINT}/client_authentication": [{"method": "custom"}],
        f"{REQUEST}/properties/client_id": ABSENT,
        f"{REQUEST}/properties/client_secret": ABSENT,
        f"{REQUEST}/properties/client_assertion": SECRET,
    }
    data = json.loads(broken("", changes).text)
    text = provider_module(NormalizedSpec("acme", data), "# mark", [])
    assert 'authenticate: "Callable[[UnsignedRequest], object]",' in text.replace(")", ",")
    assert "SpecProvider[Mapping[str, Any]]" in text


@pytest.mark.parametrize("name", paygrant_clients.__all__)
def test_the_box_has_the_class_of_each_spec(name: str) -> None:
    kind = getattr(providers, name)
    assert issubclass(kind, SpecProvider)
    if name in paygrant.__all__:
        assert getattr(paygrant, name) is kind
        assert kind.__module__ == "paygrant"


def test_the_box_is_complete() -> None:
    assert len(providers.__all__) == len([*(ROOT / "specs").glob("*.yaml")])
    assert len({*providers.__all__}) == len(providers.__all__)
    assert {"Ripple", "RipioWidget"} <= {*providers.__all__}
    assert providers.Ripple is paygrant.Ripple
    assert dir(providers) == sorted(providers.__all__)
    assert not hasattr(providers, "PayPall")


def test_the_literals_are_those_of_the_spec() -> None:
    package = import_module("paygrant_clients.ripio_ramp.environments")
    annotation = inspect.signature(paygrant.RipioRamp).parameters["environment"].annotation
    assert get_args(annotation) == get_args(package.Environment) == ("sandbox", "production")
