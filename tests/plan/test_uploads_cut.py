"""An upload that is cut off at any byte leaves nothing half: no row without its file, and the next try succeeds."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, RequestFactory
from django.urls import reverse

from documents.office_files import clean_document
from documents.pictures import clean
from plan.models import Filing
from plan.pictures import read
from tests.conftest import World
from tests.documents import hostile_documents, hostile_pictures
from tests.plan.filed import report

pytestmark = pytest.mark.django_db
CUTS = 50
BOUNDARY = "----cut"

FILES: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "picture": ("pictures", "现场.jpg", lambda: hostile_pictures.jpeg(400, 300)),
    "docx": ("attachments", "材料.docx", hostile_documents.plain_docx),
    "pdf": ("attachments", "材料.pdf", hostile_documents.good_pdf),
}


def body_of(field: str, name: str, data: bytes) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def send(client: Client, filing: Filing, field: str, body: bytes, arrived: int) -> int:
    """Send the body of which only so many bytes arrive, as a server hands over a broken connection; the status."""
    address = reverse("plan:picture_add" if field == "pictures" else "plan:attachment_add", args=[filing.pk])
    request = RequestFactory().generic("POST", address)
    environ = request.environ | {
        "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}", "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body[:arrived]), "HTTP_ACCEPT": "application/json",
        "HTTP_COOKIE": "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()),
    }  # fmt: skip
    handler, statuses = WSGIHandler(), []
    plain = handler.get_response
    handler.get_response = lambda asked: (setattr(asked, "_dont_enforce_csrf_checks", True), plain(asked))[1]
    list(handler(environ, lambda status, headers: statuses.append(int(status[:3]))))
    return statuses[0]


@pytest.mark.parametrize("kind", FILES)
def test_an_upload_cut_anywhere_leaves_nothing_half_and_the_retry_works(kind: str, issued: World, login, clock) -> None:
    clock("2018-07-04 10:00")
    filing, client = report(issued), login("secretary")
    field, name, make = FILES[kind]
    data = make()
    body = body_of(field, name, data)
    whole = clean(data, name).sha256 if kind == "picture" else clean_document(data, name).sha256
    rows = filing.pictures if kind == "picture" else filing.attachments
    chance = random.Random(2018)
    for cut in [*chance.sample(range(len(body)), CUTS - 3), len(body) - 40, len(body) - 5, len(body) - 1]:
        assert send(client, filing, field, body, cut) < 500
        # What was told complete is complete: what lies there is the whole file, or nothing.
        assert set(rows.values_list("sha256", flat=True)) <= {whole}
        assert all(read(row.sha256) for row in filing.pictures.all())
        assert rows.count() <= 1
    assert send(client, filing, field, body, len(body)) == 200
    assert list(rows.values_list("sha256", flat=True)) == [whole]
