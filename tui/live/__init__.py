"""A live session: source, spool, connection, transcript and journal on a thread of their own."""
