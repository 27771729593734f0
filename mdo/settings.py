"""Django's settings, all of them derived from `mdo.environment`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from mdo import environment, outward, redis_servers
from mdo.environment import BASE_DIR

ENVIRONMENT = environment.load()
if _problems := outward.refuse_unreadable(ENVIRONMENT.ca, ENVIRONMENT.client_cert):
    raise environment.SettingsRefused(_problems)
if ENVIRONMENT.ca:
    outward.believe(ENVIRONMENT.ca, ENVIRONMENT.var)

DEMO = ENVIRONMENT.demo
DEBUG = False
SECRET_KEY = ENVIRONMENT.secret_key
MDO_FILE_KEY = ENVIRONMENT.file_key_bytes
MDO_VAR = ENVIRONMENT.var
MDO_FILES = ENVIRONMENT.var / "files"
MDO_MAILBOX = ENVIRONMENT.var / "mailbox"
MDO_ORIGINS = ENVIRONMENT.origin_list
MDO_POOLED = ENVIRONMENT.pooled
MDO_REDIS_URL = ENVIRONMENT.redis_url
MDO_REDIS_PREFIX = ENVIRONMENT.redis_prefix
MDO_S3 = ENVIRONMENT.s3_bucket
MEDIA_ROOT = MDO_FILES

# Hosts without scheme and port, as Django wants them; the WebSocket side compares full origins (MDO_ORIGINS).
ALLOWED_HOSTS = environment.allowed_hosts(MDO_ORIGINS)
CSRF_TRUSTED_ORIGINS = MDO_ORIGINS

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "channels",
    "django_htmx",
    "django_vite",
    "mdo.kernel",
    "mdo.directory",
    "cases",
    "meetings",
]

MIDDLEWARE = [
    "mdo.health.Health",
    "mdo.watch.requests.Watched",
    "django.middleware.security.SecurityMiddleware",
    "mdo.headers.ContentSecurityPolicy",
    "mdo.kept_files.Files",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "meetings.guest_door.GuestDoor",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "mdo.directory.middleware.ActingMiddleware",
]

ROOT_URLCONF = "mdo.urls"
ASGI_APPLICATION = "mdo.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "frontend" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["mdo.kernel.dates", "mdo.kernel.pieces"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.template.context_processors.tz",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mdo.headers.mode",
                "mdo.demo.accounts.on_sign_in_page",
                "mdo.directory.context.navigation",
                "mdo.directory.context.sign_ins",
            ],
        },
    },
]

# --- people -----------------------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "directory.Person"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "today"
LOGOUT_REDIRECT_URL = "account_login"

ACCOUNT_ADAPTER = "mdo.accounts.ClosedAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # whoever types a stranger's address does not make us write to them
ACCOUNT_FORMS = {"reset_password": "mdo.accounts.ResetPasswordForm"}
# Who signs shows again that it is them, unless that was within these minutes (mdo/kernel/action.py: proven). The same for the pages of
# one's own second factor and addresses, to which a forgotten password is sent.
MDO_PROOF_MINUTES = ENVIRONMENT.proof_minutes
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = MDO_PROOF_MINUTES * 60
# A whole hospital comes from one address: what counts is the account. Five bad passwords, then five minutes' rest.
# Guests' links and codes are counted with each invitation; this only slows down who tries many. Each run of the call's test asks
# once for the relay's credentials.
ACCOUNT_RATE_LIMITS = {
    "login": "300/m/ip",
    "login_failed": "100/m/ip,5/300s/key",
    "guest": "60/m/ip",
    "sign_in": "300/m/ip",
    "sign_in_back": "300/m/ip",
    "call_test": "10/300s/user",
    "verify": "30/m/ip",
}
# This provider of identities confirms guests; organisations' own, at which their people sign in, are rows (mdo/accounts.py).
MDO_IDENTITIES = ENVIRONMENT.identities.name if ENVIRONMENT.identities else ""
SOCIALACCOUNT_ADAPTER = "mdo.accounts.Identities"
# Where organisations may let their people sign in (mdo/directory/signing_in/), and how long what a provider says of itself is kept.
MDO_SIGN_IN_HOSTS = ENVIRONMENT.sign_in_host_list
MDO_PROVIDER_KEPT_S = 300
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "identity",
                "name": ENVIRONMENT.identities.name,
                "client_id": ENVIRONMENT.identities.client,
                "secret": ENVIRONMENT.identities.secret,
                "settings": {"server_url": ENVIRONMENT.identities.configuration},
            }
        ]
        if ENVIRONMENT.identities
        else [],
    }
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_FORMS = {
    "authenticate_webauthn": "mdo.directory.views.proving.SignInKeyForm",
    "reauthenticate_webauthn": "mdo.directory.views.proving.KeyForm",
}

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "mdo_session"
SESSION_COOKIE_AGE = int(
    timedelta(hours=14).total_seconds()
)  # one working day, nobody is signed out of a running meeting
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "mdo_csrf"
CSRF_COOKIE_SAMESITE = "Lax"

# --- transport --------------------------------------------------------------------------------------------------------------------
SECURE = all(origin.startswith("https://") for origin in MDO_ORIGINS)
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_SECURE = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"
if ENVIRONMENT.proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_PERMISSIONS = 0o600

# The programs' interface: requests of one token, and tokens that are none from one address, in a minute.
MDO_API_REQUESTS_A_MINUTE = 600
MDO_API_TRIES_A_MINUTE = 60
MDO_API_LARGEST = 40 * 1024 * 1024  # bytes of one request: a document of 25 MB in base64, and what is around it

# --- data -------------------------------------------------------------------------------------------------------------------------
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def _database(url: str, *, pool: bool, pooled: bool = False) -> dict[str, Any]:
    database = environment.parse_database_url(url)
    database["OPTIONS"].setdefault("connect_timeout", "5")
    database["OPTIONS"].setdefault("application_name", "mdo")
    # Connections go back to the pool at the end of each request, task or command. What the door sets, it sets with SET LOCAL, so
    # nothing of one person can meet the next. A connection that the server dropped is found by the check and replaced.
    database["CONN_MAX_AGE"] = 0
    if pool:
        database["CONN_HEALTH_CHECKS"] = True
        # An attempt to connect is given up soon: the pauses between tries double, and while one goes on whoever asks gets no other, so that
        # after an outage of a minute the pool would be empty for another one. The next who asks begins anew.
        database["OPTIONS"]["pool"] = {
            "min_size": 1,
            "max_size": 24,
            "timeout": 5,
            "max_idle": 300,
            "reconnect_timeout": 2,
        }
    if pooled:
        # Behind PgBouncer the next transaction may run on another server connection: a prepared statement or a cursor kept open would
        # be another's or nobody's. It takes no `options` either; the role has the same limits (deploy/postgres/roles.sql).
        database["DISABLE_SERVER_SIDE_CURSORS"] = True
        database["OPTIONS"]["prepare_threshold"] = None
    elif pool:
        database["OPTIONS"].setdefault(
            "options", "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=60000"
        )
    return database


# "default" runs everything as a role that owns nothing; "owner" exists only where its URL is given and only migrates:
# `manage.py migrate --database=owner`. Both are the same database.
DATABASES = {"default": _database(ENVIRONMENT.database_url, pool=True, pooled=ENVIRONMENT.pooled)}
if ENVIRONMENT.database_owner_url:
    DATABASES["owner"] = _database(ENVIRONMENT.database_owner_url, pool=False)
# A server that follows, for counts that may be some seconds old (mdo/kernel/replica.py). Without a pool: few pages ask it.
if ENVIRONMENT.database_replica_url:
    DATABASES["replica"] = _database(ENVIRONMENT.database_replica_url, pool=False)
    DATABASES["replica"]["OPTIONS"]["connect_timeout"] = "2"
DATABASE_ROUTERS = ["mdo.kernel.replica.Router"]
MDO_REPLICA_LAG_S = ENVIRONMENT.replica_lag_s

# Shared by all processes and independent of Redis: sign-in limits must hold, and signing in must work, while Redis is away.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# --- live -------------------------------------------------------------------------------------------------------------------------
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [redis_servers.channel_host(MDO_REDIS_URL)],
            "prefix": f"{MDO_REDIS_PREFIX}.channels",
        },
    }
}

# --- jobs -------------------------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = redis_servers.broker_url(MDO_REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "global_keyprefix": f"{MDO_REDIS_PREFIX}.celery.",
    "socket_connect_timeout": 5,
    "health_check_interval": 30,
    **redis_servers.broker_options(MDO_REDIS_URL),
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
# The interval's own length as `expires`: while no worker runs, ticks do not pile up. The work itself is rows, so none is lost.
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {"task": "mdo.health.heartbeat", "schedule": 10.0, "options": {"expires": 10}},
    "seal": {"task": "mdo.kernel.tasks.seal", "schedule": 1.0, "options": {"expires": 1}},
    "sweep": {"task": "meetings.tasks.sweep", "schedule": 10.0, "options": {"expires": 10}},
    "hand_over": {"task": "meetings.tasks.hand_over", "schedule": 10.0, "options": {"expires": 10}},
}

# The access log goes on to a collector of the hospital (mdo/kernel/forwarding.py), where there is one.
MDO_ACCESS_LOG_SYSLOG = ENVIRONMENT.syslog
if MDO_ACCESS_LOG_SYSLOG:
    CELERY_BEAT_SCHEDULE["forward"] = {
        "task": "mdo.kernel.tasks.forward",
        "schedule": 1.0,
        "options": {"expires": 1},
    }

# --- mail -------------------------------------------------------------------------------------------------------------------------
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = ENVIRONMENT.mail.host
EMAIL_PORT = ENVIRONMENT.mail.port
EMAIL_HOST_USER = ENVIRONMENT.mail.user
EMAIL_HOST_PASSWORD = ENVIRONMENT.mail.password
EMAIL_USE_TLS = ENVIRONMENT.mail.starttls
EMAIL_USE_SSL = ENVIRONMENT.mail.tls
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = ENVIRONMENT.email_from
SERVER_EMAIL = ENVIRONMENT.email_from

# --- picture and sound --------------------------------------------------------------------------------------------------------------
MDO_TURN = ENVIRONMENT.turn_list
MDO_TURN_SECRET = ENVIRONMENT.turn_secret
MDO_LIVEKIT = ENVIRONMENT.livekit_list
MDO_LIVEKIT_API = ENVIRONMENT.livekit_api_list
MDO_LIVEKIT_KEY = ENVIRONMENT.livekit_key
MDO_LIVEKIT_SECRET = ENVIRONMENT.livekit_secret

# A class that sends text messages (mdo/kernel/sms.py), or nothing.
# Whether looking back from a case shows what was decided for others whose tumour is alike.
MDO_SIMILAR_CASES = ENVIRONMENT.similar_cases
# The virus scanner that looks at files (cases/scanning.py), or nothing.
MDO_CLAMAV = ENVIRONMENT.scanner
# Where `mdo hl7` listens.
MDO_HL7_HOST = ENVIRONMENT.hl7_host
MDO_HL7_PORT = ENVIRONMENT.hl7_port
MDO_SMS = ENVIRONMENT.sms
# To whom reports are sent by other ways than mail, and where files for other programs are laid down (meetings/delivering/).
MDO_DELIVERY_HOSTS = ENVIRONMENT.delivery_host_list
MDO_HANDOVER = ENVIRONMENT.handover_folder

# --- language and time ------------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("nl", _("Dutch")), ("fr", _("French")), ("de", _("German")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "mdo_language"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Brussels"

# --- front end --------------------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "frontend" / "dist"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "files": {"BACKEND": "mdo.objects.ObjectStorage" if MDO_S3 else "mdo.kernel.storage.EncryptedStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
DJANGO_VITE = {
    "default": {
        "dev_mode": False,
        "manifest_path": BASE_DIR / "frontend" / "dist" / "manifest.json",
    }
}


# Vite puts a hash into the name of everything below assets/: such a file never changes.
def WHITENOISE_IMMUTABLE_FILE_TEST(path: str, url: str) -> bool:  # noqa: N802
    return url.startswith("/static/assets/")


# What Prometheus sends to read /metrics; empty: the address does not exist.
MDO_METRICS_TOKEN = ENVIRONMENT.metrics_token
# Where spans go (mdo/kernel/tracing.py), or nothing.
MDO_TRACES = ENVIRONMENT.traces

# --- what is written down ---------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"()": "mdo.logs.PlainFormatter"}, "json": {"()": "mdo.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": ENVIRONMENT.log_format}},
    "root": {"handlers": ["stderr"], "level": ENVIRONMENT.log_level},
    "loggers": {
        # Would write statements with their parameters.
        "django.db.backends": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "django.server": {"handlers": [], "propagate": True},
        "django.utils.autoreload": {"level": "INFO"},
        "mail.log": {"level": "WARNING"},
        "amqp": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        # One line for each task, every second: nothing to learn from.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
# The default logger of failed requests sends mail to ADMINS: never, a traceback could hold care content.
ADMINS: list[tuple[str, str]] = []
