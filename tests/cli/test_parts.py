"""The real parts that other tests lean on: mail goes out over SMTP, the worker works, the site serves, health tells the truth."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from django.core.mail import send_mail

from mdo import health
from tests.parts import child_environment, until


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
        assert until(lambda: redis.get(health.heartbeat_key()), "a second heartbeat")


def ready(role):
    """What `mdo ready` says, as a process of its own."""
    result = subprocess.run(
        [sys.executable, "-m", "mdo", "ready", role],
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    said = json.loads(result.stdout.splitlines()[-1])
    assert result.returncode == (0 if all(each["ok"] for each in said.values()) else 1)
    return {name: each["ok"] for name, each in said.items()}


def forget_marks():
    with health.client() as redis:
        for role in ("worker", "beat"):
            redis.delete(health.mark_key(role), health.mark_key(role, socket.gethostname()))


def test_each_role_says_whether_it_is_ready(worker, site):
    """The worker of this test has the clock too."""
    until(lambda: health.check_mark("beat")["ok"] and health.check_mark("worker")["ok"], "the marks")
    assert ready("worker") == {"database": True, "migrations": True, "redis": True, "worker": True}
    assert ready("beat") == {"redis": True, "beat": True}
    assert ready("web") == {"database": True, "migrations": True, "answers": True}
    assert ready("hl7") == {"database": True, "migrations": True, "listening": False}
    for role, parts in {"web": 2, "worker": 4, "beat": 2}.items():
        status, answer = read(f"{site}/readyz/{role}")
        assert (status, len(json.loads(answer))) == (200, parts + 1), role
    assert read(site + "/readyz/nobody")[0] == 404
    worker.stop()
    forget_marks()
    with health.client() as redis:
        redis.delete(health.heartbeat_key())
    assert (read(f"{site}/readyz/worker")[0], read(f"{site}/readyz/beat")[0]) == (503, 503)
    assert read(f"{site}/readyz/web")[0] == 200  # nobody is sent away because mails wait
    assert (ready("worker")["worker"], ready("beat")["beat"]) == (False, False)


def test_the_worker_of_another_machine_is_not_this_one(db):
    forget_marks()
    with health.client() as redis:
        redis.set(health.mark_key("worker"), str(time.time()), ex=30)
    assert health.check_mark("worker")["ok"]
    assert health.run_checks(health.of_this_machine("worker"))["worker"] == {"ok": False, "age_s": None}


def test_whoever_takes_messages_is_ready(db, settings):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.MDO_HL7_HOST, settings.MDO_HL7_PORT = "0.0.0.0", listener.getsockname()[1]
        assert health.check_listening() == {"ok": True}
