"""One traversal of a definition's JSON, for everything that looks at more than one state.

It visits what has the right shape and steps over the rest, so it works on definitions that are still wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from newel.json import Json


class Container(msgspec.Struct, frozen=True):
    """An object with StartAt and States: the machine, a branch or an item processor.

    `location` is AWS's, empty for the machine. `distributed` marks the processor of a distributed Map, whose states run
    in executions of their own. `parent` is the container around.
    """

    node: dict[str, Json]
    location: str
    parent: Container | None = None
    distributed: bool = False

    @property
    def states(self) -> Iterator[StateAt]:
        states = self.node.get("States")
        if isinstance(states, dict):
            for name, node in states.items():
                if isinstance(node, dict):
                    yield StateAt(name, node, f"{self.location}/States/{name}", self)


class StateAt(msgspec.Struct, frozen=True):
    """A state and where it stands."""

    name: str
    node: dict[str, Json]
    location: str
    container: Container

    @property
    def nested(self) -> Iterator[Container]:
        """The containers inside this state."""
        branches = self.node.get("Branches")
        if isinstance(branches, list):
            for n, branch in enumerate(branches):
                if isinstance(branch, dict):
                    yield Container(branch, f"{self.location}/Branches[{n}]", self.container)
        for field in ("ItemProcessor", "Iterator"):
            processor = self.node.get(field)
            if isinstance(processor, dict):
                yield Container(
                    processor, f"{self.location}/{field}", self.container, processor_mode(processor) == "DISTRIBUTED"
                )

    @property
    def transitions(self) -> Iterator[tuple[str, str]]:
        """(location, target) of Next, Default, Choices and Catch, in that order."""
        for field in ("Next", "Default"):
            target = self.node.get(field)
            if isinstance(target, str):
                yield f"{self.location}/{field}", target
        for field in ("Choices", "Catch"):
            rules = self.node.get(field)
            for n, rule in enumerate(rules if isinstance(rules, list) else ()):
                if isinstance(rule, dict) and isinstance(rule.get("Next"), str):
                    yield f"{self.location}/{field}[{n}]/Next", rule["Next"]

    @property
    def is_terminal(self) -> bool:
        return self.node.get("End") is True or self.node.get("Type") in ("Succeed", "Fail")


def processor_mode(processor: dict[str, Json]) -> str:
    """`INLINE` or `DISTRIBUTED`."""
    config = processor.get("ProcessorConfig")
    return "DISTRIBUTED" if isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED" else "INLINE"


def containers_of(definition: dict[str, Json]) -> Iterator[Container]:
    """The machine and every container in it, each before those inside it."""
    pending = [Container(definition, "")]
    while pending:
        container = pending.pop()
        yield container
        inner = [nested for state in container.states for nested in state.nested]
        pending.extend(reversed(inner))


def states_of(definition: dict[str, Json]) -> Iterator[StateAt]:
    """Every state, each container's own before those nested in them."""
    for container in containers_of(definition):
        yield from container.states
