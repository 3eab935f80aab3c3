"""Workers for tests of pieces: in this process, one after the other."""

from placement.distributed.piecework import solve_piece


class Inline:
    """Solves every piece at once; those of `lost` are never heard of again."""

    def __init__(self, size=2, lost=()):
        self.size, self.lost = size, set(lost)
        self.interrupted, self.trouble = False, None

    def run(self, tasks, last):
        """Solve the tasks in turn."""
        del last
        for number, task in enumerate(tasks):
            if number in self.lost:
                self.trouble = "it was lost"
            else:
                yield number, solve_piece(task)
