"""What to do with a job that crashed: once more, or stop."""

from __future__ import annotations

from collections import Counter

from nas.engines.base import Crash, Trouble
from nas.failures import RunFailed

ATTEMPTS = 3
IN_A_ROW = 5
"""Jobs given up with no outcome between them: then it is the machines, and the search stops."""


class BugError(RunFailed):
    """The same exception came three times: no machine's fault. The message has the traceback."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(f"{crash.traceback}\nthe same exception three times: {crash.error}")


class InputError(RunFailed):
    """A file that every training needs cannot be used, three times: a person has to see to it."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(f"{crash.error}; put that right, then go on with --resume")


class MachinesError(RunFailed):
    """One job after the other is given up on: going on would use up the budget for nothing."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(
            f"{IN_A_ROW} trainings in a row were given up on, the last as {crash.error};"
            " see to the machines, then go on with --resume"
        )


class Retries:
    """Counts crashes: of lost and hung workers and full disks by job, of what was raised by its
    message. A job that ran out of memory while sharing comes again as often as its share grows."""

    def __init__(self) -> None:
        self._lost: Counter[int] = Counter()
        self._raised: Counter[str] = Counter()
        self._given_up = 0

    def again(self, number: int, crash: Crash) -> bool:
        """Whether to run the job once more: False after its third lost or hung worker, or full
        disk.

        Raises:
            BugError: at the third exception of the same message, whatever the job.
            InputError: likewise of what a person can put right.
            MachinesError: when one job after the other is given up on.
        """
        if crash.trouble is Trouble.CROWDED:
            return True
        if crash.trouble in (Trouble.BUG, Trouble.INPUT):
            self._raised[crash.error] += 1
            if self._raised[crash.error] >= ATTEMPTS:
                raise BugError(crash) if crash.trouble is Trouble.BUG else InputError(crash)
            return True
        self._lost[number] += 1
        if self._lost[number] < ATTEMPTS:
            return True
        self._given_up += 1
        if self._given_up >= IN_A_ROW:
            raise MachinesError(crash)
        return False

    def worked(self) -> None:
        """A job had an outcome: the machines are well."""
        self._given_up = 0
