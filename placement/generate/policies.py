"""How requests are verified: the policies of a network and who asks for which."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from placement.generate.catalogue import PROOF_FAMILIES
from placement.generate.draw import Bools, Floats
from placement.generate.fleet import TEES


@dataclass(frozen=True, slots=True)
class Policy:
    """One row of `policies`, by the fields of the format."""

    name: str
    mode: str = "none"
    verifiers: int = 0
    sample: float = 1.0
    requires_tee: tuple[str, ...] = ()
    executor_overhead: float = 1.0
    executor_extra_s: float = 0.0
    verification_core_s: float = 0.0

    @property
    def work_factor(self) -> float:
        """Executions of one request by anybody, overhead aside."""
        return 1 + (self.verifiers * self.sample if self.mode == "reexecution" else 0.0)


ATTEST_CORE_S = 0.003
"""Four or five P-384 checks of an attestation document, 0.64 ms each (OpenSSL 3.0, one core)."""
COMPARE_CORE_S = 0.001
"""Comparing two outputs [E]."""

POLICIES = (
    Policy("none"),
    # 4-8 % throughput on an H100: arXiv 2509.18886
    Policy(
        "attestation-gpu",
        "attestation",
        verifiers=1,
        requires_tee=("nvidia-cc",),
        executor_overhead=1.06,
        verification_core_s=ATTEST_CORE_S,
    ),
    Policy(
        "attestation-cpu",
        "attestation",
        verifiers=1,
        requires_tee=("nvidia-cc", "sev-snp", "tdx"),
        executor_overhead=1.03,
        verification_core_s=ATTEST_CORE_S,
    ),
    Policy("reexecution", "reexecution", verifiers=2, verification_core_s=COMPARE_CORE_S),
    # A random part is executed again: arXiv 2405.00295
    Policy(
        "reexecution-sampled",
        "reexecution",
        verifiers=2,
        sample=0.1,
        verification_core_s=COMPARE_CORE_S,
    ),
    Policy(
        "reexecution-spot",
        "reexecution",
        verifiers=1,
        sample=0.2,
        verification_core_s=COMPARE_CORE_S,
    ),
    *(
        Policy(
            f"proof-{family.name}",
            "proof",
            verifiers=1,
            executor_extra_s=family.prove_s,
            verification_core_s=family.verify_s,
        )
        for family in PROOF_FAMILIES
    ),
)
POLICY_INDEX = {policy.name: i for i, policy in enumerate(POLICIES)}


def column(field: str) -> Floats:
    """One number of every policy, in the order of `POLICIES`."""
    return np.array([getattr(policy, field) for policy in POLICIES], dtype=float)


def accepted_tees() -> Bools:
    """Whether a policy [row] accepts nodes with these environments [column]."""
    return np.array(
        [[not p.requires_tee or bool({*p.requires_tee} & {*tee}) for tee in TEES] for p in POLICIES]
    )


def policy_columns(used: set[int]) -> dict[str, list[Any]]:
    """The policies that some class asks for, as columns of `placement-instance/1`."""
    rows = [POLICIES[i] for i in sorted(used)]
    fields = Policy.__dataclass_fields__
    return {field: [getattr(row, field) for row in rows] for field in fields}
