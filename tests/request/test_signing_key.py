"""SigningKey and other signers: what they accept, what they refuse, and that their signatures verify."""

import copy
import json
import pickle
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from paygrant import ConfigurationError
from paygrant._request.jws import SecretSigner, signed
from paygrant._request.signing_key import ALGORITHMS, SigningKey, identity_of, signer_of, thumbprint
from tests.helpers.arguments import refusal
from tests.helpers.keys import MAKERS, pem, pem_of, public_pem

PASSWORD = "seccanary91bc"


def verified(token: str, algorithm: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, public_pem(algorithm), algorithms=[algorithm])
    return claims


def jwk_of(algorithm: str, /, **more: object) -> str:
    key = serialization.load_pem_private_key(pem(algorithm).encode(), None)
    maker: Any = jwt.get_algorithm_by_name(algorithm)
    return json.dumps({**maker.to_jwk(key, as_dict=True), **more})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_signs_with_pem_and_with_a_jwk(algorithm: Any) -> None:
    for text in (pem(algorithm), jwk_of(algorithm), pem(algorithm).encode(), "\n" + pem(algorithm)):
        key = SigningKey(text, algorithm=algorithm, key_id="a-key")
        token = signed({"alg": algorithm, "kid": key.key_id}, {"sub": "me"}, key)
        assert verified(token, algorithm) == {"sub": "me"}
        assert jwt.get_unverified_header(token) == {"alg": algorithm, "kid": "a-key"}


@pytest.mark.parametrize(("algorithm", "size"), [("ES256", 32), ("ES384", 48)])
def test_each_signature_has_the_full_length_though_some_numbers_are_shorter(algorithm: Any, size: int) -> None:
    key = SigningKey(pem(algorithm))
    public: Any = serialization.load_pem_public_key(public_pem(algorithm).encode())
    scheme = ec.ECDSA(hashes.SHA256() if algorithm == "ES256" else hashes.SHA384())
    shorter = [0, 0]
    for number in range(2000):  # R and S each begin with a zero byte once in 256 signatures
        data = str(number).encode()
        signature = key.sign(data)
        assert len(signature) == 2 * size
        parts = signature[:size], signature[size:]
        shorter = [count + (part[0] == 0) for count, part in zip(shorter, parts, strict=True)]
        public.verify(encode_dss_signature(*(int.from_bytes(part) for part in parts)), data, scheme)
    assert all(shorter)


@pytest.mark.parametrize(
    ("kind", "default"), [("RS256", "RS256"), ("ES256", "ES256"), ("ES384", "ES384"), ("EdDSA", "EdDSA")]
)
def test_the_default_algorithm_fits_the_key(kind: str, default: str) -> None:
    assert SigningKey(pem(kind)).algorithm == default


def test_a_jwk_states_its_algorithm_and_id_and_arguments_replace_them() -> None:
    stated = jwk_of("PS256", alg="PS256", kid="of-the-jwk")
    key = SigningKey(stated)
    assert (key.algorithm, key.key_id) == ("PS256", "of-the-jwk")
    key = SigningKey(stated, algorithm="RS256", key_id="mine")
    assert (key.algorithm, key.key_id) == ("RS256", "mine")


def test_a_locked_key_opens_with_its_password() -> None:
    assert SigningKey(pem("ES256", 7, PASSWORD), password=PASSWORD).algorithm == "ES256"


def test_older_forms_of_pem_are_read() -> None:
    key = serialization.load_pem_private_key(pem("RS256").encode(), None)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    assert SigningKey(text) == SigningKey(pem("RS256"))


def test_the_thumbprint_is_that_of_the_example_of_rfc_7638() -> None:
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
        "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
        "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
        "nqDKgw"
    )
    assert (
        thumbprint({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    )


def test_the_public_jwk_holds_nothing_of_the_private_key() -> None:
    for algorithm in ALGORITHMS:
        key = SigningKey(pem(algorithm))
        assert not {"d", "p", "q", "k"} & {*key.public_jwk}
        assert all(each not in repr(key) for each in key.public_jwk.values() if len(each) > 8)


def openssh() -> str:
    key = MAKERS["EdDSA"]()
    form = serialization.PrivateFormat.OpenSSH
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def der() -> bytes:
    key = serialization.load_pem_private_key(pem("ES256").encode(), None)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain)


def locked_oddly() -> str:
    """A key that is locked by a cipher that nobody knows: another last number in its object identifier."""
    header, *body, footer = pem("ES256", 7, PASSWORD).splitlines()
    cipher = bytes.fromhex("060960864801650304012a")  # AES-256 in CBC
    raw = b64decode("".join(body))
    assert cipher in raw
    return "\n".join((header, b64encode(raw.replace(cipher, cipher[:-1] + b"\x7f")).decode(), footer))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SigningKey("no key " + PASSWORD), "private_key: is neither PEM nor a JWK; expected "),
        (lambda: SigningKey(""), "private_key: is empty; expected "),
        (lambda: SigningKey(5), "private_key: is of type int; expected "),  # type: ignore[arg-type]
        (lambda: SigningKey(public_pem("ES256")), "private_key: is a public key; expected "),
        (
            lambda: SigningKey(pem("ES256", 7, PASSWORD)),
            "password: is missing, and the private key is locked; expected ",
        ),
        (lambda: SigningKey(pem("ES256", 7, PASSWORD), password="seccanary91bc!"), "password: is wrong; expected "),
        (lambda: SigningKey(pem("ES256").replace("M", "N", 9)), "private_key: is damaged, or made in a way "),
        (
            lambda: SigningKey(pem("ES256"), algorithm="RS256"),
            "algorithm: is RS256; expected one that fits the key: ES256",
        ),
        (lambda: SigningKey(pem("RS256"), algorithm="HS256"), "algorithm: is 'HS256'; expected one of: RS256, "),  # type: ignore[arg-type]
        (lambda: SigningKey(pem_of(rsa.generate_private_key(65537, 1024))), "private_key: has 1024 bits; expected "),
        (
            lambda: SigningKey(pem_of(ec.generate_private_key(ec.SECP521R1()))),
            "private_key: is on the curve secp521r1; ",
        ),
        (lambda: SigningKey(pem_of(ed448.Ed448PrivateKey.generate())), "private_key: is of another kind; expected "),
        (lambda: SigningKey(pem_of(dsa.generate_private_key(2048))), "private_key: is of another kind; expected "),
        (lambda: SigningKey(openssh()), "private_key: is in OpenSSH's own format; expected "),
        (lambda: SigningKey("{" + PASSWORD), "private_key: is not a JSON document; expected "),
        (lambda: SigningKey('{"keys": []}'), "private_key: is a set of JWKs; expected one of its keys"),
        (lambda: SigningKey('{"kty": "oct", "k": "seccanary91bc"}'), "private_key: is a symmetric key; expected "),
        (lambda: SigningKey('{"kty": "EC", "crv": "P-256"}'), "private_key: is a public key; expected "),
        (lambda: SigningKey('{"kty": "EC", "crv": "P-256", "d": "AAAA"}'), "private_key: is a damaged JWK, "),
        (lambda: SigningKey('{"kty": "what", "d": "AAAA"}'), "private_key: is a damaged JWK, "),
        (
            lambda: SigningKey(jwk_of("ES256", alg="ES384")),
            "algorithm: is ES384; expected one that fits the key: ES256",
        ),
        (lambda: SigningKey(jwk_of("ES256", alg="none")), "algorithm: is not supported; expected "),
        (lambda: SigningKey(jwk_of("ES256"), password="x"), "password: is given with a JWK, which is never locked; "),
        (lambda: SigningKey(pem("ES256"), key_id=""), "key_id: is empty; expected "),
        (
            lambda: SigningKey(pem_of(ec.generate_private_key(ec.SECP256K1()))),
            "private_key: is on the curve secp256k1; expected P-256, P-384 or Ed25519",
        ),
        (lambda: SigningKey(pem_of(x25519.X25519PrivateKey.generate())), "private_key: is of another kind; expected "),
        (
            lambda: SigningKey(pem("ES256") + pem("ES384")),
            "private_key: holds several private keys; expected one of them",
        ),
        (lambda: SigningKey(jwk_of("ES256", use="enc")), "private_key: is not for signatures, by its use or key_ops; "),
        (
            lambda: SigningKey(jwk_of("ES256", key_ops=["verify"])),
            "private_key: is not for signatures, by its use or key_ops; expected a JWK that may sign",
        ),
        (lambda: SigningKey(jwk_of("ES256", kid=5)), "private_key: is of type int; expected "),
        (lambda: SigningKey(jwk_of("ES256", alg=5)), "algorithm: is not supported; expected "),
        (lambda: SigningKey(jwk_of("ES256", crv="P-384")), "private_key: is a damaged JWK, or one of another kind; "),
        (lambda: SigningKey("A" * 65_537), "private_key: has more than 65,536 characters; expected "),
        (lambda: SigningKey(pem("ES256") + "\n" * 65_537), "private_key: has more than 65,536 characters; expected "),
        (lambda: SigningKey(Path("key.pem")), "private_key: is the path of a file; expected the text of the file, as "),  # type: ignore[arg-type]
        (lambda: SigningKey("key.pem"), "private_key: is the path of a file; expected the text of the file, as "),
        (lambda: SigningKey("/run/secrets/key"), "private_key: is the path of a file; expected "),
        (lambda: SigningKey(r"C:\\keys\\mine"), "private_key: is the path of a file; expected "),
        (lambda: SigningKey(pem("ES256").encode("utf-16")), "private_key: holds a control character; expected "),
        (lambda: SigningKey(der()), "private_key: is in DER, or a PKCS #12 file; expected the text of "),
        (
            lambda: SigningKey("".join(pem("ES256").splitlines()[1:-1])),
            "private_key: is neither PEM nor a JWK; expected ",
        ),
        (
            lambda: SigningKey(locked_oddly(), password=PASSWORD),
            "private_key: is damaged, or made in a way that is not supported; expected ",
        ),
    ],
)
def test_a_bad_key_is_refused_in_words_that_hold_nothing_of_it(make: Callable[[], object], words: str) -> None:
    assert refusal(make).startswith(words)


ODD_TEXTS: dict[str, Callable[[str], str | bytes]] = {
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "escapes": lambda text: text.replace("\n", "\\n"),
    "quotes": lambda text: '"' + text.replace("\n", "\\n") + '"',
    "escapes of CRLF": lambda text: text.replace("\n", "\\r\\n"),
    "blanks": lambda text: text.replace("\n", " "),
    "indented": lambda text: "\n".join(f"  {line}" for line in text.splitlines()),
    "byte order mark": lambda text: "\ufeff" + text,
    "blank lines": lambda text: "\n\t" + text + "\n\n",
    "more": lambda text: "a comment\n" + text,
    "bytes": str.encode,
    "bytes with a mark": lambda text: text.encode("utf-8-sig"),
}


@pytest.mark.parametrize("change", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_a_key_is_read_as_files_and_variables_hold_it(change: Callable[[str], str | bytes]) -> None:
    assert SigningKey(change(pem("ES256"))) == SigningKey(pem("ES256"))


def test_a_jwk_may_be_indented_and_may_state_that_it_signs() -> None:
    text = json.dumps(json.loads(jwk_of("ES256", use="sig", key_ops=["sign"], kid="a")), indent="\t")
    assert SigningKey("\ufeff" + text).key_id == "a"


def test_keys_are_equal_if_they_sign_alike() -> None:
    key = SigningKey(pem("ES256"), key_id="a")
    assert key == SigningKey(pem("ES256"), key_id="a")
    assert hash(key) == hash(SigningKey(pem("ES256"), key_id="a"))
    assert key not in {SigningKey(pem("ES256")), SigningKey(pem("ES256", 1), key_id="a"), "a"}


def test_a_key_can_be_copied_and_pickled() -> None:
    key = SigningKey(pem("RS256"), key_id="a", algorithm="PS256")
    assert copy.copy(key) is copy.deepcopy(key) is key
    assert pickle.loads(pickle.dumps(key)) == key


def test_a_pickled_key_still_fits_a_provider_that_wants_the_other_algorithm() -> None:
    stated, default = (pickle.loads(pickle.dumps(SigningKey(pem("RS256"), algorithm=each))) for each in ("RS256", None))
    assert stated._accepted_by(["PS256"]).algorithm == "RS256"
    assert default._accepted_by(["PS256"]).algorithm == "PS256"


class Device:
    """A KMS that never gives its key away."""

    def __init__(self, algorithm: str = "ES256", *, der: bool = False, public: bool = True) -> None:
        self.algorithm = algorithm
        self.key_id: str | None = "device-1"
        self._key: Any = serialization.load_pem_private_key(pem(algorithm).encode(), None)
        self._der = der
        if public:
            self.public_jwk = SigningKey(pem(algorithm)).public_jwk

    def sign(self, data: bytes) -> bytes:
        if self._der:
            return bytes(self._key.sign(data, ec.ECDSA(hash_of(self.algorithm))))
        return SigningKey(pem(self.algorithm), algorithm=self.algorithm).sign(data)  # type: ignore[arg-type]


def hash_of(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    return hashes.SHA384() if algorithm == "ES384" else hashes.SHA256()


@pytest.mark.parametrize("algorithm", ["ES256", "ES384"])
@pytest.mark.parametrize("der", [False, True])
def test_a_device_signs_in_either_form(algorithm: str, *, der: bool) -> None:
    for _ in range(20):  # a leading zero of R or S comes now and then
        signer = signer_of("private_key", Device(algorithm, der=der))
        assert verified(signed({"alg": algorithm}, {"a": 1}, signer), algorithm) == {"a": 1}


def test_a_device_is_distinguished_by_its_public_key_and_its_id() -> None:
    known, unknown = Device(), Device(public=False)
    assert identity_of(known) != identity_of(unknown)
    assert identity_of(known) == identity_of(SigningKey(pem("ES256"), key_id="device-1"))
    unknown.key_id = "device-2"
    assert identity_of(unknown) != identity_of(Device(public=False))


def test_a_device_that_names_no_key_is_distinguished_as_an_object() -> None:
    one, other = Device(public=False), Device(public=False)
    one.key_id = other.key_id = None
    assert identity_of(one) == identity_of(one)
    assert identity_of(one) != identity_of(other)
    assert identity_of(one, len) == identity_of(other, len), "a callable may make an object each time"
    assert identity_of(SecretSigner("a secret")) == identity_of(SecretSigner("another")), "the cache key has its hash"


class Failing(Device):
    def __init__(self, outcome: object) -> None:
        super().__init__()
        self.outcome = outcome

    def sign(self, data: bytes) -> Any:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def asynchronous() -> bytes:
    return b""


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        (RuntimeError(PASSWORD), "sign() raised RuntimeError"),
        (None, "sign() returned a NoneType"),
        (b"", "sign() returned nothing"),
        ("text", "sign() returned a str"),
        (b"thirteen byte", "sign() returned 13 bytes that are no ECDSA signature"),
        (b"x" * 63, "sign() returned 63 bytes that are no ECDSA signature"),
        (bytearray(64), "sign() returned a bytearray"),
    ],
)
def test_a_device_that_cannot_sign_is_reported(outcome: object, fault: str) -> None:
    said = refusal(lambda: signed({"alg": "ES256"}, {}, Failing(outcome)))
    assert said.startswith(f"private_key: {fault}; expected ")


@pytest.mark.parametrize(("algorithm", "length"), [("EdDSA", 63), ("EdDSA", 65), ("RS256", 255), ("PS256", 32)])
def test_a_signature_of_a_wrong_length_is_reported(algorithm: str, length: int) -> None:
    device = Failing(b"x" * length)
    device.algorithm = algorithm
    said = refusal(lambda: signed({"alg": algorithm}, {}, device))
    assert said.startswith(
        f"private_key: sign() returned {length} bytes that are no signature by {algorithm}; expected "
    )


@pytest.mark.parametrize(("algorithm", "length"), [("EdDSA", 64), ("RS256", 256), ("PS256", 512), ("ES384", 96)])
def test_a_signature_of_a_right_length_is_taken(algorithm: str, length: int) -> None:
    device = Failing(b"x" * length)
    device.algorithm = algorithm
    assert signed({"alg": algorithm}, {}, device).endswith(
        ".eHh4" + "eHh4" * (length // 3 - 1) + ["", "eA", "eHg"][length % 3]
    )


def test_an_asynchronous_device_is_reported() -> None:
    said = refusal(lambda: signed({"alg": "ES256"}, {}, Failing(asynchronous())))
    assert said.startswith("private_key: sign() is asynchronous; expected ")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"algorithm": "HS256"}, "private_key.algorithm: is 'HS256'; expected one of: "),
        ({"key_id": 7}, "private_key.key_id: is of type int; expected "),
        ({"public_jwk": None}, "private_key.public_jwk: is of type NoneType; expected "),
        ({"public_jwk": {"kty": "EC"}}, "private_key.public_jwk: lacks a member of its key type; expected "),
        (
            {"public_jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A", "d": "B"}},
            "private_key.public_jwk: is a private key; ",
        ),
    ],
)
def test_a_device_with_bad_facts_is_refused(change: Mapping[str, object], words: str) -> None:
    device = Device()
    vars(device).update(change)
    assert refusal(lambda: signer_of("private_key", device)).startswith(words)


@pytest.mark.parametrize("value", [None, 5, object(), Device, SigningKey])
def test_what_cannot_sign_is_refused(value: object) -> None:
    assert refusal(lambda: signer_of("private_key", value)).startswith("private_key: ")


def test_a_device_without_a_public_key_makes_no_proofs() -> None:
    said = refusal(lambda: signer_of("dpop", Device(public=False), with_public_key=True))
    assert said.startswith("dpop.public_jwk: is of type NoneType; expected ")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_client_secret_signs(algorithm: str) -> None:
    secret = "s" * 64
    token = signed({"alg": algorithm}, {"a": 1}, SecretSigner(secret, algorithm))
    assert jwt.decode(token, secret, algorithms=[algorithm]) == {"a": 1}


def test_a_jws_has_no_padding() -> None:
    header, claims, _ = signed({"alg": "HS256"}, {"a": "é"}, SecretSigner("s" * 32)).split(".")
    assert json.loads(urlsafe_b64decode(header + "==")) == {"alg": "HS256"}
    assert json.loads(urlsafe_b64decode(claims + "==")) == {"a": "é"}


@pytest.mark.parametrize(("algorithm", "kind"), [("RS256", "ES256"), ("ES384", "ES256"), ("EdDSA", "RS256")])
def test_the_public_key_of_a_device_fits_its_algorithm(algorithm: str, kind: str) -> None:
    device = Device(kind)
    device.algorithm = algorithm
    with pytest.raises(ConfigurationError, match=f"dpop.public_jwk: .* expected the public key that fits {algorithm}"):
        signer_of("dpop", device, with_public_key=True)
