"""Settings: priority of the sources, and that nothing misunderstood is passed over."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from annotator.errors import SettingsError
from annotator.settings import SETTINGS, load_settings

ROOT = Path(__file__).resolve().parents[2]


def test_priority_default_file_environment_flag(tmp_path: Path) -> None:
    assert load_settings(tmp_path, environ={}).port == 5000
    (tmp_path / "config.toml").write_text("port = 6000\ncookie_secure = true\n")
    assert load_settings(tmp_path, environ={}).port == 6000
    assert load_settings(tmp_path, environ={}).cookie_secure is True
    assert load_settings(tmp_path, environ={"ANNOTATOR_PORT": "7000"}).port == 7000
    assert load_settings(tmp_path, {"port": 8000}, environ={"ANNOTATOR_PORT": "7000"}).port == 8000


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"ANNOTATOR_PROT": "1"}, ["ANNOTATOR_PROT"]),
        ({"ANNOTATOR_PORT": "many"}, ["ANNOTATOR_PORT", "'many'"]),
        ({"ANNOTATOR_PORT": "0"}, ["port", "one or more"]),
        ({"ANNOTATOR_DEMO": "perhaps"}, ["demo", "true or false"]),
        ({"ANNOTATOR_LEASE_SECONDS": "-1"}, ["lease_seconds", "above zero"]),
        ({"SECRET_KEY_FILE": "/nowhere/key"}, ["SECRET_KEY_FILE", "/nowhere/key"]),
    ],
)
def test_what_is_not_understood_in_the_environment_stops_start_up(
    tmp_path: Path, environ: dict[str, str], names: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, environ=environ)
    assert all(name in caught.value.message for name in names)


@pytest.mark.parametrize("command", ["doctor", "run"])
def test_a_command_names_it_in_one_line(tmp_path: Path, command: str) -> None:
    environ = {**os.environ, "ANNOTATOR_INSTANCE": str(tmp_path), "ANNOTATOR_PROT": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "flask", command],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: environment: unknown setting ANNOTATOR_PROT")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["prot = 1", "port = 'many'", "port = ", "[section]\nport = 1", "port = 1.5"]
)
def test_what_is_not_understood_in_the_file_stops_start_up(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, environ={})
    assert "config.toml" in caught.value.message


def test_secrets_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    assert (
        load_settings(tmp_path, environ={"SECRET_KEY_FILE": str(tmp_path / "key")}).secret_key
        == "from a file"
    )
    assert (
        load_settings(tmp_path, environ={"DATABASE_URL": "postgresql://x"}).database_url == "postgresql://x"
    )


def test_a_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = load_settings(tmp_path, environ={}).secret_key
    assert len(first) == 64
    assert load_settings(tmp_path, environ={}).secret_key == first
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_settings_are_frozen_and_local_defaults_lie_in_the_instance(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, environ={})
    with pytest.raises(AttributeError):
        settings.port = 1
    with pytest.raises(AttributeError):
        _ = settings.colour
    assert settings.database_url == f"sqlite:///{tmp_path}/annotator.db"
    assert set(settings) == {setting.name for setting in SETTINGS}


def test_every_setting_is_documented() -> None:
    text = Path("docs/admin.md").read_text(encoding="utf-8")
    missing = [setting.name for setting in SETTINGS if f"`{setting.name}`" not in text]
    assert not missing
    assert all(setting.help.endswith(".") for setting in SETTINGS)
