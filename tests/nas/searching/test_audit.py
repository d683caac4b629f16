"""``nas audit``: the same architectures in every leg, resumed like a search, told to searches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from nas import cli, config
from nas.failures import RunFailed
from nas.runs import audited
from nas.runs.audited import AuditRecord
from nas.searching import audit
from nas.searching.audit import PROXY, REFERENCE, Plan
from proxy_tasks.task import Measurement
from results.audit import Audited, judge
from results.ledger import Ledger
from results.trial import Trial
from search_space.errors import UserError
from tests.support.runs import arguments

SMALL = {
    "audit.architectures": "3",
    "audit.longer": "2",
    "audit.grid": "[{epochs: 2, recipe: {learning_rate: 0.001}}]",
    "engine.name": "inline",
}


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["nas", *words])
    try:
        cli.main()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    return 0


def trials(leg: Path) -> list[Trial]:
    with Ledger.open(leg, read_only=True) as ledger:
        return ledger.trials()


def verdict_of(scores_N: list[float], spread: float = 0.01):  # type: ignore[no-untyped-def]
    proxy = np.array([scores_N, scores_N[::-1]]) * spread
    keys = tuple(map(str, range(len(scores_N))))
    return judge(Audited(keys, proxy, np.array([scores_N]), 1.0, 6.0), resamples=100)


def record(loaded: config.Config, data: str, spread: float = 0.01) -> AuditRecord:
    verdict = verdict_of([1.0, 2.0, 3.0, 5.0], spread)
    return AuditRecord.of(loaded, data, {PROXY: {"miou": verdict, "loss": verdict}})


def test_an_audit_trains_the_same_architectures_in_every_leg_and_a_search_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "runs" / "audit"
    settings = arguments(tmp_path / "cache", **SMALL)
    assert run(["audit", "--grid", "--run", str(folder), *settings], monkeypatch) == 0
    said = capsys.readouterr().out
    legs = {path.stem: trials(path) for path in (folder / "legs").iterdir()}
    assert set(legs) == {
        "proxy-seed0", "proxy-seed1", "reference-seed2",
        "epochs=2_recipe.learning_rate=0.001-seed0", "epochs=2_recipe.learning_rate=0.001-seed1",
    }  # fmt: skip
    assert len({tuple(trial.key for trial in leg) for leg in legs.values()}) == 1
    first, second = legs["proxy-seed0"], legs["proxy-seed1"]
    assert all(a.score != b.score for a, b in zip(first, second, strict=True))
    epochs = {name.split("-")[0]: leg[0].measurement.epochs for name, leg in legs.items()}  # type: ignore[union-attr]
    assert (epochs["proxy"], epochs["reference"]) == (1, 2)
    kept = AuditRecord.load(folder / "audit.yaml")
    assert list(kept.verdicts) == [PROXY, "epochs=2 recipe.learning_rate=0.001"]
    assert (
        f"A difference between two trials is real above {kept.verdict('miou').real_difference:.3g}"
        in said
    )
    assert {path.name for path in folder.glob("*.*g")} == {
        "audit.svg", "audit.png", "grid.svg", "grid.png",
    }  # fmt: skip

    (folder / "legs" / "reference-seed2.journal").unlink()  # as if it had never got there
    assert run(["audit", "--run", str(folder), "--resume"], monkeypatch) == 0
    assert AuditRecord.load(folder / "audit.yaml").verdict("miou").tau == kept.verdict("miou").tau

    searched = tmp_path / "runs" / "search"
    words = ["search", "--engine", "inline", "--trials", "2", "--run", str(searched)]
    capsys.readouterr()
    assert run([*words, *settings, "--set", "baselines=[]"], monkeypatch) == 0
    told = capsys.readouterr().out
    assert f"audited in {folder}, by mIoU:" in told
    assert "≈" in told
    assert run(["status", str(searched)], monkeypatch) == 0
    assert "≈" in capsys.readouterr().out


def test_the_reference_has_seeds_that_no_proxy_has() -> None:
    loaded = config.load("quickstart", ["audit.seeds=3", "audit.references=2", "audit.longer=5"])
    legs = Plan.of(loaded, grid=False).legs()
    assert [(label, seed) for label, _, seed in legs] == [
        (PROXY, 0), (PROXY, 1), (PROXY, 2), (REFERENCE, 3), (REFERENCE, 4),
    ]  # fmt: skip
    assert legs[-1][1] == loaded.proxy.model_copy(update={"epochs": 5 * loaded.proxy.epochs})
    given = config.load("quickstart", ["audit.reference={epochs: 7, size: [64, 64]}"])
    assert Plan.of(given, grid=False).reference.size == (64, 64)


def test_a_grid_entry_that_makes_no_proxy_is_refused_by_its_key() -> None:
    loaded = config.load("quickstart", ["audit.grid=[{epoch: 3}]"])
    with pytest.raises(UserError, match=r"audit.grid: epoch=3: epoch: unknown key; did you mean"):
        Plan.of(loaded, grid=True)
    assert set(Plan.of(loaded, grid=False).fidelities) == {PROXY}


def test_only_architectures_that_every_leg_scored_are_compared() -> None:
    def leg(**mious: float) -> audit.Leg:
        return {k: Measurement(1, 1, 1, 2.0, miou=v, loss=1 - v) for k, v in mious.items()}

    proxies, reference = (
        [leg(a=0.1, b=0.2, c=0.3, d=0.4), leg(a=0.2, b=0.1, c=0.4)],
        leg(d=0.9, c=0.8, b=0.7, a=0.6),
    )
    found = audit.audited(proxies, [reference, leg(a=0.0, b=0.1, c=0.2)], "loss")
    assert found.keys == ("c", "b", "a")
    np.testing.assert_allclose(found.proxy_SN, [[-0.7, -0.8, -0.9], [-0.6, -0.9, -0.8]])
    np.testing.assert_allclose(found.reference_TN, [[0.8, 0.7, 0.6], [0.2, 0.1, 0.0]])  # the mIoU
    np.testing.assert_allclose(found.reference_N, [0.5, 0.4, 0.3])
    with pytest.raises(
        RunFailed, match="2 architectures were trained at every fidelity; at least 3 are needed"
    ):
        audit.audited(proxies, [leg(a=0.1, b=0.2)], "miou")


def test_an_audit_is_found_for_the_proxy_that_it_was_made_of_and_no_other(tmp_path: Path) -> None:
    data, loaded = "1234", config.load("quickstart")
    record(loaded, data).save(tmp_path)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "audit.yaml").write_text("format: something/else\n")
    folders = [broken, tmp_path / "nowhere", tmp_path]

    def found(*settings: str, data: str = data) -> bool:
        changed = config.load("quickstart", settings)
        return audited.find(changed, data, folders) is not None

    assert found()
    assert found("proxy.score=loss", "controller.name=random", "promotion.epochs=3", "seed=5")
    assert not found("proxy.epochs=5")
    assert not found("space.dilations=[1]")
    assert not found(data="9999")


CAMVID = "9bd9eeb93b676ff9"
"""Identity of CamVid's usual split at the preset's size."""


def test_the_camvid_preset_comes_with_the_audit_of_its_own_proxy() -> None:
    preset = config.load("camvid", ["data.root=DIR"])
    found = audited.find(preset, CAMVID, audited.published())
    assert found is not None
    assert found[1].verdict(preset.proxy.score).architectures == 24


def test_a_record_survives_being_written_and_a_broken_one_is_named(tmp_path: Path) -> None:
    loaded = config.load("quickstart")
    path = record(loaded, "x").save(tmp_path)
    assert AuditRecord.load(path) == record(loaded, "x")
    values = yaml.safe_load(path.read_text())
    del values["verdicts"][PROXY]["miou"]["tau"]
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=r"audit\.yaml: is not an audit's record"):
        AuditRecord.load(path)
    assert audited.noise(tmp_path, loaded) is None
