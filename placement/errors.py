"""The exception tree.

PlacementError
├── InputError            what was given cannot be read or makes no sense
│   ├── InvalidInstance
│   └── InvalidSolution
├── EngineError           an engine is missing, refused the model or crashed
└── DefectError           one of our methods broke its promise: please report it
"""


class PlacementError(Exception):
    """Root of all errors raised on purpose by this package."""


class InputError(PlacementError):
    """Bad input; the message is one sentence with the field, the entity and what would be right."""


class InvalidInstance(InputError):
    """The instance breaks its format (`placement-instance/1`)."""


class InvalidSolution(InputError):
    """The solution breaks its format (`placement-solution/1`) or names unknown entities."""


class EngineError(PlacementError):
    """A solver engine is missing, refused the model or crashed."""


class DefectError(PlacementError):
    """A method returned an answer that is not feasible or a bound that is not valid."""
