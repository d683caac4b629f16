"""The one error that the command line turns into one line and exit code 2."""


class UserError(ValueError):
    """A mistake in what the user gave: a file, a value, a folder.

    The message says what is wrong, where, and what to write instead, in one line.
    """
