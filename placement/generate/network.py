"""A network: everything but the demand."""

from dataclasses import dataclass, replace

from placement.generate.draw import Ints, stream
from placement.generate.fleet import Fleet, Operators, make_fleet, make_operators
from placement.generate.models import Zoo, make_zoo
from placement.generate.shape import Shape


@dataclass(frozen=True, slots=True)
class Network:
    """Operators, nodes and models; `groups` are the control groups of the nodes."""

    shape: Shape
    fleet: Fleet
    operators: Operators
    groups: Ints
    zoo: Zoo


def make_network(shape: Shape, seed: int) -> Network:
    """Draw operators, nodes and models."""
    rng = stream(seed, "fleet")
    fleet = make_fleet(shape, rng)
    operators = make_operators(shape, fleet, rng)
    groups = operators.group_of(fleet.operator)
    zoo = make_zoo(shape, fleet, groups, stream(seed, "models"))
    return Network(shape, fleet, operators, groups, zoo)


def lose_region(network: Network, region: int) -> Network:
    """The network after all nodes of a region have failed."""
    left = network.fleet.region != region
    return replace(network, fleet=network.fleet.select(left), groups=network.groups[left])
