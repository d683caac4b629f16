"""Random streams by name: every draw is derived from the run's seed, none from global state."""

from __future__ import annotations

import hashlib


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on every part and on their order.

    ``derive_seed(run_seed, "data", epoch)`` is the same in every process and on every machine.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
