"""Names of fields, by what providers mean with them; each list starts with the likeliest name.

The lists hold names without their spelling, as ``normalized`` gives them.
"""

import re

TOKENS = (
    "accesstoken", "authtoken", "bearertoken", "clienttoken", "sessiontoken", "jwttoken", "jwt", "token", "access",
    "idtoken",
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

SECRETS = (
    "clientsecret", "appsecret", "applicationsecret", "apisecret", "consumersecret", "apisecretkey", "secretkey",
    "secretid", "secret", "clientpassword", "accesssecret", "apipassword", "password", "apikey", "apitoken",
)  # fmt: skip
CERTAIN_SECRETS = SECRETS[: SECRETS.index("secret") + 1]
CLIENT_IDS = (
    "clientid", "appid", "applicationid", "consumerkey", "clientkey", "appkey", "apikeyid", "accesskeyid", "keyid",
    "accesskey", "secretid", "roleid", "partnerid", "merchantid", "userid", "username", "user", "login", "email",
    "identifier", "apikey", "accountid",
)  # fmt: skip
GRANT_TYPE, CLIENT_CREDENTIALS = "granttype", "clientcredentials"
ASSERTION, ASSERTION_TYPE = "clientassertion", "clientassertiontype"
OTHER_GRANTS = {
    "code", "redirecturi", "refreshtoken", "codeverifier", "devicecode", "username", "password", "assertion", "state",
    "nonce", "responsetype", "clientid", "clientsecret", ASSERTION, ASSERTION_TYPE,
}  # fmt: skip
"""Fields of other grants, or of other methods of client authentication."""

_SENSITIVE = re.compile(
    "key$|^pin|pin$|pincode|pass(wd|code|phrase|word)|^pwd|pwd$|secret|credential|token$|otp$|signature|assertion|hmac|cert"
)


def words(name: str) -> list[str]:
    """The words of a name in any spelling, in lower case."""
    return re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", re.sub("[^A-Za-z0-9]+", " ", name)).lower().split()


def normalized(name: str) -> str:
    """A name without its spelling: client_id, clientId and X-Client-ID are one."""
    return re.sub("[^a-z0-9]", "", re.sub("^x-", "", name.lower()))


def is_sensitive(name: str) -> bool:
    """Whether no error should show a value of this name. A field too many does no harm."""
    return _SENSITIVE.search(normalized(name)) is not None
