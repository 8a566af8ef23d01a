"""The settings of the real authorization server: what Cryptofuse documents, and nothing of Django that it can do without."""

import os

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DJANGO_OAUTH_DATABASE"]}}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"]
ROOT_URLCONF = "tests.peers.django_oauth.urls"
ALLOWED_HOSTS = ["127.0.0.1"]
SECRET_KEY = "of-straw"
USE_TZ = True

# Client secrets are kept as password hashes, and the default one takes half a second a request on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

OAUTH2_PROVIDER = {
    "SCOPES": {"read": "Read", "write": "Write", "admin": "Administer"},
    "ACCESS_TOKEN_EXPIRE_SECONDS": 36_000,
}
