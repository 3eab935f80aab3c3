"""The stable codes of reasons, each with what it means."""

from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """Why requests are turned away, or why there is no placement.

    The values are stable; `meaning` says what each stands for.
    """

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Make a member that is a string and knows its meaning."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    NO_INFERENCE_NODE = (
        "no-inference-node",
        "no node that the class may use has the role inference",
    )
    NO_PROFILE = (
        "no-profile",
        "no inference node has an accelerator type with a profile of the model",
    )
    ACCELERATORS = (
        "accelerators",
        "no node with a profile has as many accelerators as one replica spans",
    )
    MEMORY = (
        "memory",
        "no such node has the memory a replica needs, or all models needed do not fit together",
    )
    TEE = (
        "tee",
        "no node that can hold the model has a trusted execution environment the policy accepts",
    )
    LATENCY = (
        "latency",
        "no node that can hold the model answers within max_ttft_ms",
    )
    JURISDICTION = (
        "jurisdiction",
        "no node that could run the class is in a jurisdiction it allows",
    )
    NO_VERIFIER = (
        "no-verifier",
        "no node can verify the class",
    )
    INDEPENDENCE = (
        "independence",
        "too few distinct control groups (or nodes) to execute and verify independently",
    )
    SHARE_CAP = (
        "share-cap",
        "the able control groups may not execute that many requests",
    )
    CAPACITY = (
        "capacity",
        "the able nodes, even if they did nothing else, have too few accelerator-seconds",
    )
    VERIFICATION_CORES = (
        "verification-cores",
        "the nodes able to verify have too few core-seconds, or none left",
    )
    HOSTING = (
        "hosting",
        "the weights cannot be stored as often, or at all, as is needed",
    )
    MAX_NEW_REPLICAS = (
        "max-new-replicas",
        "it takes more new replicas than the limit allows",
    )
    MAX_TRANSFER = (
        "max-transfer",
        "it takes moving more GB of weights than the limit allows",
    )
    PRICE = (
        "price",
        "serving costs more than the penalty for turning the requests away",
    )
    NOT_LOADED = (
        "not-loaded",
        "the model has no replica with room, and no able node has memory and time to load one",
    )
    CAPACITY_IN_USE = (
        "capacity-in-use",
        "the able nodes are full with other requests",
    )
    SEARCH = (
        "search",
        "there is room in replicas and serving pays: the method did not find, or keep, this way",
    )
    COMBINATION = (
        "combination",
        "nothing is short by itself, but the placement found no paying way to have it all at once",
    )
