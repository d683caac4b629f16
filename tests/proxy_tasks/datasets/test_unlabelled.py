"""Images without labels are trained on behind the others, with every pixel void."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.datasets.soft_packing import pack_soft
from proxy_tasks.datasets.unlabelled import WithUnlabelled
from proxy_tasks.distillation import Lessons
from proxy_tasks.proxy import TrainingTask, _Run
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity, Job
from search_space import catalog
from search_space.errors import UserError
from search_space.scales import Scale
from tests.support.arrays import Arrays, Pair
from tests.support.taught import Colours

SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)


def pair(seed: int) -> Pair:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (32, 40, 3), np.uint8), rng.integers(0, 2, (32, 40), np.uint8)


@pytest.fixture
def data(tmp_path: Path) -> WithUnlabelled:
    torch.set_num_threads(1)
    for name in ("b/2.png", "b/deeper/1.png", "a/1.png", "a/.hidden.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pair(len(name))[0]).save(path)
    (tmp_path / "a" / "notes.txt").write_text("no image")
    labelled = Arrays([pair(n) for n in range(4)], [pair(9)], ("dark", "bright"))
    return WithUnlabelled(labelled, (tmp_path / "b", tmp_path / "a"))


def test_they_come_behind_the_labelled_ones_of_train_alone(data: WithUnlabelled) -> None:
    assert (data.count("train"), data.count("val"), data.count("test")) == (7, 1, 0)
    for number in range(4):
        assert np.array_equal(data.load("train", number)[0], pair(number)[0])
    for number in range(4, 7):
        image, labels = data.load("train", number)
        assert image.shape == (32, 40, 3)
        assert (labels == IGNORE).all()
    assert [path.name for path in data.files] == ["2.png", "1.png", "1.png"]
    assert len({data.image_name("train", number) for number in range(7)}) == 7
    assert list(data.digests()) == [
        "unlabelled/0/2.png", "unlabelled/0/deeper/1.png", "unlabelled/1/1.png",
    ]  # fmt: skip


def test_what_they_hold_counts_and_where_they_lie_does_not(
    data: WithUnlabelled, tmp_path: Path
) -> None:
    before = data.fingerprint("train")
    assert before != data.labelled.fingerprint("train")
    assert data.fingerprint("val") == data.labelled.fingerprint("val")
    (tmp_path / "a").rename(tmp_path / "moved")
    folders = tmp_path / "b", tmp_path / "moved"
    assert WithUnlabelled(data.labelled, folders).fingerprint("train") == before
    Image.fromarray(pair(50)[0]).save(tmp_path / "b" / "2.png")
    assert WithUnlabelled(data.labelled, folders).fingerprint("train") != before


def test_folders_and_images_that_do_not_fit_get_a_line(
    data: WithUnlabelled, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"no folder .*none"):
        WithUnlabelled(data.labelled, (tmp_path / "none",))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"data\.unlabelled: .*empty holds no images"):
        WithUnlabelled(data.labelled, (tmp_path / "empty",))
    Image.fromarray(pair(0)[0].astype(np.uint16)[..., 0]).save(tmp_path / "a" / "deep.png")
    deep = WithUnlabelled(data.labelled, (tmp_path / "a",))
    with pytest.raises(UserError, match=r"deep\.png has 3 channels of 16 bits"):
        [deep.load("train", number) for number in range(deep.count("train"))]


@pytest.mark.parametrize(("share", "folds"), [(1.0, 1), (0.5, 1), (1.0, 2), (1.0, 0)])
def test_they_join_each_training_by_their_share(
    data: WithUnlabelled, tmp_path: Path, share: float, folds: int
) -> None:
    if folds > 1:
        pairs = [pair(n) for n in range(4)]
        labelled = Arrays(pairs, pairs, ("dark", "bright"), (0, 1, 0, 1))
        data = WithUnlabelled(labelled, data.folders)
    packed = pack(data, Sight(factor=1), tmp_path / "cache")
    assert open_packed(packed).unlabelled == 3
    soft = pack_soft(data, packed, Colours(2), "colours")
    task = TrainingTask(packed, Recipe(batch_size=2, rare=0.3), 0, "cpu", lessons=Lessons(soft))
    fidelity = Fidelity(1, (32, 32), SCALE, share=share, folds=folds)
    job = Job(0, "n", catalog.load("spinenet-49"), fidelity)
    run = _Run(task, job, open_packed(packed), torch.device("cpu"))
    wanted = {(1.0, 1): range(7), (0.5, 1): (0, 1, 4, 5), (1.0, 2): (1, 3, 4, 5, 6)}
    assert run._chosen(0) == list(wanted.get((share, folds), range(7)))
    last = list(task.score(job))[-1]
    assert last.failure is None
    assert (last.miou is None) == (folds == 0)
