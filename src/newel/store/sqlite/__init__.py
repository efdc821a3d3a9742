"""The embedded store: one SQLite file in WAL mode, one writer thread with group commit, reads inline.

A write is an `operations` object in the queue of the `writer` thread, which hands a batch's turns to `journal_writer`
(a few many-row statements) and settles the callers' futures after the commit. Reads (`journal_reader`, `catalog`) run
on a connection of their own, which sees what is committed.
"""

from newel.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
