"""What runs inside function processes: the spawner, the Python bootstrap and the Node bootstrap.

These files import nothing of Newel and work on any Python from 3.9 on: they run under the function's interpreter.
"""
