"""The ordinary presets and the scenarios: a network, then demand that fits it."""

from placement.errors import InputError
from placement.generate.answerable import make_answerable
from placement.generate.catalogue import PLACES
from placement.generate.demand import Demand, draw_lengths, draw_streams
from placement.generate.document import write
from placement.generate.draw import stream
from placement.generate.market import calibrate, ease, make_pools
from placement.generate.network import Network, lose_region, make_network
from placement.generate.pricing import draw_terms
from placement.generate.scenarios import SCENARIOS
from placement.generate.shape import SHAPES, WINDOW_S, Shape
from placement.instance import Instance


def build(preset: str, seed: int) -> Instance:
    """The instance of one of the presets with a shape."""
    shape = (SHAPES | SCENARIOS)[preset]
    network = make_network(shape, seed)
    demand, calls = _fitting_demand(network, seed)
    source = (
        f"placement generate {preset} --seed {seed}; each request stands for a session or a batch "
        f"of {calls:,.0f} calls, which makes demand take {shape.load:g} of the compute"
    )
    if shape.lost_region:
        source += f"; then all nodes in {PLACES[0].name} failed"
    return price(
        network, demand, name=f"{preset}-{seed}", source=source, window_s=WINDOW_S, seed=seed
    )


def ordinary_shape(preset: str) -> Shape:
    """The shape of an ordinary preset, to draw a fleet from.

    Raises
    ------
    InputError
        If there is no such preset.
    """
    if preset not in SHAPES:
        raise InputError(f"there is no fleet {preset!r}; choose one of {', '.join(SHAPES)}.")
    return SHAPES[preset]


def price(
    network: Network, demand: Demand, *, name: str, source: str, window_s: float, seed: int
) -> Instance:
    """Draw what the demand is worth and how long it may wait, and write the instance."""
    shape = network.shape
    pools = make_pools(network.fleet, window_s)
    terms = draw_terms(shape, demand, pools, network.zoo, stream(seed, "terms"))
    left = lose_region(network, 0) if shape.lost_region else network
    return write(left, demand, terms, name=name, source=source, window_s=window_s, seed=seed)


def _fitting_demand(network: Network, seed: int) -> tuple[Demand, float]:
    """Demand that takes the load asked for, and how many calls one request stands for."""
    shape, fleet, zoo = network.shape, network.fleet, network.zoo
    rng = stream(seed, "demand")
    pools = make_pools(fleet, WINDOW_S)
    streams = draw_streams(shape, shape.classes, fleet, zoo, rng)
    if shape.crowding is not None:
        make_answerable(streams, fleet, network.groups, zoo)
    calls = draw_lengths(shape, streams, zoo, rng)
    demand, number = calibrate(calls, pools, zoo, shape.load, WINDOW_S)
    while shape.crowding is not None and ease(demand, pools, zoo, shape.crowding):
        demand, number = calibrate(calls, pools, zoo, shape.load, WINDOW_S)
    return demand, number
