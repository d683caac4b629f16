"""Passwords stay in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from nas import config as configs
from nas.config import Config
from nas.runs import ledgers
from nas.runs.directory import RunDirectory
from nas.settings import storage_url
from search_space.errors import UserError


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hush@host/runs",
        "postgresql://me:hu@sh@host/runs",
        "postgresql://me:hu#sh?@host/runs",
        "postgresql://me:hush${PGX}@host/runs",
        "postgresql://host/runs?user=me&password=hush",
        "mysql+pymysql://me:hush@host/runs",
    ],
)
def test_a_password_in_a_config_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UserError, match=r"write \$\{PGPASSWORD\} in its place") as caught:
        configs.load("quickstart", [f"storage={url!r}"])
    assert "hu" not in str(caught.value)
    assert "sh@" not in str(caught.value)


def test_a_password_is_not_repeated_where_the_value_has_a_wrong_type() -> None:
    with pytest.raises(
        UserError, match=r"storage must be a string or null, not .*me:\*\*\*@host"
    ) as caught:
        configs.load("quickstart", ["storage={url: 'postgresql://me:hush@host/runs'}"])
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "HOME", "PGP_KEY", "MYNAS_X", "pg"])
@pytest.mark.parametrize("url", ["postgresql://${%s}@host/runs", "sqlite:////x/${%s}", "${%s}"])
def test_no_variable_is_filled_in_that_is_not_meant_for_it(url: str, name: str) -> None:
    with pytest.raises(UserError, match=rf"storage: .*{name}.* is not filled in"):
        configs.load("quickstart", [f"storage={url % name}"])
    with pytest.raises(UserError, match="is not filled in"):
        storage_url.expanded(url % name, {name: "s3cret"})


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ledger.db", "must be a URL"),
        ("sqlite:///ledger.db", "by its whole path"),
        ("sqlite://", "by its whole path"),
    ],
)
def test_a_storage_that_would_not_be_found_again_is_refused(url: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        configs.load("quickstart", [f"storage={url}"])


def test_the_password_comes_from_the_environment_whatever_it_is_made_of() -> None:
    url = "postgresql://me:${PGPASSWORD}@${PGHOST}/runs"
    environment = {"PGPASSWORD": "a@b:/%#", "PGHOST": "db.example.org:5433"}
    found = make_url(storage_url.expanded(url, environment))
    assert (found.username, found.password) == ("me", "a@b:/%#")
    assert (found.host, found.port) == ("db.example.org", 5433)
    whole = storage_url.expanded("${NAS_URL}", {"NAS_URL": "postgresql://me:a%40b@host/runs"})
    assert make_url(whole).password == "a@b"
    with pytest.raises(UserError, match="the variable PGPASSWORD is not set; export PGPASSWORD="):
        storage_url.expanded(url, {"PGHOST": "x"})


def test_config_yaml_keeps_the_variable_and_the_run_is_found_in_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_PLACE", str(tmp_path / "runs.db"))
    config = Config(storage="sqlite:///${NAS_PLACE}")
    ledgers.check_free("first", config)
    run = RunDirectory.create(tmp_path / "first", config)
    assert "storage: sqlite:///${NAS_PLACE}\n" in run.config_file.read_text()
    with pytest.raises(UserError, match="no ledger there"):
        ledgers.resume(run, config, (), {})  # never from zero unseen
    ledgers.make(run, config, (), {}).close()
    with ledgers.resume(run, config, (), {}) as ledger:
        assert ledger.name == "first"
    assert ledgers.trials(run) == []
    assert not run.ledger.exists()
    with pytest.raises(UserError, match="first: the storage has a run of this name already"):
        ledgers.check_free("first", config)
    ledgers.check_free("second", config)
