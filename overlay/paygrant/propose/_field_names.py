"""Names of fields, by what providers mean with them; each list starts with the likeliest name.

The lists hold names without their spelling, as ``normalized`` gives them.
"""

import re

TOKENS = (
    "accesstoken", "authtoken", "bearertoken", "authorizationtoken", "authenticationtoken", "clienttoken", "sessiontoken",
    "jwttoken", "jwt", "token", "apitoken", "access", "idtoken",
)  # fmt: skip
TOKEN_TYPES = ("tokentype",)
SCOPES = ("scope", "scopes")
LIFETIMES = (
    "expiresin", "expiresinseconds", "accesstokenexpiresin", "tokenexpiresin", "expiresinsec", "expiresinms",
    "expiresinmillis", "leaseduration", "ttl", "validityseconds", "lifetime", "accessexpires", "expiration",
    "expirationtime", "expirationdate", "expiresat", "expiresatutc", "expiresaton", "expireson", "expiry", "expirydate",
    "expirytime", "validuntil", "expires", "exp",
)  # fmt: skip
LIFETIMES_IN_SECONDS = {"expiresin", "expiresinseconds"}
SUCCESS_FLAGS = ("success", "succeed", "succeeded", "issuccess", "ok")
ERROR_CODES = ("error", "errorcode", "code", "errortype")
ERROR_TEXTS = ("errordescription", "message", "errormessage", "detail", "details", "description", "title", "reason")

CLIENT_IDS = (
    "clientid", "appid", "applicationid", "consumerkey", "clientkey", "appkey", "apikeyid", "accesskeyid", "keyid",
    "accesskey", "secretid", "roleid", "partnerid", "merchantid", "userid", "username", "user", "loginid", "login",
    "email", "identifier", "apikey", "accountid",
)  # fmt: skip
_ID_ENDS = ("id", "key", "identifier", "username", "user", "name", "login", "number", "code")
"""What follows the stem of a secret in the name of the id beside it: partnerId for partnerSecret."""

_SECRET_ENDS = ("secret", "secretkey", "secretvalue", "secretid", "password", "passphrase", "apitoken", "key")
_CERTAIN_ENDS = {"secret", "secretkey", "secretvalue", "secretid"}
_KEYS = re.compile(
    "^(access|account|agent|api|app|application|auth|client|company|developer|integration|integrator|merchant|partner"
    "|private|reseller|security|service|shop|store|tenant|user|vendor)key$"
)
"""Keys that are secrets. Others identify a subscription, a session or a request."""

_NO_SECRET = re.compile("^(new|old|previous|confirm|repeat|webhook|public|publishable)")
_SIGNATURE = re.compile("(signature|hmac|checksum)$|^(request|auth|x)?(sign|digest|hash)$")
COMPANIONS = ("timestamp", "nonce", "salt", "requesttime", "signaturemethod", "signmethod", "signtype")
"""What a signature covers or describes; the function that signs fills these, too."""

HASHED = re.compile("hmac|hashed|hash of|(sha-?[0-9]|md5)", re.IGNORECASE)
"""Matches the description of a secret that is not sent as it is."""

GRANT_TYPE, CLIENT_CREDENTIALS = "granttype", "clientcredentials"
USER_GRANTS = {"authorizationcode", "refreshtoken", "password", "implicit", "devicecode"}
ASSERTION, ASSERTION_TYPE, BEARER_ASSERTION = "clientassertion", "clientassertiontype", "assertion"
OTHER_GRANTS = {
    "code", "redirecturi", "refreshtoken", "codeverifier", "devicecode", "username", "password", "assertion", "state",
    "nonce", "responsetype", "clientid", "clientsecret", "subjecttoken", "subjecttokentype", "actortoken",
    "actortokentype", "requestedtokentype", "migrationtoken", ASSERTION, ASSERTION_TYPE,
}  # fmt: skip
"""Fields of other grants, or of other methods of client authentication."""
GRANTS_OF_USERS = {"code", "redirecturi", "refreshtoken", "codeverifier", "devicecode"}
"""Fields that client credentials never have."""

_SENSITIVE = re.compile(
    "key$|^pin|pin$|pincode|pass(wd|code|phrase|word)|^pwd|pwd$|secret|credential|token$|otp$|signature|assertion|hmac|cert"
)


def words(name: str) -> list[str]:
    """The words of a name in any spelling, in lower case."""
    return re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", re.sub("[^A-Za-z0-9]+", " ", name)).lower().split()


def normalized(name: str) -> str:
    """A name without its spelling: client_id, clientId and X-Client-ID are one."""
    return re.sub("[^a-z0-9]", "", re.sub("^x-", "", name.lower()))


def secret_rank(name: str) -> int | None:
    """How far a name, without its spelling, is from that of a secret: 0 for the likeliest; None for another field."""
    end = _secret_end(name)
    return None if end is None else _SECRET_ENDS.index(end)


def is_certain_secret(name: str) -> bool:
    """Whether a name, without its spelling, is that of a secret and of nothing else."""
    return _secret_end(name) in _CERTAIN_ENDS


def client_ids(secret: str) -> tuple[str, ...]:
    """The names of the id beside a secret, the likeliest first: those of the same stem, then the usual ones."""
    end = _secret_end(secret) or ""
    stem = secret.removesuffix(end)
    of_people = ("username", "user", "loginid", "login", "email") if end == "password" else ()
    return (*(f"{stem}{each}" for each in _ID_ENDS if stem), *of_people, *CLIENT_IDS)


def is_signature(name: str) -> bool:
    """Whether a name, without its spelling, is that of a signature."""
    return _SIGNATURE.search(name) is not None


def _secret_end(name: str) -> str | None:
    """The end of a name that makes it that of a secret."""
    if _NO_SECRET.search(name):
        return None
    ends = (end for end in _SECRET_ENDS if name.endswith(end) and (end != "key" or _KEYS.search(name)))
    return max(ends, key=len, default=None)


def is_sensitive(name: str) -> bool:
    """Whether no error should show a value of this name. A field too many does no harm."""
    return _SENSITIVE.search(normalized(name)) is not None
