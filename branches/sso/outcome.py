"""What comes of a single sign-on: a witness to who it is, or a trouble that the person is told of."""

from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """Why a single sign-on came to nothing; the page's words stand in branches/views/sso.py."""

    NOBODY = "nobody"
    PAUSED = "paused"
    TICKET = "ticket"
    LATE = "late"
    UNREACHABLE = "unreachable"
    ANSWER = "answer"
    NUMBER = "number"
    CANCELLED = "cancelled"
    OTHER = "other"


class SignOnFailed(Exception):
    """It came to nothing; `why` is for the administrator and holds neither ticket nor token nor anybody's name."""

    def __init__(self, trouble: Trouble, why: str = "", *, number: str = "") -> None:
        super().__init__(trouble, why)
        self.trouble, self.why, self.number = trouble, why, number


@dataclass(frozen=True)
class Witness:
    """What the server says: whose staff number, and by which names it will later say that this login is over."""

    number: str
    ticket: str
    subject: str = ""
