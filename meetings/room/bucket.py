"""How much one connection may say in a time: the one token bucket of the room."""

from time import monotonic


class Bucket:
    """How much may pass: ``burst`` at once, ``per_second`` for long."""

    def __init__(self, burst: float, per_second: float) -> None:
        self.burst, self.per_second = burst, per_second
        self.left, self.at = burst, monotonic()

    def take(self, much: float = 1) -> bool:
        """Whether so much may pass now. What may not pass takes nothing."""
        at = monotonic()
        self.left = min(self.burst, self.left + (at - self.at) * self.per_second)
        self.at = at
        if self.left < much:
            return False
        self.left -= much
        return True
