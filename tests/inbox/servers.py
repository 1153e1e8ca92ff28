"""Real servers on this machine: one that takes mail, and one that answers as WeCom documents its app's messages."""

from __future__ import annotations

import email
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@dataclass
class Postbox:
    """A mail server: what it took, and what it is told to answer to the next mails instead."""

    port: int
    got: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    to_rcpt: list[str] = field(default_factory=list)
    to_data: list[str] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.to_rcpt:
            return self.to_rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.to_data:
            return self.to_data.pop(0)
        self.raw.append(envelope.content)
        self.got.append((list(envelope.rcpt_tos), email.message_from_bytes(envelope.content, policy=default)))
        return "250 OK"


@contextmanager
def postbox() -> Iterator[Postbox]:
    box = Postbox(free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class WeCom:
    """WeCom as documented: tokens that end, one message at a time, and what is wrong with what it is sent."""

    url: str = ""
    tokens: list[str] = field(default_factory=list)
    good: set[str] = field(default_factory=set)
    got: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=lambda: {"18004", "18001", "li.qiang"})
    answers: list[dict[str, Any] | int] = field(default_factory=list)
    slow: float = 0.0

    def answer(self, request: BaseHTTPRequestHandler) -> dict[str, Any] | int:
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if request.command == "GET" and parts.path == "/cgi-bin/gettoken":
            if query != {"corpid": "ww1", "corpsecret": "app-secret"}:
                return {"errcode": 40001, "errmsg": "invalid credential"}
            token = f"token{len(self.tokens)}"
            self.tokens.append(token)
            self.good.add(token)
            return {"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": 7200}
        if request.command != "POST" or parts.path != "/cgi-bin/message/send":
            self.wrong.append(f"{request.command} {request.path}")
            return 404
        message = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        if query.get("access_token") not in self.good:
            return {"errcode": 42001, "errmsg": "access_token expired"}
        if self.answers:
            return self.answers.pop(0)
        content = message["text"]["content"]
        if message["msgtype"] != "text" or message["agentid"] != 1000002 or len(content.encode()) > 2048:
            self.wrong.append(f"not a message: {message}")
        if not set(message["touser"].lower().split("|")) <= self.known:
            return {"errcode": 81013, "errmsg": "user & party & tag all invalid"}
        self.got.append(message)
        return {"errcode": 0, "errmsg": "ok", "invaliduser": ""}


@contextmanager
def wecom_server() -> Iterator[WeCom]:
    wecom = WeCom()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(wecom.slow)
            found = wecom.answer(self)
            body = b"" if isinstance(found, int) else json.dumps(found).encode()
            self.send_response(found if isinstance(found, int) else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    wecom.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield wecom
    finally:
        server.shutdown()
        server.server_close()
        assert wecom.wrong == []
