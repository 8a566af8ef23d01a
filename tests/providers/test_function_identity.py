"""What distinguishes a function that computes credentials: its code if that alone decides, else the very object."""

import copy
import functools
import gc
import json
import os
import subprocess
import sys
import textwrap
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from paygrant import UnsignedRequest
from paygrant._providers import function_identity
from paygrant._providers.function_identity import identity_of


def module(source: str, name: str = "acme_signing") -> dict[str, Any]:
    """The names of a module with this source."""
    names: dict[str, Any] = {"__name__": name}
    exec(textwrap.dedent(source), names)
    return names


def function(source: str, name: str = "sign") -> Any:
    return module(source)[name]


def is_known_everywhere(callable_: Callable[..., object]) -> bool:
    return not identity_of(callable_).startswith(function_identity._OWN)


KNOWN = {
    "plain": "def sign(r): r.headers['X'] = r.client_id",
    "pure modules": """
        import hmac, hashlib
        def sign(r): r.headers['X'] = hmac.new(r.client_secret.encode(), r.body, hashlib.sha256).hexdigest()
        """,
    "pure functions": """
        from base64 import b64encode
        from time import time
        import datetime
        def sign(r): r.headers['X'] = b64encode(f"{time()} {datetime.datetime.now(datetime.UTC)} {len(r.body)}".encode()).decode()
        """,
    "an import within": "def sign(r):\n import json\n r.headers['X'] = json.dumps(r.client_id)",
    "a helper": "def helper(r): return r.client_id\ndef sign(r): r.headers['X'] = helper(r)",
    "a comprehension": "def sign(r): r.headers['X'] = ''.join(sorted(c for c in r.client_id if c in {'a', 'b'}))",
}

OWN = {
    "a global value": "USER = 'anna'\ndef sign(r): r.headers['X'] = USER",
    "a global value in a nested function": "USER = 'a'\ndef sign(r): r.headers['X'] = (lambda: USER)()",
    "a global value of a helper": "USER = 'a'\ndef helper(): return USER\ndef sign(r): r.headers['X'] = helper()",
    "a global that does not exist yet": "def sign(r): r.headers['X'] = USER",
    "an attribute of its own": "def sign(r): r.headers['X'] = sign.user",
    "an attribute of its own, set": "def sign(r): r.headers['X'] = 'a'\nsign.user = 'anna'",
    "an attribute of a helper": "def helper(): pass\ndef sign(r): r.headers['X'] = helper.user",
    "a module that is not pure": "import os\ndef sign(r): r.headers['X'] = os.environ['USER']",
    "an import that is not pure": "def sign(r):\n import os\n r.headers['X'] = os.environ['USER']",
    "a file": "def sign(r): r.headers['X'] = open('/etc/hostname').read()",
    "all globals": "def sign(r): r.headers['X'] = globals()['USER']",
    "a class": "class User: name = 'anna'\ndef sign(r): r.headers['X'] = User.name",
    "an object": "import itertools\nnumbers = itertools.count()\ndef sign(r): r.headers['X'] = str(next(numbers))",
    "a method of an object": "import random\ndraw = random.Random(1).random\ndef sign(r): r.headers['X'] = str(draw())",
    "a global that it sets": "def sign(r):\n global USER\n USER = r.client_id",
    "itself": "def sign(r): return sign(r)",
    "a class within": "def sign(r):\n class Signer:\n  user = 'anna'\n r.headers['X'] = Signer.user",
}


@pytest.mark.parametrize("source", KNOWN.values(), ids=KNOWN)
def test_code_that_alone_decides_is_the_identity(source: str) -> None:
    assert is_known_everywhere(function(source))
    assert identity_of(function(source)) == identity_of(function(source))


@pytest.mark.parametrize("source", OWN.values(), ids=OWN)
def test_a_function_that_reads_more_is_the_same_as_no_other(source: str) -> None:
    one, other = function(source), function(source)
    assert not is_known_everywhere(one)
    assert identity_of(one) == identity_of(one) != identity_of(other)


OTHERS = {
    "a constant": ("def sign(r): r.headers['X'] = 'a'", "def sign(r): r.headers['X'] = 'b'"),
    "the type of a constant": ("def sign(r): r.headers['X'] = 1", "def sign(r): r.headers['X'] = True"),
    "a nested constant": (
        "def sign(r): r.headers['X'] = (lambda: 'a')()",
        "def sign(r): r.headers['X'] = (lambda: 'b')()",
    ),
    "a name": ("def sign(r): r.headers['X'] = r.client_id", "def sign(r): r.headers['X'] = r.client_secret"),
    "a helper": (
        "def helper(): return 'a'\ndef sign(r): r.headers['X'] = helper()",
        "def helper(): return 'b'\ndef sign(r): r.headers['X'] = helper()",
    ),
    "what a name stands for": (
        "from hashlib import sha256 as h\ndef sign(r): r.headers['X'] = h(r.body).hexdigest()",
        "from hashlib import sha512 as h\ndef sign(r): r.headers['X'] = h(r.body).hexdigest()",
    ),
    "the order of local names": ("def sign(r, s=0): pass", "def sign(s, r=0): pass"),
}


@pytest.mark.parametrize(("one", "other"), OTHERS.values(), ids=OTHERS)
def test_other_code_is_another_identity(one: str, other: str) -> None:
    assert identity_of(function(one)) != identity_of(function(other))


def test_functions_of_other_modules_and_names_differ() -> None:
    source = "def sign(r): pass\ndef other(r): pass"
    found = [module(source), module(source, "other_module")]
    assert len({identity_of(names[name]) for names in found for name in ("sign", "other")}) == 4
    assert not is_known_everywhere(module(source, "__main__")["sign"])


@dataclass(frozen=True)
class SignFor:
    user: str

    def __call__(self, request: UnsignedRequest) -> None:
        request.headers["X-User"] = self.user

    def sign(self, request: UnsignedRequest) -> None:
        request.headers["X-User"] = self.user


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self, request: UnsignedRequest) -> None: ...
    def sign(self, request: UnsignedRequest) -> None: ...


class Slotted:
    """Nothing can refer to it weakly."""

    __slots__ = ()

    def __call__(self, request: UnsignedRequest) -> None: ...
    def sign(self, request: UnsignedRequest) -> None: ...


def made_for(user: str) -> Callable[[UnsignedRequest], None]:
    def sign(request: UnsignedRequest) -> None:
        request.headers["X-User"] = user

    return sign


def _plain(request: UnsignedRequest) -> None: ...


MADE: dict[str, Callable[[], Callable[..., object]]] = {
    "a lambda": lambda: eval("lambda request: None"),
    "a closure": lambda: made_for("anna"),
    "a wrapped function": lambda: functools.wraps(_plain)(made_for("anna")),
    "a partial": lambda: functools.partial(made_for("anna")),
    "a method": lambda: Unhashable().sign,
    "an object without a hash": Unhashable,
    "a method of an object with slots": lambda: Slotted().sign,
    "an object with slots": Slotted,
    "a method of equal objects": lambda: SignFor("anna").sign,
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_callable_keeps_its_identity_as_long_as_it_lives(make: Callable[[], Callable[..., object]]) -> None:
    kept = [make() for _ in range(3 * function_identity._RECENT)]  # more than any cache of recent ones holds
    first = [identity_of(each) for each in kept]
    assert [identity_of(each) for each in kept] == first
    assert len(set(first)) == len(kept)
    assert not any(map(is_known_everywhere, kept[:5]))


def test_a_method_is_its_function_and_its_object() -> None:
    one, other = Unhashable(), Unhashable()
    assert identity_of(one.sign) == identity_of(one.sign)
    assert len({identity_of(one.sign), identity_of(other.sign), identity_of(one.__call__)}) == 3


def test_equal_callables_are_one() -> None:
    assert identity_of(SignFor("anna")) == identity_of(SignFor("anna")) != identity_of(SignFor("bert"))
    assert identity_of(SignFor("anna").sign) != identity_of(SignFor("anna").sign)


def test_defaults_may_name_a_user() -> None:
    assert not is_known_everywhere(function("def sign(r, user='anna'): pass"))
    assert not is_known_everywhere(function("def sign(r, *, user='anna'): pass"))


def test_no_callable_is_kept_for_ever() -> None:
    class Signer:
        def __call__(self) -> None: ...
        def sign(self) -> None: ...

    gone = [Signer(), Signer()]
    identity_of(gone[0])
    identity_of(gone[1].sign)
    alive = [weakref.ref(each) for each in gone]
    gone.clear()
    for _ in range(function_identity._RECENT):
        identity_of(made_for("anna"))
    gc.collect()
    assert [each() for each in alive] == [None, None]


def test_a_deep_copy_of_a_callable_is_equal_or_another() -> None:
    signer = SignFor("anna")
    assert identity_of(copy.deepcopy(signer)) == identity_of(signer)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_forked_child_shares_known_identities_only() -> None:
    program = """
        import os, warnings
        warnings.simplefilter("ignore")
        import tests.providers.test_function_identity as names
        closure = names.made_for("anna")
        def both(): return names.identity_of(closure), names.identity_of(names._plain)
        before = both()
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, repr(both()).encode())
            os._exit(0)
        child = eval(os.read(reader, 100_000))
        print(child[0] == before[0], child[1] == before[1], both() == before)
    """
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", textwrap.dedent(program)]
    assert subprocess.check_output(command, cwd=root, text=True, timeout=60) == "False True True\n"


def test_processes_agree_on_a_known_identity(tmp_path: Path) -> None:
    (tmp_path / "acme_signing.py").write_text(textwrap.dedent("\n".join(KNOWN["a comprehension"].split("\n"))))
    program = """
        import json, acme_signing
        from paygrant._providers.function_identity import identity_of
        print(json.dumps(identity_of(acme_signing.sign)))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    found = {
        json.loads(
            subprocess.check_output(command, cwd=tmp_path, env={**os.environ, "PYTHONHASHSEED": seed}, timeout=60)
        )
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
