"""What a process counts while it runs, in Prometheus' words; ``mdo/watch`` shows it.

A label holds a name that stands in the code (a route, a command, a refusal's code, a class of status) and nothing else: never an id, a path,
a person, or anything that somebody sent. What is not known by name counts as one word.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

# When each series began would be a second series for each, of which nobody asks anything.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry(auto_describe=False)

REQUESTS = Counter(
    "mdo_http_requests", "Requests answered, by route and class of status.", ["route", "status"], registry=REGISTRY
)
REQUEST_SECONDS = Histogram(
    "mdo_http_request_seconds",
    "How long an answer took to begin, by route.",
    ["route"],
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
COMMAND_SECONDS = Histogram(
    "mdo_room_command_seconds",
    "From taking a room's command to its acknowledgement or refusal, by command.",
    ["command"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
COMMANDS_REFUSED = Counter(
    "mdo_room_commands_refused", "Room commands refused, by command and code.", ["command", "code"], registry=REGISTRY
)
REPLICA_READS = Counter(
    "mdo_replica_reads",
    "Pages whose counts may come from the replica, by which server gave them.",
    ["server"],
    registry=REGISTRY,
)


def request(route: str, status: int, seconds: float) -> None:
    """Count one answer. ``route`` is the name that the table of addresses gives it."""
    REQUESTS.labels(route, f"{status // 100}xx").inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def command(name: str, seconds: float, refused: str = "") -> None:
    """Count one command of a room; ``refused`` is the code of its refusal, ``fault`` where it was ours."""
    COMMAND_SECONDS.labels(name).observe(seconds)
    if refused:
        COMMANDS_REFUSED.labels(name, refused).inc()
