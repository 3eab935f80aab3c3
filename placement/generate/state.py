"""The current state of a network: what is stored and loaded before anything is planned."""

import numpy as np

from placement.generate.draw import Floats, Rng, pick
from placement.generate.models import Zoo
from placement.generate.network import Network

HOLDERS_TRIED = 8


def draw_loaded(network: Network, rng: Rng) -> list[dict[int, int]]:
    """Replicas in the memory of a share of the nodes: up to two popular models on each."""
    fleet, zoo = network.fleet, network.zoo
    fits = zoo.fits(fleet.kind, fleet.accelerators)
    room = fleet.memory_gb.copy()
    loaded: list[dict[int, int]] = [{} for _ in range(len(fleet))]
    warm = (rng.random(len(fleet)) < network.shape.warm_share) & fleet.role("i")
    weights = np.sqrt(zoo.popularity)
    for _ in range(2):
        model = pick(rng, weights, len(fleet))
        most = np.minimum(
            fleet.accelerators // zoo.span[model], room // zoo.memory_gb[model]
        ).astype(np.int64)
        count = np.minimum(most, 1 + rng.integers(0, 4, len(fleet)))
        count[~warm | ~fits[model, np.arange(len(fleet))]] = 0
        room -= count * zoo.memory_gb[model]
        for n in np.flatnonzero(count):
            if int(model[n]) not in loaded[n]:
                loaded[n][int(model[n])] = int(count[n])
    return loaded


class _Stores:
    """Models stored on each node, within its storage."""

    def __init__(self, storage_gb: Floats, weights_gb: Floats) -> None:
        self.models: list[list[int]] = [[] for _ in storage_gb]
        self._room, self._weights = storage_gb.tolist(), weights_gb.tolist()

    def add(self, m: int, n: int) -> bool:
        """Store m on n; whether it was not there yet and there was room."""
        if m in self.models[n] or self._weights[m] > self._room[n]:
            return False
        self.models[n].append(m)
        self._room[n] -= self._weights[m]
        return True


def draw_hosted(network: Network, loaded: list[dict[int, int]], rng: Rng) -> list[list[int]]:
    """Stored weights: what is loaded, and a share of the models on as many hosts as they need."""
    fleet, zoo = network.fleet, network.zoo
    stores = _Stores(fleet.storage_gb, zoo.weights_gb)
    hosts = np.flatnonzero(fleet.role("h"))
    for n in hosts.tolist():
        for m in loaded[n]:
            stores.add(m, n)
    stored = rng.random(len(zoo)) < network.shape.warm_share
    for m in np.flatnonzero(stored).tolist():
        used: set[int] = set()
        for n in hosts[rng.integers(0, len(hosts), HOLDERS_TRIED)].tolist():
            group = int(network.groups[n])
            if len(used) < zoo.min_hosts[m] and group not in used and stores.add(m, n):
                used.add(group)
    return [sorted(models) for models in stores.models]


def state_columns(
    loaded: list[dict[int, int]], hosted: list[list[int]], zoo: Zoo
) -> dict[str, list[object]]:
    """The state as the columns `hosted` and `loaded` of the nodes."""
    names = zoo.names
    return {
        "hosted": [[names[m] for m in models] for models in hosted],
        "loaded": [{names[m]: count for m, count in sorted(row.items())} for row in loaded],
    }
