"""Ctrl-C and SIGTERM, by real signals to a real process: once, and a second time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from nas.failures import Interrupted, ending_at_the_second, interruptible

PROGRAM = """
import time
from nas.cli import _fail
from nas.failures import RunFailed, interruptible, shielded

def say(word):
    print(word, flush=True)

def books():
    with shielded():
        say("writing")
        time.sleep({books})
        say("written")

try:
    with interruptible("nas search --resume"):
        try:
            books()
            time.sleep(600)
        finally:
            say("leaving")
            time.sleep({leaving})
except RunFailed as error:
    _fail(str(error), 1)
"""

Begin = Callable[[float, float], "subprocess.Popen[str]"]


@pytest.fixture
def begin():
    begun: list[subprocess.Popen[str]] = []

    def begin(books: float, leaving: float) -> subprocess.Popen[str]:
        """A driver whose books take so many seconds to write, and its end so many."""
        program = PROGRAM.format(books=books, leaving=leaving)
        begun.append(
            subprocess.Popen(
                [sys.executable, "-c", program],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # A shell that runs the tests in its background has them ignore Ctrl-C.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        )
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def hear(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_the_books_are_written_and_the_run_can_be_resumed(
    begin: Begin, number: signal.Signals
) -> None:
    driver = begin(1.0, 0.0)
    hear(driver, "writing")
    driver.send_signal(number)
    out, error = driver.communicate(timeout=60)
    assert out.split() == ["written", "leaving"]
    assert error == "nas: interrupted; continue with `nas search --resume`\n"
    assert driver.returncode == 1


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_one_ends_a_driver_that_takes_its_time_at_once(
    begin: Begin, second: signal.Signals
) -> None:
    driver = begin(0.0, 600.0)
    for word in ("writing", "written"):
        hear(driver, word)
    driver.send_signal(signal.SIGINT)
    hear(driver, "leaving")
    driver.send_signal(second)
    began = time.monotonic()
    _, error = driver.communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert (driver.returncode, error) == (128 + second, "nas: ended at once\n")


def test_a_second_one_ends_a_driver_whose_books_hang_at_once(begin: Begin) -> None:
    driver = begin(600.0, 0.0)
    hear(driver, "writing")
    driver.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert driver.poll() is None
    driver.send_signal(signal.SIGINT)
    out, error = driver.communicate(timeout=60)
    assert (driver.returncode, out, error) == (130, "", "nas: ended at once\n")


def test_a_signal_while_ray_begins_waits_until_it_has_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from nas.engines import ray_start

    said: list[str] = []

    def init(**options: object) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))  # as Ray does
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.2)
        said.append("begun")

    def search() -> None:
        ray_start.begin()
        said.append("trained")

    monkeypatch.setattr(ray_start.ray, "init", init)
    with pytest.raises(Interrupted), interruptible("nas search --resume"):
        search()
    assert said == ["begun"]


GOODBYE = """
import atexit, sys, time
from nas.failures import ending_at_the_second

def goodbye():
    print("goodbye", flush=True)
    time.sleep(600)

with ending_at_the_second():
    atexit.register(goodbye)
    try:
        print("here", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        sys.exit(1)
"""


def test_a_second_one_ends_a_command_that_says_goodbye_at_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GOODBYE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        for word in ("here", "goodbye"):
            hear(process, word)
            process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "nas: ended at once\n")


def test_a_command_that_nobody_interrupts_leaves_the_signals_as_they_were() -> None:
    # In the background of a shell this process would ignore it, as nohup's do.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with ending_at_the_second():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_within_another_command_that_one_goes_on() -> None:
    """As where a search promotes its best."""
    with (
        pytest.raises(Interrupted, match="continue with `nas search --run R --resume`"),
        interruptible("nas search --run R --resume"),
        interruptible("nas promote R --resume"),
    ):
        raise KeyboardInterrupt
