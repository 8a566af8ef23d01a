"""Names that mean something already: of arguments, of generated code, of headers, and of secrets."""

import builtins
import re
import unicodedata

RESERVED_ARGUMENTS = frozenset(
    {
        "allow_link_local",
        "assertion_audience",
        "auth_method",
        "authenticate",
        "base_url",
        "basic_encoding",
        "certificate",
        "certificate_file",
        "client_id",
        "client_secret",
        "client_secret_file",
        "cls",
        "dpop",
        "dpop_key",
        "dpop_key_file",
        "environment",
        "from_env",
        "key_id",
        "parameters",
        "prefix",
        "private_key",
        "private_key_file",
        "self",
        "spec",
        "token_url",
        # Names of Python that a generated class uses.
        "bool",
        "classmethod",
        "float",
        "int",
        "property",
        "str",
        "super",
        "tuple",
    }
)
"""Names that a class of providers uses already. A spec gives its own arguments other names."""

CLASS_NAMES = frozenset(
    {
        "Any",
        "AuthenticatedClient",
        "Callable",
        "Client",
        "Environment",
        "Iterable",
        "Literal",
        "Mapping",
        "Self",
        "SpecProvider",
        "TokenError",
        "TokenRequest",
        "TokenResponse",
        "TypedDict",
        "UnsignedRequest",
        "Unpack",
        *(name for name in dir(builtins) if name[0].isupper()),
    }
)
"""Names that mean something else in a generated package, or everywhere in Python."""

MODEL_NAMES = frozenset(
    {
        "additional_keys",
        "additional_properties",
        "cls",
        "d",
        "field_dict",
        "from_dict",
        "src_dict",
        "to_dict",
    }
)
"""Names that the generated models use. The generator does not avoid all of them."""

FUNCTION_NAMES = frozenset({"body", "cookies", "headers", "kwargs", "params", "quote", "response"})
"""Names that the generated functions use. The generator does not avoid all of them."""

HTTP_HEADERS = frozenset({"connection", "content-length", "content-type", "host", "transfer-encoding"})
"""Headers that HTTP or the body sets."""

SECRET_NAME = re.compile("(secret|password|username)[^/]*$|token$", re.IGNORECASE)
"""Matches the name of a field that is secret, judging by the name alone."""

UNSAFE_CHARACTERS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Matches control characters, and characters that change the direction or the line of a text."""


def names_in_braces(template: str) -> list[str]:
    """The names in braces in a path or a URL, in their order."""
    return re.findall(r"\{([^}]*)\}", template)


def generated_name(name: str) -> str:
    """The Python name that the generator makes of a name, as far as the sets above care."""
    return re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")


def class_name_from(title: str, file: str) -> str:
    """The name of a provider's class, such as ``AcmePay``, from the title "Acme Pay".

    Letters lose their accents. A title with other letters, or that begins with a digit, gives no name. The name of the
    spec's file does then, which is in snake_case.
    """
    plain = "".join(each for each in unicodedata.normalize("NFKD", title) if not unicodedata.combining(each))
    words = re.findall("[A-Za-z0-9]+", plain)
    readable = words and words[0][0].isalpha() and not any(each.isalnum() and not each.isascii() for each in plain)
    return "".join(word[0].upper() + word[1:] for word in (words if readable else file.split("_")) if word)
