"""What this machine cannot hold is refused from its costs, before it is built."""

from __future__ import annotations

import resource

import pytest

from proxy_tasks import room
from search_space import catalog
from search_space.errors import UserError
from search_space.scales import Scale

BACKBONE = catalog.load("spinenet-49")


@pytest.mark.parametrize(
    "scale",
    [Scale(1e9), Scale(1e300), Scale(endpoint_filters=10**9), Scale(aspp_filters=10**9)],
)
def test_weights_of_terabytes_are_refused(scale: Scale) -> None:
    with pytest.raises(UserError, match=r"parameters: holding it .* this machine has") as caught:
        room.check_room(BACKBONE, scale, 19, (64, 96))
    assert len(str(caught.value)) < 300


def test_what_could_not_even_be_counted_is_refused() -> None:
    for scale in (Scale(repeats=10**9), Scale(filters=float("inf"))):
        with pytest.raises(UserError):
            room.check_room(BACKBONE, scale, 19, (64, 96))


def test_a_batch_and_classes_beyond_the_memory_are_refused() -> None:
    room.check_room(BACKBONE, Scale(0.25), 19, (64, 96), batch=8)
    with pytest.raises(UserError, match="training it by 1000000 images"):
        room.check_room(BACKBONE, Scale(0.25), 19, (512, 512), batch=10**6)
    with pytest.raises(UserError, match="its answer"):
        room.check_room(BACKBONE, Scale(0.25), 10**7, (512, 1024))


def test_a_limit_of_the_shell_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (10**9, resource.RLIM_INFINITY))
    assert room.memory() == 10**9
