"""Which engine carries background work: the settings that follow from QUEUE and REDIS_URL."""

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def read(queue: str, redis_url: str) -> dict[str, Any]:
    """The settings of the engine; ImproperlyConfigured says what does not fit together."""
    if queue == "db":
        return {"TASKS": {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}}
    if queue != "rq":
        raise ImproperlyConfigured(
            f"QUEUE={queue} 不能识别，请写 db（用数据库，缺省）或 rq（用 Redis，可以多台服务器）。"
        )
    if urlsplit(redis_url).scheme not in ("redis", "rediss", "unix"):
        raise ImproperlyConfigured(
            "设置了 QUEUE=rq，请用 REDIS_URL 写明 Redis 的地址，如 redis://:密码@127.0.0.1:6379/0。"
        )
    return {
        "TASKS": {"default": {"BACKEND": "django_tasks_rq.RQBackend", "QUEUES": ["default"]}},
        "RQ_QUEUES": {
            "default": {
                "URL": redis_url,
                # Whether a worker lives is told by the job's lease: no work is too long.
                "DEFAULT_TIMEOUT": -1,
                # What lies in Redis is data: nothing of it is ever run.
                "SERIALIZER": "rq.serializers.JSONSerializer",
                "REDIS_CLIENT_KWARGS": {"socket_connect_timeout": 3},
            }
        },
    }
