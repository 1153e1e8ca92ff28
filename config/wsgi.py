"""The door for a WSGI server (gunicorn config.wsgi)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from jobs import embedded  # noqa: E402 - after the settings are there

embedded.start()
