"""Settings are read strictly: junk is refused by the variable's name."""

import pytest

from mdo import environment, headers
from mdo.environment import SettingsRefused, placeholders

PRODUCTION = {**placeholders(), "MDO_MODE": "production", "MDO_ORIGINS": "https://moc.example.org"}
NO_RELAY = "is no relay such as turn:relay.example.org:3478?transport=udp"


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
        ("MDO_TURN", "relay.example.org", f"'relay.example.org' {NO_RELAY}"),
        ("MDO_TURN", "stun:relay.example.org", f"'stun:relay.example.org' {NO_RELAY}"),
        ("MDO_TURN", "turn://relay.example.org", f"'turn://relay.example.org' {NO_RELAY}"),
        ("MDO_TURN", "turn:relay.example.org;x", f"'turn:relay.example.org;x' {NO_RELAY}"),
        ("MDO_TURN", "turn:a?transport=udp&x=1", f"'turn:a?transport=udp&x=1' {NO_RELAY}"),
        ("MDO_TURN", "turn:a?", f"'turn:a?' {NO_RELAY}"),
        ("MDO_TURN", "turn:a:0", "'turn:a:0' names a port that there is not"),
        ("MDO_TURN", "turn:a:65536", "'turn:a:65536' names a port that there is not"),
        ("MDO_TURN", "turn:[::1::]:3478", "'turn:[::1::]:3478' names no IPv6 address"),
        (
            "MDO_TURN",
            "turn:a?transport=sctp",
            "'turn:a?transport=sctp' may say transport=udp or transport=tcp, and nothing else",
        ),
        (
            "MDO_TURN",
            "turns:a?transport=udp",
            "'turns:a?transport=udp': browsers reach a relay by TLS over transport=tcp only",
        ),
        ("MDO_TURN", "turn:a,,turn:b", "holds a comma with nothing beside it"),
        ("MDO_TURN", "turn:a,turn:a", "names one server twice"),
        ("MDO_TURN_SECRET", "one two", "may hold letters, digits and signs without spaces only"),
        ("MDO_LIVEKIT", "https://a", "'https://a' must be an address such as wss://media.example.org"),
        ("MDO_LIVEKIT", "wss://", "'wss://' must be an address such as wss://media.example.org"),
        ("MDO_LIVEKIT", "wss://*.a", "'wss://*.a' must be an address such as wss://media.example.org"),
        ("MDO_LIVEKIT", "wss://a; x", "'wss://a; x' must be an address such as wss://media.example.org"),
        ("MDO_LIVEKIT", "wss://a:x", "'wss://a:x' must be an address such as wss://media.example.org"),
        ("MDO_LIVEKIT", "wss://a:70000", "'wss://a:70000' names a port that there is not"),
        ("MDO_LIVEKIT", "wss://a/room", "holds more than scheme, host and port"),
        ("MDO_LIVEKIT_API", "wss://a", "'wss://a' must be an address such as https://media.example.org"),
        ("MDO_LIVEKIT_KEY", "a\nb", "may hold letters, digits and signs without spaces only"),
    ],
)
def test_junk_is_refused_by_name(name, value, sentence):
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({**PRODUCTION, name: value})
    assert caught.value.problems == [f"{name}: {sentence}"]


RELAY = {"MDO_TURN": "turn:a:3478?transport=udp, turns:[2001:db8::1]:443?transport=tcp", "MDO_TURN_SECRET": "t" * 24}
LIVEKIT = {"MDO_LIVEKIT": "wss://a,wss://b:7443/", "MDO_LIVEKIT_KEY": "k", "MDO_LIVEKIT_SECRET": "l" * 32}


def test_servers_of_the_call():
    parsed = environment.parse({**PRODUCTION, **RELAY, **LIVEKIT})
    assert parsed.turn_list == ["turn:a:3478?transport=udp", "turns:[2001:db8::1]:443?transport=tcp"]
    assert (parsed.livekit_list, parsed.livekit_api_list) == (
        ["wss://a", "wss://b:7443"],
        ["https://a", "https://b:7443"],
    )
    own = environment.parse({**PRODUCTION, **LIVEKIT, "MDO_LIVEKIT_API": "http://livekit:7880"})
    assert own.livekit_api_list == ["http://livekit:7880"]
    none = environment.parse(PRODUCTION)
    assert (none.turn_list, none.livekit_list, none.livekit_api_list) == ([], [], [])
    assert environment.parse({**placeholders(), **LIVEKIT, "MDO_LIVEKIT": "ws://127.0.0.1:7880"}).livekit_list == [
        "ws://127.0.0.1:7880"
    ]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({**RELAY, "MDO_TURN": ""}, "MDO_TURN: the relays and MDO_TURN_SECRET go together"),
        ({**RELAY, "MDO_TURN_SECRET": ""}, "MDO_TURN: the relays and MDO_TURN_SECRET go together"),
        ({**RELAY, "MDO_TURN_SECRET": "t" * 23}, "MDO_TURN_SECRET: must hold at least 24 characters"),
        *(
            ({**LIVEKIT, name: ""}, "MDO_LIVEKIT: the servers, MDO_LIVEKIT_KEY and MDO_LIVEKIT_SECRET go together")
            for name in LIVEKIT
        ),
        ({"MDO_LIVEKIT_API": "http://livekit:7880"}, "MDO_LIVEKIT_API: names servers that MDO_LIVEKIT does not"),
        ({**LIVEKIT, "MDO_LIVEKIT_SECRET": "l" * 31}, "MDO_LIVEKIT_SECRET: must hold at least 32 characters"),
        ({**LIVEKIT, "MDO_LIVEKIT": "ws://a"}, "MDO_LIVEKIT: browsers reach media servers by wss:// only"),
    ],
)
def test_servers_of_the_call_go_together(given, problem):
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({**PRODUCTION, **given})
    assert caught.value.problems == [problem]


def test_browsers_may_reach_the_media_servers_and_no_others(settings):
    def reached() -> list[str]:
        (found,) = [part for part in headers.policy().split("; ") if part.startswith("connect-src ")]
        return found.split()[1:]

    settings.MDO_ORIGINS, settings.MDO_LIVEKIT = ["https://moc.example.org"], []
    assert reached() == ["'self'", "wss://moc.example.org"]
    settings.MDO_LIVEKIT = ["wss://media.example.org", "wss://[2001:db8::1]"]
    assert reached() == ["'self'", "wss://moc.example.org", "wss://media.example.org", "https://media.example.org"]


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
                "MDO_TURN": f"turn:a:{secret}@host",
                "MDO_TURN_SECRET": f"{secret} ",
                "MDO_LIVEKIT": f"wss://a:{secret}@host",
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
