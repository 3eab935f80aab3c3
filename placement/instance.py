"""The domain model: what an instance is, format `placement-instance/1`.

Meaning, units and defaults of every field are those of docs/formulation.md. An instance knows no
algorithm and never changes; `replace` makes a changed copy.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from placement.documents import Document, Record
from placement.errors import InputError, InvalidInstance

MAX_AMOUNT = 1e15
"""The largest amount any field may hold; products of such amounts stay finite."""
MAX_COUNT = 10**12
"""The largest whole number any field may hold."""

Name = Annotated[str, Field(min_length=1)]
Amount = Annotated[float, Field(ge=0, le=MAX_AMOUNT)]
PositiveAmount = Annotated[float, Field(gt=0, le=MAX_AMOUNT)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
PositiveCount = Annotated[int, Field(ge=1, le=MAX_COUNT)]
Row = tuple[Amount, ...]
Role = Literal["hosting", "inference", "verification"]
Mode = Literal["none", "attestation", "proof", "reexecution"]
Independence = Literal["group", "node", "none"]

Names = Annotated[tuple[Name, ...], Strict(False)]
Matrix = Annotated[tuple[Annotated[Row, Strict(False)], ...], Strict(False)]


class Region(Record):
    """A place with one legal regime."""

    name: Name
    jurisdiction: str = ""


class Network(Record):
    """Round trips [ms] and transfer prices [$/GB] between regions, in the order of `regions`."""

    latency_ms: Matrix = ()
    transfer_cost_per_gb: Amount | Matrix = 0.0


class Operator(Record):
    """Who runs nodes; operators under one `control_group` count as one party."""

    name: Name
    control_group: Name | None = None
    max_share: Fraction = 1.0


class Node(Record):
    """A machine of the network; amounts are of the whole node."""

    name: Name
    operator: Name | None = None
    region: Name | None = None
    roles: Annotated[tuple[Role, ...], Strict(False)] = ()
    accelerator: Name | None = None
    accelerators: Amount = 0.0
    memory_gb: Amount = 0.0
    storage_gb: Amount = 0.0
    verification_cores: Amount = 0.0
    tee: Names = ()
    max_utilization: Fraction = 1.0
    load_gb_per_s: PositiveAmount = 1.0
    engaged_cost_per_hour: Amount = 0.0
    accelerator_cost_per_hour: Amount = 0.0
    verification_cost_per_core_hour: Amount = 0.0
    storage_cost_per_gb_hour: Amount = 0.0
    hosted: Names = ()
    loaded: dict[Name, Count] = Field(default_factory=dict)


class Model(Record):
    """Weights that can be stored, loaded as replicas and executed."""

    name: Name
    weights_gb: Amount
    memory_gb: Amount
    accelerators: PositiveAmount = 1.0
    min_hosts: Count = 1
    origin: Name | None = None


class Profile(Record):
    """How fast a model runs on one accelerator of a type, at load [tokens/s per accelerator]."""

    model: Name
    accelerator: Name
    prefill_tokens_per_s: PositiveAmount
    decode_tokens_per_s: PositiveAmount


class Policy(Record):
    """How requests are verified; `verifiers` left out means 0 for mode none, else 1."""

    name: Name
    mode: Mode = "none"
    verifiers: Count | None = None
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0
    independence: Independence = "group"
    requires_tee: Names = ()
    executor_overhead: Amount = 1.0
    executor_extra_s: Amount = 0.0
    verification_core_s: Amount = 0.0

    @property
    def verifier_count(self) -> int:
        """The number k of verifiers of one (sampled) request."""
        if self.verifiers is None:
            return 0 if self.mode == "none" else 1
        return self.verifiers


class Request(Record):
    """A class of `count` like requests; `penalty` None means that all must be served."""

    name: Name
    model: Name | None = None
    region: Name | None = None
    policy: Name | None = None
    count: PositiveCount
    input_tokens: Amount = 0.0
    output_tokens: Amount = 0.0
    max_ttft_ms: Amount | None = None
    jurisdictions: Annotated[tuple[str, ...], Strict(False)] | None = None
    penalty: Amount | None = None
    latency_cost_per_s: Amount = 0.0


class Limits(Record):
    """How much may change against the current state; None is unlimited."""

    max_new_replicas: Count | None = None
    max_transfer_gb: Amount | None = None


class Pair(Record):
    """Leave for one request class to run on one node, at a cost [$] and work of its own."""

    request: Name
    node: Name
    cost: Amount = 0.0
    work_s: Amount | None = None


class Instance(Document):
    """A placement problem: a network, its demand and its current state, for one window."""

    format: Literal["placement-instance/1"] = "placement-instance/1"
    name: Name
    source: str = ""
    window_s: PositiveAmount
    regions: Annotated[tuple[Region, ...], Strict(False)] = ()
    network: Network = Network()
    operators: Annotated[tuple[Operator, ...], Strict(False)] = ()
    nodes: Annotated[tuple[Node, ...], Strict(False)]
    models: Annotated[tuple[Model, ...], Strict(False)] = ()
    profiles: Annotated[tuple[Profile, ...], Strict(False)] = ()
    policies: Annotated[tuple[Policy, ...], Strict(False)] = ()
    requests: Annotated[tuple[Request, ...], Strict(False)]
    limits: Limits = Limits()
    pairs: Annotated[tuple[Pair, ...], Strict(False)] = ()

    @classmethod
    def _error(cls) -> type[InputError]:
        return InvalidInstance

    def to_dict(self) -> dict[str, Any]:
        """The instance as plain data; fields that hold their default are left out."""
        dumped = super().to_dict()
        required = {"nodes": dumped.pop("nodes", []), "requests": dumped.pop("requests", [])}
        return {"format": self.format, **dumped, **required}

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed, validated afresh.

        Raises
        ------
        InvalidInstance
            If the changed instance is not valid.
        """
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).from_dict({**fields, **changes})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_names(self)
        _check_references(self)
        _check_network(self)
        _check_policies(self)
        _check_pairs(self)
        return self


def _fail(message: str) -> PydanticCustomError:
    return PydanticCustomError("reference", "{message}", {"message": message})


def _check_names(instance: Instance) -> None:
    for table in ("regions", "operators", "nodes", "models", "policies", "requests"):
        _unique(table, "name", [row.name for row in getattr(instance, table)])
    profiles = [(row.model, row.accelerator) for row in instance.profiles]
    _unique("profiles", "model and accelerator", profiles)
    _unique("pairs", "request and node", [(row.request, row.node) for row in instance.pairs])
    for i, node in enumerate(instance.nodes):
        for field in ("roles", "tee", "hosted"):
            _unique(f"nodes[{i}].{field}", "value", getattr(node, field), f" of {node.name!r}")


def _unique(table: str, field: str, keys: Sequence[object], owner: str = "") -> None:
    if len(set(keys)) == len(keys):
        return
    seen: set[object] = set()
    for i, key in enumerate(keys):
        if key in seen:
            message = f"`{table}[{i}]`{owner} repeats the {field} {key!r}, which must be unique."
            raise _fail(message)
        seen.add(key)


def _check_references(instance: Instance) -> None:
    names = {
        table: {row.name for row in getattr(instance, table)}
        for table in ("regions", "operators", "nodes", "models", "policies", "requests")
    }

    def known(where: str, target: str, values: Iterable[str | None]) -> None:
        for i, value in enumerate(values):
            if value is not None and value not in names[target]:
                table, field = where.split(".", 1)
                entity = getattr(getattr(instance, table)[i], "name", None)
                owner = f" of {entity!r}" if entity else ""
                raise _fail(
                    f"`{table}[{i}].{field}`{owner} names {value!r}, "
                    f"which is not among the {target}."
                )

    known("nodes.operator", "operators", [n.operator for n in instance.nodes])
    known("nodes.region", "regions", [n.region for n in instance.nodes])
    for i, node in enumerate(instance.nodes):
        for field in ("hosted", "loaded"):
            for model in getattr(node, field):
                if model not in names["models"]:
                    raise _fail(
                        f"`nodes[{i}].{field}` of {node.name!r} names {model!r}, "
                        "which is not among the models."
                    )
    known("models.origin", "regions", [m.origin for m in instance.models])
    known("profiles.model", "models", [p.model for p in instance.profiles])
    known("requests.model", "models", [r.model for r in instance.requests])
    known("requests.region", "regions", [r.region for r in instance.requests])
    known("requests.policy", "policies", [r.policy for r in instance.requests])
    known("pairs.request", "requests", [p.request for p in instance.pairs])
    known("pairs.node", "nodes", [p.node for p in instance.pairs])


def _check_network(instance: Instance) -> None:
    size = len(instance.regions)
    network = instance.network
    for field in ("latency_ms", "transfer_cost_per_gb"):
        matrix = getattr(network, field)
        if isinstance(matrix, float | int) or (field == "latency_ms" and not matrix):
            continue
        if len(matrix) != size or any(len(row) != size for row in matrix):
            raise _fail(
                f"`network.{field}` must be a {size} x {size} matrix, one row and one column "
                f"for each of the {size} regions."
            )


def _check_policies(instance: Instance) -> None:
    for i, policy in enumerate(instance.policies):
        if policy.mode == "none" and policy.verifier_count:
            raise _fail(
                f"`policies[{i}].verifiers` of {policy.name!r} must be 0 where mode is none, "
                f"got {policy.verifiers}."
            )


def _check_pairs(instance: Instance) -> None:
    paired = {row.request for row in instance.pairs}
    for i, request in enumerate(instance.requests):
        if request.model is None and request.name not in paired:
            raise _fail(
                f"`requests[{i}].model` of {request.name!r} is null, so the request needs rows in "
                "`pairs`, and there are none."
            )
    if any(row.work_s is None for row in instance.pairs):
        _check_pair_profiles(instance)


def _check_pair_profiles(instance: Instance) -> None:
    """A pair without `work_s` takes the computed work, so there must be a profile to compute it."""
    models = {request.name: request.model for request in instance.requests}
    types = {node.name: node.accelerator for node in instance.nodes}
    profiles = {(profile.model, profile.accelerator) for profile in instance.profiles}
    for i, row in enumerate(instance.pairs):
        model = models[row.request]
        if row.work_s is None and model and (model, types[row.node]) not in profiles:
            raise _fail(
                f"`pairs[{i}].work_s` of request {row.request!r} on node {row.node!r} is missing, "
                "and there is no profile to compute it from."
            )
