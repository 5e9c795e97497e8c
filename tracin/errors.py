"""The one exception meant for the user."""


class TracInError(Exception):
    """Something the user can put right: the message says what is wrong, where, and what to do.

    Scripts print it on stderr and exit with ``status``, without a traceback.
    """

    status = 1
