"""Which networks ``nas promote`` trains, baselines of the catalogue too, and what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.commands.promote import _chosen
from nas.config import Config, PromotionConfig
from nas.runs.directory import RunDirectory
from nas.runs.promotion_records import Promotion, over_seeds
from nas.searching.promotion import Subject, jobs, prepare, settings
from proxy_tasks.task import Fidelity, Measurement
from results.trial import Trial, TrialState
from search_space import architecture_file, catalog
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.scales import Scale
from tests.support.runs import arguments, nas_here

SPINENET = catalog.load("spinenet-49")


def trial(number: int, miou: float, kind: str = "candidate", name: str | None = None) -> Trial:
    measured = Measurement(1, 1, 1, 1.0, miou=miou, score=miou)
    known = (number, name or f"trial-{number:04d}", kind, SPINENET, f"key {number}")
    return Trial(*known, None, TrialState.COMPLETE, measured)


TRIALS = [trial(0, 0.9, "baseline", "spinenet-49"), trial(1, 0.1), trial(2, 0.3), trial(3, 0.2)]


@pytest.mark.parametrize(
    ("count", "numbers", "baselines", "expected"),
    [
        (None, (), (), ["trial-0002"]),
        (2, (), (), ["trial-0002", "trial-0003"]),
        (None, (1, 0), (), ["trial-0001", "spinenet-49"]),
        (None, (), ("deeplabv3-resnet-50-os16",), ["deeplabv3-resnet-50-os16"]),
        (1, (), ("spinenet-49",), ["trial-0002", "spinenet-49"]),
        (None, (0,), ("spinenet-49", "spinenet-49"), ["spinenet-49"]),
    ],
)
def test_each_network_that_is_named_is_trained_once(count, numbers, baselines, expected) -> None:
    assert [s.name for s in _chosen(Config(), TRIALS, count, numbers, baselines)] == expected


def test_a_baseline_that_the_search_scored_keeps_its_trial() -> None:
    (scored,) = _chosen(Config(), TRIALS, None, (), ("spinenet-49",))
    assert (scored.trial, scored.proxy_miou, scored.key) == (0, 0.9, "key 0")
    (other,) = _chosen(Config(), TRIALS[1:], None, (), ("spinenet-49",))
    assert (other.trial, other.proxy_miou) == (None, None)
    assert other.key == canonical_key(SPINENET)


def test_a_name_that_the_catalogue_lacks_is_refused() -> None:
    with pytest.raises(UserError, match="the catalogue has no 'resnet'"):
        _chosen(Config(), TRIALS, None, (), ("resnet",))


def test_jobs_have_different_numbers_whatever_they_come_from() -> None:
    fidelity = Fidelity(1, (32, 48), Scale())
    subjects = [
        Subject.of_trial(TRIALS[1]),
        Subject.of_network("spinenet-49", catalog.load("spinenet-49")),
    ]
    made = jobs(subjects, fidelity)
    assert [job.name for job in made] == ["trial-0001", "spinenet-49"]
    assert len({job.number for job in made}) == 2


def test_every_seed_is_a_training_of_its_own_and_says_which() -> None:
    one = Subject.of_trial(TRIALS[1])
    made = jobs(one.seeded(7, 3), Fidelity(1, (32, 48), Scale()))
    told = [("trial-0001", 7), ("trial-0001-seed8", 8), ("trial-0001-seed9", 9)]
    assert [(job.name, job.seed) for job in made] == told
    assert {job.backbone for job in made} == {SPINENET}


def test_a_label_is_part_of_the_name_before_the_seed() -> None:
    one = Subject.of_trial(TRIALS[1]).labelled("x0.5")
    assert [each.name for each in one.seeded(0, 2)] == ["trial-0001-x0.5", "trial-0001-x0.5-seed1"]
    assert (one.trial, one.key) == (1, Subject.of_trial(TRIALS[1]).key)


@pytest.mark.parametrize("label", ["", "..", "a/b", "-x", "a b", "é"])
def test_a_label_that_is_no_folder_name_is_refused(label: str) -> None:
    with pytest.raises(UserError, match=r"--label .*: write letters, digits, '\.', '_' and '-'"):
        Subject.of_trial(TRIALS[1]).labelled(label)


def promoted(name: str, key: str, miou: float | None, epochs: int = 5) -> Promotion:
    last = Measurement(epochs, 1, 1, 1.0, miou=miou)
    settings = {"epochs": epochs}
    return Promotion(name, 1, key, 0, None, miou, 1, last, None, None, settings)


def test_trainings_that_only_the_seed_tells_apart_are_one_network() -> None:
    found = over_seeds(
        [
            promoted("b-seed1", "b", 0.3), promoted("a", "a", 0.42), promoted("b", "b", 0.5),
            promoted("b-longer", "b", 0.45, epochs=9), promoted("c", "c", None),
        ]
    )  # fmt: skip
    assert [(each.name, each.count) for each in found] == [("b-longer", 1), ("a", 1), ("b", 2)]
    assert found[-1].miou == pytest.approx(0.4)
    assert found[-1].deviation == pytest.approx(0.02**0.5)
    assert found[0].deviation is None


def test_a_baseline_is_trained_as_the_winner_is_and_its_evaluation_is_listed(tmp_path) -> None:
    run = tmp_path / "run"
    inline = ("--set", "engine.name=inline")
    small = arguments(tmp_path / "cache", baselines="[]", promotion__epochs="1")
    done = nas_here("search", "--engine", "inline", "--trials", "1", "--run", str(run), *small)
    assert done.returncode == 0, done.stderr
    name = "deeplabv3-resnet-50-os16"
    words = ("--top", "1", "--baseline", name, "--seeds", "2")
    done = nas_here("promote", str(run), *words, *inline)
    assert done.returncode == 0, done.stderr
    assert "over seeds" in done.stdout
    records = {
        each: json.loads((run / "promotions" / each / "promotion.json").read_text())
        for each in ("trial-0000", "trial-0000-seed1", name)
    }
    assert records["trial-0000"]["digest"] != records["trial-0000-seed1"]["digest"]
    assert (records["trial-0000"]["seed"], records["trial-0000-seed1"]["seed"]) == (0, 1)
    assert records[name]["settings"] == records["trial-0000"]["settings"]
    assert (records[name]["trial"], records["trial-0000"]["trial"]) == (None, 0)
    assert records[name]["key"] == canonical_key(catalog.load(name))
    done = nas_here("promote", str(run), "--baseline", name, *inline)
    assert done.returncode == 2
    assert "exists already; give --resume" in done.stderr
    for words in ([], ["--scales", "0.5", "1.0", "--flip"]):
        done = nas_here("evaluate", str(run / "promotions" / name), *words)
        assert done.returncode == 0, done.stderr
    (run / "promotions/trial-0000/evaluation.yaml").write_bytes(
        (run / "promotions" / name / "evaluation.yaml").read_bytes()  # of other weights
    )
    listed = json.loads(nas_here("status", str(run), "--json").stdout)
    assert {p["name"]: p["trial"] for p in listed["promotions"]} == {
        "trial-0000": 0, "trial-0000-seed1": 0, name: None, f"{name}-seed1": None,
    }  # fmt: skip
    assert [each["name"] for each in listed["evaluations"]] == [name, name]
    single, several = (each["scores"]["miou"] for each in listed["evaluations"])
    assert single == pytest.approx(records[name]["miou"], abs=2e-3)
    assert listed["evaluations"][1]["views"]["scales"] == [0.5, 1.0]
    assert 0 < several < 1
    told = listed["promotions"][0]
    assert len(told["class_iou"]) == 11
    assert told["test_miou"] is None  # scenes have no test part
    text = nas_here("status", str(run)).stdout
    assert "scales" in text
    assert "IoU % by class" in text
    assert nas_here("export", str(run), "-o", str(tmp_path / "out")).returncode == 0
    exports_what_is_named(run, tmp_path)


def exports_what_is_named(run: Path, folder: Path) -> None:
    """A promotion by its folder: another seed of a trial, and a baseline that was never scored."""
    for name, trial in (("trial-0000-seed1", 0), ("deeplabv3-resnet-50-os16", None)):
        promotion, out = run / "promotions" / name, folder / name
        assert nas_here("export", str(promotion), "-o", str(out)).returncode == 0
        record = json.loads((promotion / "promotion.json").read_text())
        provenance = architecture_file.load_spec(out / "architecture.yaml").provenance
        assert provenance["weights_sha256"] == record["digest"]
        assert provenance["trial"] == trial
        assert provenance["scores"]["promoted_miou"] == record["miou"]
        assert provenance["scores"]["macs"] == record["last"]["macs"]
    done = nas_here("export", str(promotion), "--trial", "best", "-o", str(out))
    assert (done.returncode, "is a promotion; leave it out" in done.stderr) == (2, True)


def test_weights_are_held_to_by_their_digest_wherever_they_lie(tmp_path: Path) -> None:
    first, moved, other = (tmp_path / name for name in ("first.pth", "moved.pth", "other.pth"))
    first.write_bytes(b"weights")
    moved.write_bytes(b"weights")
    other.write_bytes(b"others")
    run, subject = RunDirectory(tmp_path / "run"), Subject("spinenet-49", SPINENET, "key")
    run.promotions.mkdir(parents=True)
    used, same, changed = (settings(PromotionConfig(weights=f)) for f in (first, moved, other))
    without = settings(PromotionConfig())
    assert "weights" not in without
    prepare(run, [subject], used, resume=False)
    prepare(run, [subject], same, resume=True)
    for wanted in (changed, without):
        with pytest.raises(UserError, match=r"other settings \(weights\)"):
            prepare(run, [subject], wanted, resume=True)
    with pytest.raises(UserError, match=r"^promotion\.weights: .*gone\.pth: No such file"):
        settings(PromotionConfig(weights=tmp_path / "gone.pth"))


def test_a_promotion_without_weights_is_not_resumed_with_some(tmp_path: Path) -> None:
    (tmp_path / "first.pth").write_bytes(b"weights")
    run, subject = RunDirectory(tmp_path / "run"), Subject("spinenet-49", SPINENET, "key")
    run.promotions.mkdir(parents=True)
    prepare(run, [subject], settings(PromotionConfig()), resume=False)
    wanted = settings(PromotionConfig(weights=tmp_path / "first.pth"))
    with pytest.raises(UserError, match=r"other settings \(weights\)"):
        prepare(run, [subject], wanted, resume=True)
