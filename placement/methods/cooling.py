"""How a search by ruin and recreate cools: slowly, and to nothing when its time or work is over."""


class Cooling:
    """Temperatures of an annealing, turn by turn.

    A search that cools slowly ends lower than one that is warmed and cooled in every turn. How
    slowly it can cool follows from how many steps there is time for, as far as is known before each
    turn; where that is more than `most`, from work alone.

    Parameters
    ----------
    warmth : float
        The first temperature [$].
    most : int
        The most steps.
    """

    def __init__(self, warmth: float, most: int) -> None:
        self._warmth, self._most, self._done = warmth, most, 0

    @property
    def over(self) -> bool:
        """Whether all steps are made."""
        return self._done >= self._most

    def turn(self, steps: int, affordable: float) -> tuple[int, float, float]:
        """How many steps come next, of so many, and their first and last temperature.

        Parameters
        ----------
        steps : int
            Those of a whole turn.
        affordable : float
            How many more there is time for.
        """
        left = max(1.0, min(self._most - self._done, affordable))
        total, now = self._done + left, int(min(steps, left))
        first = self._warmth * left / total
        self._done += now
        return now, first, first * (1.0 - now / left)
