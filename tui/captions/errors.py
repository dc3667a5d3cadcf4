"""The root of all errors that are told to the user."""


class CapttyError(Exception):
    """Something captty could not do; the message is one sentence: what, why, what to try."""
