"""The portal as an app on a phone: its manifest, its service worker, and the page shown where there is no network.

All three are public and the same for everybody: they hold nothing of anybody's.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse

# What the offline page needs to look like a page of the portal, and the portal's own small scripts.
SHELL = (
    "vendor/bootstrap/bootstrap.min.css", "vendor/bootstrap/bootstrap.bundle.min.js", "css/portal.css",
    "css/print.css", "js/portal.js", "js/web_app.js", "js/local.js", "favicon.svg",
)  # fmt: skip
WORKER = "js/service_worker.js"
OFFLINE = "config/offline.html"
PAPER = "#FBF9F5"
DAY = 24 * 3600  # seconds


@login_not_required
def manifest(request: HttpRequest) -> HttpResponse:
    """What a phone shows once the portal is installed; name, icons of 192 and 512 px, start address and display."""
    icons = [
        {"src": static(f"img/{name}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for name, size, purpose in (
            ("icon-192", 192, "any"), ("icon-512", 512, "any"), ("icon-maskable-512", 512, "maskable"),
        )
    ]  # fmt: skip
    said = {
        "id": "/", "name": "机关党委支部工作台", "short_name": "支部工作台", "lang": "zh-Hans", "dir": "ltr",
        "description": "机关党委支部工作：学习、记录、报送。", "start_url": reverse("home"), "scope": "/",
        "display": "standalone", "background_color": PAPER, "theme_color": PAPER, "icons": icons,
    }  # fmt: skip
    response = JsonResponse(said, content_type="application/manifest+json", json_dumps_params={"ensure_ascii": False})
    response["Cache-Control"] = f"public, max-age={DAY}"
    return response


@login_not_required
def service_worker(request: HttpRequest) -> HttpResponse:
    """The worker's script from the root, so that its scope is the whole portal; a new version has other bytes."""
    kept = [reverse("offline"), *(static(name) for name in SHELL)]
    head = f"const VERSION = {json.dumps(version())};\nconst SHELL = {json.dumps(kept)};\n"
    response = HttpResponse(head + _source(WORKER).decode(), content_type="text/javascript; charset=utf-8")
    response["Service-Worker-Allowed"] = "/"
    response["Cache-Control"] = "no-cache"
    return response


@login_not_required
def offline(request: HttpRequest) -> HttpResponse:
    """The page for when there is no network; knows nobody, so that a phone may keep it."""
    return render(request, OFFLINE)


@cache
def version() -> str:
    """Sixteen hex digits that change with anything that the worker keeps on the phone."""
    digest = hashlib.sha256()
    for name in (*SHELL, WORKER):
        digest.update(static(name).encode() + b"\0" + _source(name))
    digest.update((Path(settings.BASE_DIR) / "templates" / OFFLINE).read_bytes())
    return digest.hexdigest()[:16]


def _source(name: str) -> bytes:
    found = finders.find(name)
    return Path(found).read_bytes() if found else b""
