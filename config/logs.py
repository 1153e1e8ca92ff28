"""What the log must not keep: the secret that stands in the address of a calendar feed."""

from __future__ import annotations

import logging
import re

SECRET = re.compile(r"(/study/feed/)[^/\s]+")


class WithoutSecrets(logging.Filter):
    """Puts a star for the secret into a message that names such an address."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if SECRET.search(said):
            record.msg, record.args = SECRET.sub(r"\1*", said), None
        return True
