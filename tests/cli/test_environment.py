"""Settings are read strictly: junk is refused by the variable's name."""

import pytest

from mdo import environment, headers, redis_servers
from mdo.environment import SettingsRefused, placeholders

PRODUCTION = {**placeholders(), "MDO_MODE": "production", "MDO_ORIGINS": "https://moc.example.org"}
NO_PLACE = "is no host with its port, as in ehr.example.org:2575"
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
        f"{name}: is missing" for name in ("MDO_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "MDO_FILE_KEY", "EMAIL_URL")
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
        ("MDO_ACCESS_LOG_SYSLOG", "tls://log.example.org:6514", "must start with tcp:// or udp://"),
        ("MDO_ACCESS_LOG_SYSLOG", "tcp://log.example.org", "must name host and port, as in tcp://log.example.org:514"),
        ("MDO_ACCESS_LOG_SYSLOG", "udp://:514", "must name host and port, as in tcp://log.example.org:514"),
        ("MDO_ACCESS_LOG_SYSLOG", "tcp://log.example.org:514/x", "holds more than transport, host and port"),
        ("MDO_LOG_FORMAT", "xml", "Input should be 'plain' or 'json'"),
        (
            "MDO_TRACES",
            "traces.example.org",
            "must name host and path, as in https://traces.example.org:4318/v1/traces",
        ),
        ("MDO_TRACES", "http://traces.example.org/v1/traces", "must start with https://, or http:// on this machine"),
        ("MDO_TRACES", "https://who:word@traces.example.org/v1/traces", "holds more than host, port and path"),
        ("MDO_METRICS_TOKEN", "short", "must hold at least 24 characters"),
        (
            "MDO_METRICS_TOKEN",
            "with a blank in it, and long enough",
            "may hold letters, digits and signs without spaces only",
        ),
        ("MDO_SECRET_KEY", "short", "String should have at least 50 characters"),
        ("MDO_SECRET_KEY", "x" * 60 + "\n", "holds spaces at its ends or control characters"),
        (
            "MDO_TLS",
            "/etc/site.pem",
            "must be internal, or a certificate and its key: /etc/mdo/site.pem,/etc/mdo/site.key",
        ),
        (
            "MDO_TLS",
            "site.pem,site.key",
            "must be internal, or a certificate and its key: /etc/mdo/site.pem,/etc/mdo/site.key",
        ),
        (
            "MDO_CLAMAV",
            "clamav",
            "must be a host (by name or IPv4) with its port, or the path of a socket: /run/clamav/clamd.ctl",
        ),
        ("MDO_CLAMAV", "/run/clam av", "holds spaces or control characters"),
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
        ("REDIS_URL", "redis+sentinel://:26379/mdo", "names no sentinel"),
        ("REDIS_URL", "redis+sentinel://one", "must name the service, as in redis+sentinel://host:26379/mdo"),
        (
            "REDIS_URL",
            "redis+sentinel://one/mdo/x",
            "must end in a database number, as in redis+sentinel://host:26379/mdo/0",
        ),
        ("REDIS_URL", "redis+sentinel://one/mdo?x=1", "holds more than sentinels, service and database"),
        (
            "MDO_S3",
            "s3://key:secret@host/bucket",
            "must be an address such as https://key:secret@s3.example.org/bucket",
        ),
        ("MDO_S3", "https://host/bucket", "holds no key with its secret"),
        ("MDO_S3", "https://k:s@host/", "must name one bucket, as in https://key:secret@s3.example.org/bucket"),
        ("MDO_S3", "https://k:s@host/b?x=1", "holds more than key, secret, host, bucket and region"),
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
        ("MDO_DELIVERY_HOSTS", "ehr.example.org", f"'ehr.example.org' {NO_PLACE}"),
        ("MDO_DELIVERY_HOSTS", "ehr.example.org:99999", f"'ehr.example.org:99999' {NO_PLACE}"),
        ("MDO_DELIVERY_HOSTS", "http://ehr.example.org:80", f"'http://ehr.example.org:80' {NO_PLACE}"),
        ("MDO_CA", "house.pem", "must be a whole path, as in /srv/handover"),
        ("HTTPS_PROXY", "proxy.example.org:3128", "must be an HTTP proxy, as in http://proxy.example.org:3128"),
        ("HTTPS_PROXY", "https://proxy.example.org", "must be an HTTP proxy, as in http://proxy.example.org:3128"),
        ("HTTPS_PROXY", "http://proxy.example.org/x", "holds more than user, password, host and port"),
        ("MDO_HANDOVER", "srv/handover", "must be a whole path, as in /srv/handover"),
        ("MDO_HANDOVER", "/srv/../etc", "must be a whole path, as in /srv/handover"),
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


def test_a_collector_of_the_access_log():
    assert environment.parse(PRODUCTION).syslog is None
    assert environment.parse({**PRODUCTION, "MDO_ACCESS_LOG_SYSLOG": "udp://[2001:db8::1]:514"}).syslog == (
        "udp",
        "2001:db8::1",
        514,
    )


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
        redis_servers.broker_url("unix:///run/valkey.sock?db=2&password=p")
        == "redis+socket://:p@/run/valkey.sock?virtual_host=2"
    )
    assert redis_servers.broker_url("redis://host/0") == "redis://host/0"


def test_sentinels_as_each_library_wants_them():
    url = "redis+sentinel://:p%40w@one:26380,two/mdo/3"
    found = redis_servers.sentinels(url)
    assert found is not None
    assert (found.places, found.service, found.database) == ((("one", 26380), ("two", 26379)), "mdo", 3)
    assert redis_servers.broker_url(url) == "sentinel://:p%40w@one:26380/3;sentinel://:p%40w@two:26379/3"
    assert redis_servers.broker_options(url)["master_name"] == "mdo"
    host = redis_servers.channel_host(url)
    assert (host["master_name"], host["password"], host["db"], host["socket_timeout"]) == ("mdo", "p@w", 3, None)
    assert redis_servers.broker_options("redis://host/0") == {}


def test_a_bucket():
    assert environment.parse_s3_url("https://k%2F:s@s3.example.org:9000/files?region=eu-west-1") == {
        "endpoint": "https://s3.example.org:9000",
        "bucket": "files",
        "key": "k/",
        "secret": "s",
        "region": "eu-west-1",
    }
    assert environment.parse(PRODUCTION).s3_bucket == {}


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


def test_a_pooler_has_an_address_of_its_own():
    """The owner, who migrates, goes past it to the same database."""
    urls = {"DATABASE_URL": "postgresql://mdo_app@pool:6432/mdo", "DATABASE_OWNER_URL": "postgresql://mdo_owner@db/mdo"}
    assert environment.parse({**PRODUCTION, **urls, "MDO_POOLED": "1"}).pooled
    with pytest.raises(SettingsRefused, match="DATABASE_OWNER_URL: must name the same database"):
        environment.parse({**PRODUCTION, **urls})
    with pytest.raises(SettingsRefused, match="DATABASE_OWNER_URL: must name the same database"):
        environment.parse(
            {**PRODUCTION, **urls, "MDO_POOLED": "1", "DATABASE_OWNER_URL": "postgresql://mdo_owner@db/other"}
        )


@pytest.mark.parametrize("url", ["postgresql://mdo_app@other/another", "postgresql://mdo_owner@other/mdo"])
def test_a_replica_is_the_same_database_for_the_same_role(url):
    asked = {**PRODUCTION, "DATABASE_URL": "postgresql://mdo_app@db/mdo"}
    assert environment.parse(
        {**asked, "DATABASE_REPLICA_URL": "postgresql://mdo_app@other/mdo"}
    ).database_replica_url.endswith("@other/mdo")
    with pytest.raises(SettingsRefused, match="DATABASE_REPLICA_URL: must name the same database and role"):
        environment.parse({**asked, "DATABASE_REPLICA_URL": url})


def test_where_reports_may_go():
    parsed = environment.parse(
        {**PRODUCTION, "MDO_DELIVERY_HOSTS": "EHR.example.org:2575,[::1]:2576", "MDO_HANDOVER": "/srv/handover"}
    )
    assert parsed.delivery_host_list == ["ehr.example.org:2575", "[::1]:2576"]
    assert str(parsed.handover_folder) == "/srv/handover"
    assert environment.parse(PRODUCTION).handover_folder is None
    assert environment.parse(environment.placeholders()).handover_folder == environment.BASE_DIR / "var" / "handover"


def test_a_secret_as_a_file(tmp_path):
    secret = tmp_path / "key"
    secret.write_text("s" * 60 + "\n")
    given = {name: value for name, value in PRODUCTION.items() if name != "MDO_SECRET_KEY"}
    parsed = environment.parse({**given, "MDO_SECRET_KEY_FILE": str(secret)})
    assert parsed.secret_key == "s" * 60
    assert environment.parse({**PRODUCTION, "MDO_SECRET_KEY_FILE": ""}).secret_key == PRODUCTION["MDO_SECRET_KEY"]


def test_a_file_that_cannot_be_read_is_named_once(tmp_path):
    given = {name: value for name, value in PRODUCTION.items() if name != "MDO_SECRET_KEY"}
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, why in (
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (binary, "it is no text"),
    ):
        with pytest.raises(SettingsRefused) as caught:
            environment.parse({**given, "MDO_SECRET_KEY_FILE": str(path)})
        assert caught.value.problems == [f"MDO_SECRET_KEY_FILE: {path} cannot be read: {why}"]


def test_a_variable_and_its_file():
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({**PRODUCTION, "MDO_SECRET_KEY_FILE": "/run/secrets/key"})
    assert caught.value.problems == ["MDO_SECRET_KEY_FILE: MDO_SECRET_KEY is given too; give one of them"]


def test_what_stands_in_a_file_is_read_as_strictly(tmp_path):
    port = tmp_path / "port"
    port.write_text("80a\n")
    with pytest.raises(SettingsRefused) as caught:
        environment.parse({**PRODUCTION, "MDO_PORT_FILE": str(port)})
    assert caught.value.problems == ["MDO_PORT: must be a whole number"]
