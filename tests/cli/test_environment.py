"""Settings are read strictly: junk is refused by the variable's name."""

import pytest

from mdo import environment
from mdo.environment import SettingsRefused, placeholders

PRODUCTION = {**placeholders(), "MDO_MODE": "production", "MDO_ORIGINS": "https://moc.example.org"}


def test_placeholders_are_good_settings():
    parsed = environment.parse(placeholders())
    assert (parsed.demo, parsed.port, parsed.origin_list) == (
        True,
        8000,
        ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"],
    )


def test_nothing_given():
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({})
    assert caught.value.problems == [
        f"{name}: is missing" for name in ("MDO_SECRET_KEY", "MDO_FILE_KEY", "DATABASE_URL", "REDIS_URL", "EMAIL_URL")
    ]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MDO_PORT", "80a", "must be a whole number"),
        ("MDO_PORT", " 8000", "must be a whole number"),
        ("MDO_PORT", "٨٠٠٠", "must be a whole number"),
        ("MDO_PORT", "0", "Input should be greater than or equal to 1"),
        ("MDO_PORT", "65536", "Input should be less than or equal to 65535"),
        ("MDO_PROXY", "true", "must be 0 or 1"),
        ("MDO_MODE", "debug", "Input should be 'production' or 'demo'"),
        ("MDO_LOG_LEVEL", "loud", "Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("MDO_SECRET_KEY", "short", "String should have at least 50 characters"),
        ("MDO_SECRET_KEY", "x" * 60 + "\n", "holds spaces at its ends or control characters"),
        ("MDO_FILE_KEY", "?", "is not base64"),
        ("MDO_FILE_KEY", "AAAA", "must hold 32 bytes, holds 3"),
        ("MDO_HOST", "localhost", "must be an IP address, as in 127.0.0.1, 0.0.0.0 or ::1"),
        ("MDO_REDIS_PREFIX", "a b", "String should match pattern '^[a-z0-9_-]{1,40}$'"),
        ("DATABASE_URL", "mysql://a/b", "must start with postgresql:// (PostgreSQL is the only engine)"),
        ("DATABASE_URL", "postgresql://host/", "names no database"),
        ("DATABASE_URL", "postgresql://host/db?colour=red", "is not a PostgreSQL connection URI"),
        ("REDIS_URL", "memory://", "must start with redis://, rediss:// or unix:///"),
        ("REDIS_URL", "redis:///0", "names no host"),
        ("REDIS_URL", "redis://host/zero", "must end in a database number, as in redis://host:6379/0"),
        ("REDIS_URL", "unix://x", "names no socket"),
        ("REDIS_URL", "unix:///s?colour=red", "does not know colour"),
        ("EMAIL_URL", "mail.example.org", "must start with smtp://, smtp+starttls:// or smtps://"),
        ("EMAIL_URL", "smtp://", "names no host"),
        ("EMAIL_URL", "smtp://host/inbox", "holds more than user, password, host and port"),
        ("MDO_ORIGINS", "moc.example.org", "'moc.example.org' is not an origin such as https://moc.example.org"),
        (
            "MDO_ORIGINS",
            "https://moc.example.org/",
            "'https://moc.example.org/' is not an origin such as https://moc.example.org",
        ),
        ("MDO_ORIGINS", "https://*.example.org", "'https://*.example.org' must be one plain host"),
    ],
)
def test_junk_is_refused_by_name(name, value, sentence):
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({**PRODUCTION, name: value})
    assert caught.value.problems == [f"{name}: {sentence}"]


def test_an_unknown_setting_is_refused():
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({**PRODUCTION, "MDO_PROT": "8001"})
    assert caught.value.problems == ["MDO_PROT: is no setting; did you mean MDO_PORT?"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_demo_mode_listens_on_loopback_only(host):
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({**placeholders(), "MDO_HOST": host})
    assert caught.value.problems == [f"MDO_HOST: demo mode listens on loopback only, not on {host}"]
    assert environment.parse({**PRODUCTION, "MDO_HOST": host}).host == host


def test_demo_mode_serves_loopback_only():
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({**placeholders(), "MDO_ORIGINS": "https://moc.example.org"})
    assert caught.value.problems == ["MDO_ORIGINS: demo mode serves loopback only, not https://moc.example.org"]


def test_production_names_its_origin():
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({**PRODUCTION, "MDO_ORIGINS": ""})
    assert caught.value.problems == ["MDO_ORIGINS: is missing; name the site's origin, such as https://moc.example.org"]


def test_the_program_does_not_run_as_the_owner():
    urls = {"DATABASE_URL": "postgresql://one@h/mdo", "DATABASE_OWNER_URL": "postgresql://one@h/mdo"}
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({**PRODUCTION, **urls})
    assert caught.value.problems == [
        "DATABASE_URL: must not use the owner's role; the program runs as a role that owns nothing"
    ]


def test_both_roles_use_one_database():
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({**PRODUCTION, "DATABASE_OWNER_URL": "postgresql://mdo_owner@/other"})
    assert caught.value.problems == ["DATABASE_OWNER_URL: must name the same database as DATABASE_URL"]


def test_a_refusal_never_repeats_a_secret():
    secret = "hunter2-hunter2"
    with pytest.raises(SettingsRefused) as caught:
        environment.parse(
            {
                **PRODUCTION,
                "MDO_SECRET_KEY": secret,
                "DATABASE_URL": f"postgresql://a:{secret}@h/db?colour=red",
                "REDIS_URL": f"redis://:{secret}@host/zero",
                "EMAIL_URL": f"smtp://a:{secret}@host/inbox",
            }
        )
    assert secret not in str(caught.value)


def test_a_socket_as_each_library_wants_it():
    database = environment.parse_database_url("postgresql://mdo_app:p%2Fw@/mdo?host=%2Frun%2Fpg")
    assert (database["HOST"], database["PASSWORD"], database["NAME"]) == ("/run/pg", "p/w", "mdo")
    assert (
        environment.celery_broker_url("unix:///run/valkey.sock?db=2&password=p")
        == "redis+socket://:p@/run/valkey.sock?virtual_host=2"
    )
    assert environment.celery_broker_url("redis://host/0") == "redis://host/0"


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("smtp://127.0.0.1:2525", ("127.0.0.1", 2525, "", False, False)),
        ("smtp+starttls://a%40b:p@mail.example.org", ("mail.example.org", 587, "a@b", True, False)),
        ("smtps://mail.example.org", ("mail.example.org", 465, "", False, True)),
    ],
)
def test_mail(url, read):
    mail = environment.parse_mail_url(url)
    assert (mail.host, mail.port, mail.user, mail.starttls, mail.tls) == read


def test_allowed_hosts_have_no_scheme_and_no_port():
    origins = ["https://moc.example.org", "http://127.0.0.1:8000", "http://[::1]:8000"]
    assert environment.allowed_hosts(origins) == ["127.0.0.1", "[::1]", "moc.example.org"]
