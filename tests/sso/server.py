"""A real single sign-on server as a process of its own: python -m tests.sso.server cas|oidc FOLDER PORTAL

FOLDER holds the certificate (server.crt, server.key) and, for OpenID Connect, the provider's signing key (signing.pem);
PORTAL is the portal's address. It prints its port when it answers. Users: the staff numbers of ACCOUNTS, one password.

CAS is django-cas-server, OpenID Connect django-oauth-toolkit; nothing of the portal's is imported here.
"""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

# 18004 is the small committee's member, 18003 its commissioner; 99999 is nobody in the portal.
ACCOUNTS = ("18004", "18003", "99999", "T18004a")
WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
PASSWORD = "on-the-campus-2018"
CLIENT_ID, CLIENT_SECRET = "portal", "s+cr/t:of the portal%"
ANOTHER_SERVICE = "https://another.example.edu.cn/"


class Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def common(kind: str, folder: Path, apps: list[str]) -> dict:
    return {
        "SECRET_KEY": "x" * 50, "ALLOWED_HOSTS": ["127.0.0.1"], "USE_TZ": True,
        "ROOT_URLCONF": f"tests.sso.{kind}_urls",
        "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
        "DATABASES": {"default": {
            "ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "server.sqlite3"),
            "OPTIONS": {"timeout": 20, "init_command": "PRAGMA synchronous=OFF", "transaction_mode": "IMMEDIATE"},
        }},
        "INSTALLED_APPS": [
            "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
            "django.contrib.messages", "django.contrib.staticfiles", *apps,
        ],
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware", "django.middleware.locale.LocaleMiddleware",
        ],
        "TEMPLATES": [{
            "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
            "OPTIONS": {"context_processors": [
                "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]},
        }],
        "STATIC_URL": "static/", "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "CSRF_COOKIE_SECURE": True, "SESSION_COOKIE_SECURE": True, "LOGIN_URL": "/admin/login/",
    }  # fmt: skip


def cas(_: str) -> None:
    from cas_server.models import ReplaceAttributName, ServicePattern

    # Any port of the machine itself: the browser's tests have one of their own.
    for n, (pattern, logout) in enumerate(
        [(r"^http://127\.0\.0\.1:\d+/sso/back/$", True), (f"^{ANOTHER_SERVICE}", False)]
    ):
        service = ServicePattern.objects.create(pos=n, name=f"service {n}", pattern=pattern, single_log_out=logout)
        ReplaceAttributName.objects.create(name="*", service_pattern=service)


def oidc(portal: str) -> None:
    from oauth2_provider.models import Application

    Application.objects.create(
        name="portal", client_id=CLIENT_ID, client_secret=CLIENT_SECRET, client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE, redirect_uris=f"{portal}/sso/back/",
        post_logout_redirect_uris=f"{portal}/login/", algorithm=Application.RS256_ALGORITHM, skip_authorization=True,
    )  # fmt: skip


def main(kind: str, folder: Path, portal: str) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    server = make_server("127.0.0.1", 0, lambda *args: [], server_class=Threads, handler_class=Quiet)
    issuer = f"https://127.0.0.1:{server.server_port}"
    if kind == "cas":
        more = {
            "CAS_AUTH_CLASS": "cas_server.auth.DjangoAuthUser", "CAS_LOGO_URL": None, "CAS_FAVICON_URL": None,
            "CAS_SHOW_POWERED": False, "CAS_NEW_VERSION_HTML_WARNING": False, "CAS_AUTH_SHARED_SECRET": "",
            # Its pages would fetch their looks from elsewhere.
            "CAS_COMPONENT_URLS": {"bootstrap4_css": "/none", "bootstrap4_js": "/none", "jquery": "/none"},
        }  # fmt: skip
        settings.configure(**common(kind, folder, ["cas_server"]), **more)
    else:
        more = {
            "OAUTH2_PROVIDER": {
                "OIDC_ENABLED": True, "OIDC_ISS_ENDPOINT": f"{issuer}/o", "PKCE_REQUIRED": True,
                "OIDC_RSA_PRIVATE_KEY": (folder / "signing.pem").read_text(),
                "SCOPES": {"openid": "OpenID", "profile": "profile"},
                "OAUTH2_VALIDATOR_CLASS": "tests.sso.validator.Validator",
                "OIDC_RP_INITIATED_LOGOUT_ENABLED": True, "ALLOWED_SCHEMES": ["https", "http"],
            },
            "SECURE_PROXY_SSL_HEADER": None,
        }  # fmt: skip
        settings.configure(**common(kind, folder, ["oauth2_provider"]), **more)
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    from django.contrib.auth.models import User

    for account in ACCOUNTS:
        # The last name stands for the attribute in which some campuses keep the number, typed as people type.
        User.objects.create_user(account, password=PASSWORD, last_name=f" {account.translate(WIDE)} ", is_staff=True)
    {"cas": cas, "oidc": oidc}[kind](portal)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "server.crt", folder / "server.key")
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.base_environ["HTTPS"] = "on"
    server.set_app(get_wsgi_application())
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
