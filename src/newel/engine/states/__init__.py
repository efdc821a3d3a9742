"""One module per state type; `HANDLERS` is the dispatch table of the interpreter."""

from typing import Final

from newel.engine.states.choice import ChoiceHandler
from newel.engine.states.map_ import MapHandler
from newel.engine.states.parallel import ParallelHandler
from newel.engine.states.pass_ import PassHandler
from newel.engine.states.task import TaskHandler
from newel.engine.states.terminal import FailHandler, SucceedHandler
from newel.engine.states.wait import WaitHandler
from newel.engine.turn import Handler

HANDLERS: Final[dict[str, Handler]] = {
    "Pass": PassHandler(),
    "Task": TaskHandler(),
    "Choice": ChoiceHandler(),
    "Wait": WaitHandler(),
    "Succeed": SucceedHandler(),
    "Fail": FailHandler(),
    "Parallel": ParallelHandler(),
    "Map": MapHandler(),
}
