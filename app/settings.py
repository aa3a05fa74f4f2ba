"""Every setting of the service, read from the environment; README's table is made from this class."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """A setting that cannot be used; its text is one line for a person and names the environment variable."""


class Settings(BaseSettings):
    """Settings of the process; each field's alias is the environment variable it is read from."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    host: Annotated[str, Field(validation_alias="HOST", description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(validation_alias="PORT", ge=1, le=65535, description="Port to listen on.")] = 8000
    workers: Annotated[
        int, Field(validation_alias="PO_REGISTRY_WORKERS", ge=1, le=64, description="Worker processes of `serve`.")
    ] = 1
    database_url: Annotated[
        SecretStr | None,
        Field(
            validation_alias="DATABASE_URL",
            description="Postgres 15 to 18, as `postgresql://user:password@host:5432/name`. Several hosts with "
            "`target_session_attrs=read-write` work. Without it the embedded Postgres is started.",
        ),
    ] = None
    database_replica_url: Annotated[
        SecretStr | None,
        Field(
            validation_alias="DATABASE_REPLICA_URL",
            description="A Postgres that follows that of DATABASE_URL, written alike. Lists, look-ups by papers and "
            "exports read it, a moment late; verdicts, keys and whatever a write rests on never do. While it is out of "
            "reach they read the primary.",
        ),
    ] = None
    database_pool_size: Annotated[
        int,
        Field(
            validation_alias="DATABASE_POOL_SIZE",
            ge=1,
            le=200,
            description="Connections a worker process keeps open; the gate has a third as many of its own besides, and "
            "four more serve the process itself.",
        ),
    ] = 10
    database_statement_cache_size: Annotated[
        int,
        Field(
            validation_alias="DATABASE_STATEMENT_CACHE_SIZE",
            ge=0,
            le=10_000,
            description="Prepared statements kept per connection; 0 behind PgBouncer in transaction mode.",
        ),
    ] = 500
    database_timeout: Annotated[
        float,
        Field(
            validation_alias="DATABASE_TIMEOUT",
            gt=0,
            le=10,
            description="Seconds after which an attempt to connect, or a look-up of a key or of a number at the gate, "
            "is given up and answered 503. Once the database is gone, no answer takes much longer than twice that.",
        ),
    ] = 0.9
    look_ups_per_hour: Annotated[
        int,
        Field(
            validation_alias="LOOK_UPS_PER_HOUR",
            ge=1,
            le=1_000_000_000,
            description="Numbers of orders that do not name it which an organisation may look up within an hour.",
        ),
    ] = 1_200
    look_ups_per_hour_at_a_gate: Annotated[
        int,
        Field(
            validation_alias="LOOK_UPS_PER_HOUR_AT_A_GATE",
            ge=1,
            le=1_000_000_000,
            description="The same for an organisation that has met an order of its own within a day.",
        ),
    ] = 12_000
    gate_checks_kept: Annotated[
        int,
        Field(
            validation_alias="KEEP_GATE_CHECKS_DAYS",
            ge=1,
            le=36_500,
            description="Days for which checks at gates stay in the timelines of their orders. What happened to an "
            "order itself is never removed.",
        ),
    ] = 400
    imports_kept: Annotated[
        int,
        Field(
            validation_alias="KEEP_IMPORTS_DAYS",
            ge=1,
            le=36_500,
            description="Days after its end for which an import, and what became of each document of it, can be read.",
        ),
    ] = 90
    feeds_kept: Annotated[
        int,
        Field(
            validation_alias="KEEP_FEEDS_DAYS",
            ge=1,
            le=36_500,
            description="Days for which feeds keep events. What happened to an order stays in its own timeline.",
        ),
    ] = 90
    data_directory: Annotated[
        Path,
        Field(
            validation_alias="PO_REGISTRY_DATA_DIR",
            description="Directory of the embedded Postgres and of `admin.key`.",
        ),
    ] = Path(".data")
    metrics_port: Annotated[
        int | None,
        Field(
            validation_alias="METRICS_PORT",
            ge=1,
            le=65535,
            description="Serve `/metrics` on this port of its own, without a key, and no longer on the main port. "
            "Without it `/metrics` asks for a key with the scope `admin`.",
        ),
    ] = None
    metrics_host: Annotated[str, Field(validation_alias="METRICS_HOST", description="Address of the metrics port.")] = (
        "127.0.0.1"
    )
    log_level: Annotated[
        str,
        Field(
            validation_alias="LOG_LEVEL",
            pattern="^(debug|info|warning|error)$",
            description="Least level that is logged: `debug`, `info`, `warning` or `error`.",
        ),
    ] = "info"
    shutdown_timeout: Annotated[
        int,
        Field(
            validation_alias="SHUTDOWN_TIMEOUT",
            ge=0,
            le=600,
            description="Seconds that requests under way have to finish after SIGTERM.",
        ),
    ] = 20
    background_work: Annotated[
        bool,
        Field(
            validation_alias="BACKGROUND_WORK",
            description="Run background work inside `serve`; `false` where `po-registry worker` runs apart.",
        ),
    ] = True

    webhook_internal_hosts: Annotated[
        str | None,
        Field(
            validation_alias="WEBHOOK_INTERNAL_HOSTS",
            description="Hosts with commas, `erp.internal,10.1.2.3`, to which webhooks are sent although their "
            "addresses are internal, and without TLS where a URL says `http`. To all others they are sent by `https`, "
            "and to public addresses only.",
        ),
    ] = None
    webhook_timeout: Annotated[
        float,
        Field(
            validation_alias="WEBHOOK_TIMEOUT",
            gt=0,
            le=60,
            description="Seconds that an attempt to deliver a webhook may take.",
        ),
    ] = 15
    webhook_deliveries_kept: Annotated[
        int,
        Field(
            validation_alias="KEEP_WEBHOOK_DELIVERIES_DAYS",
            ge=1,
            le=36_500,
            description="Days for which deliveries of webhooks are kept, with what was sent and answered; those that "
            "are still to be made are kept until they are.",
        ),
    ] = 30
    webhook_secrets_keys: Annotated[
        SecretStr | None,
        Field(
            validation_alias="WEBHOOK_SECRETS_KEYS",
            description="Keys under which the secrets of webhooks are kept encrypted in the database, with commas: "
            "the first encrypts, all decrypt (Fernet: 32 random bytes in URL-safe Base64). Without it they are kept "
            "readable.",
        ),
    ] = None

    @property
    def webhook_keys(self) -> list[str]:
        """The keys of WEBHOOK_SECRETS_KEYS, the first of which encrypts."""
        return [] if self.webhook_secrets_keys is None else _keys(self.webhook_secrets_keys)

    @property
    def internal_hosts(self) -> frozenset[str]:
        """The hosts of WEBHOOK_INTERNAL_HOSTS, as a URL has them."""
        return frozenset(
            host.strip().lower().strip("[]") for host in (self.webhook_internal_hosts or "").split(",")
        ) - {""}

    @field_validator("database_url", "database_replica_url")
    @classmethod
    def _is_a_postgres_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            try:
                scheme = urlsplit(url.get_secret_value()).scheme
            except ValueError:
                scheme = ""
            if scheme not in {"postgresql", "postgres"}:
                # The message must not repeat the URL, and with it the password.
                raise ValueError("is not a Postgres URL such as postgresql://user:password@host:5432/name")
        return url

    @field_validator("webhook_secrets_keys")
    @classmethod
    def _are_fernet_keys(cls, keys: SecretStr | None) -> SecretStr | None:
        for key in [] if keys is None else _keys(keys):
            try:
                Fernet(key)
            except ValueError:
                # The message must not repeat the key.
                raise ValueError("holds what is no key: each is 32 bytes in URL-safe Base64") from None
        return keys

    @model_validator(mode="after")
    def _metrics_have_a_port_of_their_own(self) -> Self:
        if self.metrics_port == self.port:
            raise ValueError("METRICS_PORT is the same as PORT")
        return self


def _keys(given: SecretStr) -> list[str]:
    return [key.strip() for key in given.get_secret_value().split(",") if key.strip()]


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises SettingsError whose one line names each variable that cannot be used, and never its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        # The alias stands in `loc`; inputs stay out of the message because some of them are secrets.
        faults = [
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}".lstrip(": ") for fault in error.errors()
        ]
        raise SettingsError(f"Cannot start, bad settings: {'; '.join(faults)}") from None
