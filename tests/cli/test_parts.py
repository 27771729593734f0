"""The real parts that other tests lean on: mail goes out over SMTP, the worker works, the site serves, health tells the truth."""

import json
import urllib.error
import urllib.request

from django.core.mail import send_mail

from mdo import health
from tests.parts import until


def read(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_mail_arrives_over_smtp(smtp):
    send_mail("Agenda", "Wednesday", None, ["chair@example.org"])
    (message,) = smtp.messages
    assert (message["Subject"], message["To"], message.get_content()) == ("Agenda", "chair@example.org", "Wednesday\n")


def test_the_mailbox_shows_mail(smtp, site):
    send_mail("Agenda <b>published</b>", "Wednesday 14:00", None, ["chair@example.org"])
    status, page = read(site + "/mailbox/")
    assert status == 200
    assert "Agenda &lt;b&gt;published&lt;/b&gt;" in page


def test_ready_when_everything_runs(worker, site):
    status, answer = read(site + "/readyz")
    assert (status, {name: part["ok"] for name, part in json.loads(answer).items() if name != "ok"}) == (
        200,
        {"database": True, "redis": True, "worker": True, "migrations": True},
    )


def test_not_ready_without_a_worker(worker, site):
    worker.stop()
    with health.client() as redis:
        redis.delete(health.heartbeat_key())
    status, answer = read(site + "/readyz")
    assert (status, json.loads(answer)["worker"]) == (503, {"ok": False, "heartbeat_age_s": None})


def test_healthz_needs_nothing(site):
    assert read(site + "/healthz") == (200, "ok\n")


def test_the_worker_keeps_beating(worker):
    with health.client() as redis:
        redis.delete(health.heartbeat_key())
        assert until(lambda: redis.get(health.heartbeat_key()), "a second heartbeat", 20)
