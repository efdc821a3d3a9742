"""Console blocks of a Markdown page as commands with what they should print."""

import re
import subprocess
from dataclasses import dataclass

MARK = "\x1e"


@dataclass(frozen=True, slots=True)
class Step:
    """One command. `expected` is literal text; `...` stands for anything."""

    command: str
    expected: str

    def matches(self, output: str) -> bool:
        pattern = re.escape(self.expected.rstrip()).replace(re.escape("..."), ".*?")
        return re.fullmatch(pattern, output.rstrip(), re.DOTALL) is not None


def steps(markdown: str) -> list[Step]:
    """`$ ` begins a command, `> ` goes on with it, anything else is what it prints."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", markdown, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            more = next((n for n, line in enumerate(lines) if n and not line.startswith(">")), len(lines))
            command = [lines[0], *(line[2:] for line in lines[1:more])]
            found.append(Step("\n".join(command), "\n".join(lines[more:])))
    return found


def run(given: list[Step], **options) -> list[tuple[Step, int, str]]:
    """All commands in one shell, so that variables last: each with its exit code and what it printed."""
    script = "".join(f"{step.command}\nprintf '{MARK}%d{MARK}' $?\n" for step in given)
    done = subprocess.run(
        ["bash"], input=script, text=True, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )
    parts = done.stdout.split(MARK)[:-1]
    return [(step, int(code), output) for step, output, code in zip(given, parts[::2], parts[1::2], strict=True)]
