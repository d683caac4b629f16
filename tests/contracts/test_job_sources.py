"""Every source of jobs: each under a number of its own, each end told, nothing paid for twice."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from rich.console import Console

from nas.config import BudgetConfig
from nas.controllers.random import RandomSearch
from nas.engines import ray_loggers
from nas.engines.base import Crash, JobSource, Trouble
from nas.engines.retries import ATTEMPTS, BugError
from nas.engines.sizing import Sized, Sizing
from nas.parts.baselines import Baseline
from nas.runs.directory import RunDirectory
from nas.runs.learnt import Truth
from nas.searching import promotion
from nas.searching.pretraining import PretrainingQueue
from nas.searching.promotion import PromotionQueue, Subject
from nas.searching.search import Search
from nas.terminal.pretraining import PretrainingProgress
from nas.terminal.progress import Board, PromotionProgress, SearchProgress
from proxy_tasks.task import Failure, Fidelity, Job, Measurement
from results.ledger import Ledger
from results.trial import Trial
from search_space import catalog
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from tests.support.implementations import implementations
from tests.support.tasks import KeyTask

SPACE = ScalePermutedSpace(stages=((3, 1), (4, 1)), output_levels=(3,), max_level=4)
FIDELITY = Fidelity(epochs=2, size=(32, 32), scale=Scale())
SPINENET = catalog.load("spinenet-49")
COUNT = 4
"""Jobs of every source here."""
LOST = Crash(Trouble.LOST, "the worker was lost")


@dataclass
class Made:
    """A source, and what people were told of it. Made anew in its folder, it is resumed."""

    source: JobSource
    text: io.StringIO
    epochs: Callable[[], int]
    """How many epochs are known of all jobs, beside the last of each."""

    def take(self) -> Job:
        job = self.source.next()
        assert job is not None
        return job

    def end(self, job: Job) -> None:
        """As an engine does: every epoch but the last is progress."""
        *before, last = KeyTask().score(job)
        for each in before:
            self.source.progress(job, each)
        self.source.finish(job, last)

    def rest(self) -> list[Job]:
        """Every job to come, each ended before the next is asked for."""
        jobs = []
        while not self.source.done:
            jobs.append(self.take())
            self.end(jobs[-1])
        return jobs

    def endings(self) -> list[str]:
        """Names of those whose end was told, in its order."""
        lines = [line for line in self.text.getvalue().splitlines() if "epoch " not in line]
        return [line.split()[0] for line in lines if "runs again" not in line]


@contextmanager
def search(folder: Path) -> Iterator[Made]:
    path, text = folder / "ledger.journal", io.StringIO()
    opened = Ledger.open(path) if path.exists() else Ledger.create(path, "run", SPACE.genes, {})
    with opened as ledger:
        known = ledger.trials()
        progress = SearchProgress(Board(Console(file=text, width=200)), COUNT - 1, known)
        budget, baselines = BudgetConfig(trials=COUNT - 1), (Baseline("spinenet-49", SPINENET),)
        parts = (SPACE, RandomSearch(SPACE, 0), ledger, FIDELITY, baselines, budget, progress)
        yield Made(Search(*parts), text, lambda: sum(map(_epochs, ledger.trials())))


def _epochs(trial: Trial) -> int:
    return len(trial.measurement.curve) - 1 if trial.measurement else 0


@contextmanager
def sized(folder: Path) -> Iterator[Made]:
    with search(folder) as made:
        sizing = Sizing(0.5, 0, lambda job: 1)
        yield replace(made, source=Sized(made.source, sizing))


@contextmanager
def followed(folder: Path) -> Iterator[Made]:
    with search(folder) as made:
        yield Made(ray_loggers.Followed(made.source, []), made.text, made.epochs)


@contextmanager
def promoting(folder: Path) -> Iterator[Made]:
    subjects = Subject("spinenet-49", SPINENET, "key", trial=7).seeded(0, COUNT)
    run, text = RunDirectory(folder), io.StringIO()
    promotion.prepare(run, subjects, {}, resume=True)
    jobs = promotion.jobs(subjects, FIDELITY)
    progress = PromotionProgress(Board(Console(file=text, width=200)), jobs)
    queue = PromotionQueue(run, subjects, FIDELITY, {}, progress, Truth())
    yield Made(queue, text, lambda: text.getvalue().count("epoch "))


@contextmanager
def pretraining(folder: Path) -> Iterator[Made]:
    text, numbers = io.StringIO(), range(COUNT)
    jobs = [Job(number, f"pretrained-{number}", SPINENET, FIDELITY) for number in numbers]
    progress = PretrainingProgress(Board(Console(file=text, width=200)))
    queue = PretrainingQueue(jobs, progress)
    yield Made(queue, text, lambda: text.getvalue().count("epoch "))


SOURCES = {
    "search": search,
    "sized": sized,
    "followed": followed,
    "promotion": promoting,
    "pretraining": pretraining,
}
Opens = Callable[[], Made]


@pytest.fixture(params=SOURCES)
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opens]:
    """Opens the source; again, after whatever it knew is gone but for its files."""
    with ExitStack() as held:

        def opened() -> Made:
            held.close()
            return held.enter_context(SOURCES[request.param](tmp_path))

        yield opened


def test_every_source_is_held_to_this_suite(tmp_path: Path) -> None:
    kinds = set()
    for name, source in SOURCES.items():
        (tmp_path / name).mkdir()
        with source(tmp_path / name) as made:
            kinds.add(f"{type(made.source).__module__}.{type(made.source).__name__}")
    assert implementations("next", "progress", "finish", "done") == kinds


def test_every_job_has_a_number_and_a_plain_name_of_its_own(opens: Opens) -> None:
    jobs = opens().rest()
    assert len({job.number for job in jobs}) == len({job.name for job in jobs}) == COUNT
    assert all(re.fullmatch(r"\w[\w.+-]*", job.name) for job in jobs)
    assert {job.fidelity for job in jobs} == {FIDELITY}


def test_jobs_that_are_out_at_once_are_others_and_may_end_in_any_order(opens: Opens) -> None:
    made = opens()
    jobs = [made.take() for _ in range(COUNT)]
    assert len({job.number for job in jobs}) == COUNT
    for left, job in enumerate(reversed(jobs)):
        assert made.source.next() is None
        assert not made.source.done, f"{COUNT - left} are out"
        made.end(job)
    assert made.source.done
    assert made.source.next() is None


def test_every_epoch_counts_and_every_end_is_told_once_in_its_order(opens: Opens) -> None:
    made = opens()
    names = [job.name for job in made.rest()]
    assert made.endings() == names
    assert made.epochs() == COUNT * (FIDELITY.epochs - 1)


def test_a_lost_job_comes_again_as_it_was_and_is_given_up_after_three(opens: Opens) -> None:
    made = opens()
    first = made.take()
    for _ in range(ATTEMPTS - 1):
        made.source.finish(first, LOST)
        assert not made.source.done
        assert first.name not in made.endings()
        again = made.take()
        while again.number != first.number:  # others may come first
            made.end(again)
            again = made.take()
        assert again == first
    made.source.finish(first, LOST)
    assert made.endings()[-1] == first.name
    assert first.number not in {job.number for job in made.rest()}
    assert len(made.endings()) == COUNT


def test_the_same_exception_three_times_ends_the_run_whatever_the_jobs(opens: Opens) -> None:
    made = opens()
    bug = Crash(Trouble.BUG, "ZeroDivisionError", "a traceback")
    for _ in range(ATTEMPTS - 1):
        made.source.finish(made.take(), bug)
    with pytest.raises(BugError, match="a traceback"):
        made.source.finish(made.take(), bug)


def test_a_failure_of_the_network_is_an_end(opens: Opens) -> None:
    made = opens()
    first = made.take()
    made.source.finish(first, Measurement(1, 10, 5, 0.1, failure=Failure.DIVERGED))
    assert made.endings() == [first.name]
    assert first.number not in {job.number for job in made.rest()}


@pytest.mark.parametrize("ended", range(COUNT))
def test_a_resumed_source_goes_on_under_the_same_numbers(opens: Opens, ended: int) -> None:
    """What ended comes again, if at all, as the very job that its files are of."""
    made = opens()
    before = [made.take() for _ in range(ended)]
    for job in before:
        made.end(job)
    in_flight = made.take()
    resumed = opens().rest()
    assert in_flight in resumed
    assert [job for job in resumed if job.number < in_flight.number] in ([], before)
    assert {job.number for job in [*before, *resumed]} == set(range(COUNT))


def test_a_source_that_is_done_has_nothing_left_but_what_its_files_answer(opens: Opens) -> None:
    jobs = opens().rest()
    assert opens().rest() in ([], jobs)
