"""The imperative shell: turns, dispatch after commit, timers, recovery, callbacks."""
