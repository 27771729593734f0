"""The Celery application. Tasks take ids and call one action; the work itself is rows, so Celery only wakes."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdo.settings")

app = Celery("mdo")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.include = ["mdo.health"]
