"""The errors a person is meant to read."""


class LabError(Exception):
    """Something a person can mend: what happened, why, what to do; one or two plain sentences, no jargon.

    Pages show the text as it is; the command line prints it and leaves with exit code 1. Whoever raises it has left
    database and disk as they were.
    """


class NotNowError(LabError):
    """It did not go now and may go later by itself: the same may be tried again."""
