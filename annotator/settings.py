"""Every setting of the product in one table.

Priority: default < `instance/config.toml` < environment < flags. A name or value that is not understood stops start-up:
a misspelt setting that is silently ignored is worse than a server that does not start.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotator.errors import SettingsError

PREFIX = "ANNOTATOR_"
INSTANCE_VARIABLE = "ANNOTATOR_INSTANCE"


def _text(value: str) -> str:
    return value


def _level(value: str) -> str:
    if value not in ("debug", "info", "warning", "error"):
        raise ValueError("expected debug, info, warning or error")
    return value


def _precision(value: str) -> str:
    if value not in ("", "exact", "fast"):
        raise ValueError("expected exact, fast or nothing")
    return value


def _form(value: str) -> str:
    if value not in ("float16", "int8"):
        raise ValueError("expected float16 or int8")
    return value


def _boolean(value: str) -> bool:
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    try:
        return words[value.strip().lower()]
    except KeyError:
        raise ValueError("expected true or false") from None


def _natural(value: str) -> int:
    number = int(value)
    if number < 0:
        raise ValueError("expected a whole number, zero or more")
    return number


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise ValueError("expected a whole number, one or more")
    return number


def _seconds(value: str) -> float:
    number = float(value)
    if not 0 < number < 1e9:
        raise ValueError("expected a number of seconds above zero")
    return number


@dataclass(frozen=True)
class Setting:
    """One row of the table. `env` is the environment variable; `default` has the parsed type."""

    name: str
    default: Any
    help: str
    parser: Callable[[str], Any]
    env: str


def _row(name: str, default: Any, parser: Callable[[str], Any], help: str, env: str | None = None) -> Setting:
    return Setting(name, default, help, parser, env or PREFIX + name.upper())


SETTINGS: tuple[Setting, ...] = (
    _row(
        "database_url",
        "",
        _text,
        "Database: empty (annotator.db in the instance folder), sqlite:///path or a postgresql:// address.",
        "DATABASE_URL",
    ),
    _row(
        "queue_url",
        "",
        _text,
        "Wake-up channel of the job workers: empty (in process), sqlite:///path, a redis:// or postgresql:// address.",
        "QUEUE_URL",
    ),
    _row(
        "storage_url",
        "",
        _text,
        "Where blobs live: empty (instance/blobs), a folder, or any fsspec address.",
        "STORAGE_URL",
    ),
    _row(
        "secret_key",
        "",
        _text,
        "Signs sessions; empty means a key made on first run in instance/secret_key.",
        "SECRET_KEY",
    ),
    _row("host", "127.0.0.1", _text, "Address that `flask start` listens on."),
    _row("port", 5000, _positive, "Port that `flask start` listens on."),
    _row("server_threads", 8, _positive, "Requests that `flask start` serves at once."),
    _row(
        "trusted_proxies", 0, _natural, "Reverse proxies in front whose X-Forwarded-* headers are believed."
    ),
    _row("cookie_secure", False, _boolean, "Send cookies over HTTPS only; switch on behind TLS."),
    _row("session_days", 14, _positive, "Days without a visit after which a person must sign in again."),
    _row("link_hours", 24, _positive, "Hours for which a one-time sign-in link works."),
    _row("sign_in_limit", "10 per minute", _text, "Sign-in attempts allowed per address."),
    _row("print_link", False, _boolean, "Print a one-time administrator link when `flask run` starts."),
    _row("demo", True, _boolean, "Let `flask start` make the demo project on its first run."),
    _row("log_level", "info", _level, "debug, info, warning or error."),
    _row("vendor_dir", "", _text, "Folder of the npm packages; empty means node_modules beside app.py."),
    _row("max_request_bytes", 2 * 2**30, _positive, "Largest request body, in bytes."),
    _row("max_file_bytes", 512 * 2**20, _positive, "Largest single upload, in bytes."),
    _row("max_files", 500, _positive, "Files in one upload request."),
    _row("max_image_side", 30_000, _positive, "Longest image side, in pixels."),
    _row(
        "max_image_pixels",
        200_000_000,
        _positive,
        "Most pixels an image may have; checked before it is decoded.",
    ),
    _row("thumbnail_side", 320, _positive, "Longest thumbnail side, in pixels."),
    _row(
        "embedding_form",
        "float16",
        _form,
        "How new embeddings are stored and sent: float16, or int8 at half the size and a small loss.",
    ),
    _row(
        "crop_cache_bytes",
        2 * 2**30,
        _positive,
        "Room for the embeddings of closer looks, in bytes; beyond it the oldest ones go.",
    ),
    _row(
        "embedded_worker",
        True,
        _boolean,
        "Run jobs inside the serving process; off when `flask worker` runs.",
    ),
    _row(
        "worker_threads",
        0,
        _natural,
        "Threads of the model in a worker; 0 means one less than there are cores, at least one.",
    ),
    _row(
        "precision",
        "",
        _precision,
        "How embeddings are computed: exact (float32), fast (bfloat16); empty means fast where the processor has "
        "it and a measurement of the model agrees.",
    ),
    _row("worker_poll_seconds", 2.0, _seconds, "How often a worker that was not woken looks for jobs."),
    _row(
        "lease_seconds",
        30.0,
        _seconds,
        "A job whose worker gives no sign of life for so long is given to another.",
    ),
    _row("heartbeat_seconds", 5.0, _seconds, "How often a worker gives a sign of life."),
)


class Settings(Mapping[str, Any]):
    """Frozen name → value mapping; every name is also an attribute. `instance` is the instance folder."""

    def __init__(self, instance: Path, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "instance", instance)
        object.__setattr__(self, "_values", dict(values))

    instance: Path
    _values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"there is no setting {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("settings are frozen; change config.toml or the environment and restart")

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def instance_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of everything local: `$ANNOTATOR_INSTANCE`, else ./instance."""
    return Path(environ.get(INSTANCE_VARIABLE) or "instance").absolute()


def load_settings(
    instance: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Read all sources. `overrides` are flags: already parsed values, or text.

    Raises SettingsError naming the source, the value and what was expected.
    """
    instance = instance_folder(environ) if instance is None else Path(instance).absolute()
    values = {setting.name: setting.default for setting in SETTINGS}
    values.update(_from_file(instance / "config.toml"))
    values.update(_from_environment(environ))
    for name, value in (overrides or {}).items():
        values[name] = _parse(_by_name(name, "flag"), value, "flag")
    _fill_local_defaults(instance, values)
    return Settings(instance, values)


def _by_name(name: str, source: str) -> Setting:
    for setting in SETTINGS:
        if setting.name == name:
            return setting
    known = ", ".join(setting.name for setting in SETTINGS)
    raise SettingsError(
        f"{source}: unknown setting {name!r}. Known: {known}", code="unknown_setting", field=name
    )


def _parse(setting: Setting, value: Any, source: str) -> Any:
    # TOML and flags bring typed values; their text form goes through the same parser as the environment's.
    text = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        return setting.parser(text)
    except ValueError as error:
        message = f"{source}: {setting.name} = {text!r} cannot be used: {error}. {setting.help}"
        raise SettingsError(message, code="bad_setting", field=setting.name) from None


def _from_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}", code="bad_setting") from None
    return {name: _parse(_by_name(name, str(path)), value, str(path)) for name, value in table.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    by_variable = {setting.env: setting for setting in SETTINGS}
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        setting = by_variable.get(variable)
        if setting is None and variable.endswith("_FILE"):
            setting = by_variable.get(variable.removesuffix("_FILE"))
            if setting is not None:
                text = _secret_from_file(variable, text)
        if setting is not None:
            values[setting.name] = _parse(setting, text, variable)
        elif variable.startswith(PREFIX) and variable != INSTANCE_VARIABLE:
            raise SettingsError(
                f"environment: unknown setting {variable}; see docs/admin.md for the list",
                code="unknown_setting",
                field=variable,
            )
    return values


def _secret_from_file(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{variable} = {path!r} cannot be read: {error}", code="bad_setting", field=variable
        ) from None


def _fill_local_defaults(instance: Path, values: dict[str, Any]) -> None:
    instance.mkdir(parents=True, exist_ok=True)
    values["database_url"] = values["database_url"] or f"sqlite:///{instance / 'annotator.db'}"
    values["storage_url"] = values["storage_url"] or str(instance / "blobs")
    values["vendor_dir"] = values["vendor_dir"] or str(
        Path(__file__).resolve().parent.parent / "node_modules"
    )
    values["secret_key"] = values["secret_key"] or _local_secret_key(instance / "secret_key")


def _local_secret_key(path: Path) -> str:
    """The key in `path`, made on first use; only the owner may read it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path.read_text(encoding="ascii").strip()
