"""DNS for outgoing requests, in threads of its own: names that hang delay no other work of the server."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

#: Look-ups at a time. A look-up takes milliseconds or hangs; an answer is remembered for some seconds.
_THREADS: Final = 16


class SystemResolver(AbstractResolver):
    """What the system says."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(_THREADS, "newel-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError for a name that has no address."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._executor, _look_up, host, port, family)
        return [fixed(host, address, port, kind) for kind, address in found]

    async def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


class FixedResolver(AbstractResolver):
    """Every name is at one address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        kind = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        return [fixed(host, self._address, port, kind)]

    async def close(self) -> None:
        pass


def fixed(host: str, address: str, port: int, family: int) -> ResolveResult:
    """A look-up's answer in aiohttp's form."""
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)


def _look_up(host: str, port: int, family: int) -> list[tuple[int, str]]:
    infos = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    return [(info[0], str(info[4][0])) for info in infos]
