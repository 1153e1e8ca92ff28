"""What the database must not be able to tell: sealed with AES-256-GCM, found again by a blind index.

A sealed value is text, `a1:<key>:<base64 of nonce and ciphertext>`; `a1` names the algorithm, so that another can come
beside it, and the key's name says which of FIELD_KEYS opens it. What is sealed for one purpose does not open for
another: the purpose is authenticated with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

ALGORITHM = "a1"
NONCE = 12


class Unreadable(Exception):
    """A sealed value that none of the keys opens: it was changed, or its key is gone."""


def _key(name: str) -> bytes:
    try:
        secret = settings.FIELD_KEYS[name]
    except KeyError:
        raise Unreadable(f"没有名为“{name}”的密钥，请在 FIELD_KEYS 中补上。") from None
    return hashlib.sha256(f"field|{secret}".encode()).digest()


def seal(text: str, purpose: str) -> str:
    """The text sealed for a purpose (`member.phone`); empty stays empty."""
    if not text:
        return ""
    name = next(reversed(settings.FIELD_KEYS))
    nonce = os.urandom(NONCE)
    closed = AESGCM(_key(name)).encrypt(nonce, text.encode(), purpose.encode())
    return f"{ALGORITHM}:{name}:{base64.b64encode(nonce + closed).decode()}"


def unseal(sealed: str, purpose: str) -> str:
    """What was sealed for that purpose; `Unreadable` if it was changed or its key is gone."""
    if not sealed:
        return ""
    try:
        algorithm, name, body = sealed.split(":")
        raw = base64.b64decode(body, validate=True)
    except ValueError:
        raise Unreadable("内容已损坏。") from None
    if algorithm != ALGORITHM:
        raise Unreadable(f"不认识的加密方式“{algorithm}”。")
    try:
        return AESGCM(_key(name)).decrypt(raw[:NONCE], raw[NONCE:], purpose.encode()).decode()
    except (InvalidTag, ValueError):
        raise Unreadable("内容已被改动，或密钥不对。") from None


def index(text: str, purpose: str) -> str:
    """64 hex digits by which an equal value is found, and from which it cannot be told; empty stays empty.

    Made with the first of FIELD_KEYS, so that a new key sealing new values leaves what was indexed to be found.
    """
    if not text:
        return ""
    name = next(iter(settings.FIELD_KEYS))
    return hmac.new(_key(name), f"index|{purpose}|{text}".encode(), hashlib.sha256).hexdigest()


def mac(text: str, purpose: str) -> str:
    """The digest by which a code or a session's key is recognised, where the thing itself is not kept."""
    return hmac.new(settings.SECRET_KEY.encode(), f"{purpose}|{text}".encode(), hashlib.sha256).hexdigest()
