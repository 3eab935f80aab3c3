"""Writing a drawn network and its demand as an instance."""

from typing import Any

from placement.generate.catalogue import PLACES, round_trips_ms, transfer_costs
from placement.generate.demand import Demand
from placement.generate.draw import stream
from placement.generate.fleet import Operators, node_columns
from placement.generate.models import model_columns, profile_columns
from placement.generate.network import Network
from placement.generate.policies import policy_columns
from placement.generate.pricing import Terms, request_columns
from placement.generate.state import draw_hosted, draw_loaded, state_columns
from placement.instance import Instance


def write(
    network: Network,
    demand: Demand,
    terms: Terms,
    *,
    name: str,
    source: str,
    window_s: float,
    seed: int,
) -> Instance:
    """The network with its demand and a drawn current state as an instance."""
    shape, fleet, zoo = network.shape, network.fleet, network.zoo
    rng = stream(seed, "state")
    loaded = draw_loaded(network, rng)
    hosted = draw_hosted(network, loaded, rng)
    nodes = node_columns(fleet, network.operators, shape.engaged_share)
    nodes |= state_columns(loaded, hosted, zoo)
    return Instance.from_dict(
        {
            "format": "placement-instance/1",
            "name": name,
            "source": source,
            "window_s": window_s,
            **region_tables(shape.regions),
            "operators": operator_columns(network.operators),
            "nodes": nodes,
            "models": model_columns(zoo),
            "profiles": profile_columns(zoo, fleet),
            "policies": policy_columns(set(demand.streams.policy.tolist())),
            "requests": request_columns(demand, terms, zoo),
        }
    )


def region_tables(size: int) -> dict[str, Any]:
    """The first regions of the catalogue and the network between them."""
    places = PLACES[:size]
    return {
        "regions": [{"name": p.name, "jurisdiction": p.jurisdiction} for p in places],
        "network": {
            "latency_ms": round_trips_ms()[:size, :size].tolist(),
            "transfer_cost_per_gb": transfer_costs()[:size, :size].tolist(),
        },
    }


def operator_columns(operators: Operators) -> dict[str, list[Any]]:
    """The operators as columns of `placement-instance/1`."""
    return {
        "name": operators.names,
        "control_group": operators.control_groups,
        "max_share": operators.max_share,
    }
