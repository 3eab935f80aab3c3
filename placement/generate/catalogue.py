"""The published figures that generated instances are made of, each with its source.

Letters behind a figure say what it rests on: [P] official documents, code or papers, [S] secondary
pages, [E] our estimate from these, [K] general knowledge.
"""

from dataclasses import dataclass

import numpy as np

from placement.generate.draw import Floats


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A type of accelerator; `prefill` and `decode` are speeds relative to an H100 SXM.

    - memory and $/hour (low tier): RunPod's list of March 2026,
      deploybase.ai/articles/runpod-gpu-pricing [S]
    - which types have a trusted execution environment (Hopper and Blackwell):
      ai-infrastructure.net/gpu-confidential-computing [S]
    - speeds of H200, B200 (FP4) and RTX PRO 6000 (FP4): Llama-3.3-70B, decode from the 1000/1000
      row, prefill from the 8192/1024 row of NVIDIA/TensorRT-LLM
      docs/source/developer-guide/perf-overview.md [P]
    - speeds of A100 and L40S: LLaMA-7B, decode from 128/2048, prefill from 2048/128 of
      docs/source/performance.md (v0.6.1) in the same repository [P]
    - RTX 4090 and L4: the L40S scaled by memory bandwidth (1,008 and 300 against 864 GB/s) for
      decode and by dense FP8 arithmetic for prefill [E]
    """

    name: str
    memory_gb: float
    cost_per_hour: float
    trusted: bool
    prefill: float
    decode: float
    sizes: tuple[int, ...]
    """How many of them sit in one node."""


ACCELERATORS = (
    Accelerator("l4", 24, 0.44, False, 0.086, 0.083, (1, 2, 4)),
    Accelerator("rtx-4090", 24, 0.34, False, 0.235, 0.28, (1, 2, 4)),
    Accelerator("l40s", 48, 0.79, False, 0.26, 0.24, (2, 4, 8)),
    Accelerator("a100", 80, 1.39, False, 0.26, 0.28, (2, 4, 8)),
    Accelerator("rtx-pro-6000", 96, 0.89, True, 0.74, 0.78, (1, 2, 4)),
    Accelerator("h100", 80, 2.69, True, 1.0, 1.0, (2, 4, 8)),
    Accelerator("h200", 141, 3.59, True, 1.35, 1.17, (4, 8)),
    Accelerator("b200", 180, 5.98, True, 3.42, 3.13, (4, 8)),
)
ACCELERATOR_INDEX = {row.name: i for i, row in enumerate(ACCELERATORS)}

GOODPUT = 0.6
"""Share of the throughput at maximal load that is left within latency targets, 0.5-0.7 [E]."""


@dataclass(frozen=True, slots=True)
class Family:
    """A family of models; speeds in tokens/s on one H100 at maximal load.

    - weights: parameters x bytes [K]
    - decode of 7-8B and 70B: 6,818 and 1,486 tokens/s (128/2048, FP8), prefill 57,000 and 4,700
      tokens/s from the first-token times of the same table: NVIDIA/TensorRT-LLM
      docs/source/performance.md [P, E]
    - decode of the mixtures of experts: the 1000/1000 rows of NVIDIA/TensorRT-LLM
      docs/source/developer-guide/perf-overview.md [P], brought to an H100 where only another type
      is listed; their prefill goes by active parameters, 0.8 x 57,000 x 7 / active billions [E]
    - other sizes: between 7B and 70B on a line in the logarithms [E]; 16-bit weights run at 0.55
      of the speed of 8-bit ones [E]
    - `cache_kib` of keys and values per token: layers x heads x width of the public model cards
    - proof models: parameters and seconds to prove and verify, EZKL benchmark,
      docs.spectral.finance zkml-proof-generation [P]
    """

    name: str
    weights_gb: float
    cache_kib: float
    prefill: float
    decode: float
    share: float
    """Share of the models of a network that belong to the family [E]."""
    prove_s: float = 0.0
    verify_s: float = 0.0


FAMILIES = (
    Family("llama-1b", 2.5, 32, 205_000, 11_800, 0.06),
    Family("llama-3b", 6.4, 112, 73_000, 6_300, 0.08),
    Family("llama-8b-fp8", 8, 128, 57_000, 6_818, 0.16),
    Family("llama-8b", 16, 128, 31_000, 3_750, 0.12),
    Family("qwen-14b-fp8", 15, 160, 25_400, 4_160, 0.1),
    Family("qwen-32b-fp8", 33, 256, 10_700, 2_450, 0.09),
    Family("qwen-32b", 65, 256, 5_900, 1_350, 0.05),
    Family("qwen-30b-a3b-fp8", 31, 96, 106_000, 12_700, 0.07),
    Family("gpt-oss-20b", 13, 48, 89_000, 11_557, 0.07),
    Family("gpt-oss-120b", 65, 72, 63_000, 4_685, 0.05),
    Family("llama-70b-fp8", 71, 320, 4_700, 1_486, 0.08),
    Family("llama-70b", 141, 320, 2_590, 817, 0.03),
    Family("qwen-235b-a22b-fp8", 235, 188, 14_500, 1_932, 0.025),
    Family("deepseek-r1-fp8", 688, 70, 8_600, 1_390, 0.015),
)
"""The language models."""

PROOF_FAMILIES = (
    Family("zk-10k", 0.00004, 0, 1e6, 1e6, 0.2, 1.48, 0.031),
    Family("zk-119k", 0.0005, 0, 1e6, 1e6, 0.2, 12.8, 0.187),
    Family("zk-480k", 0.002, 0, 1e6, 1e6, 0.2, 49.1, 0.69),
    Family("zk-1m", 0.004, 0, 1e6, 1e6, 0.2, 147, 2.34),
    Family("zk-2m", 0.008, 0, 1e6, 1e6, 0.2, 213, 2.89),
)
"""Small models whose outputs can be proven; the prover is taken to be the accelerator [E]."""

CACHED_TOKENS = 65_536
"""Tokens whose keys and values a replica has room for [E]."""
RUNTIME_MEMORY = 1.15
"""Accelerator memory of a running model per GB of weights, 1.15-1.2 [K]."""
ACCELERATOR_ROOM_GB = 76.0
"""A replica spans as few accelerators as leave each with at most this much (80 GB class)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A region, the $/GB it charges for data that leaves it.

    Between-region prices are those of the source region, "Data Transfer" on
    aws.amazon.com/ec2/pricing/on-demand [K]; within a region 0.01 between zones.
    """

    name: str
    jurisdiction: str
    egress_per_gb: float


PLACES = (
    Place("us-east-1", "US", 0.02),
    Place("eu-west-1", "EU", 0.02),
    Place("ap-northeast-1", "JP", 0.09),
    Place("eu-central-1", "EU", 0.02),
    Place("us-west-2", "US", 0.02),
    Place("ap-southeast-1", "SG", 0.09),
    Place("ap-southeast-2", "AU", 0.098),
    Place("sa-east-1", "BR", 0.138),
    Place("ap-northeast-2", "KR", 0.08),
    Place("us-west-1", "US", 0.02),
)
LOCAL_TRANSFER_PER_GB = 0.01
LOCAL_ROUND_TRIP_MS = 2.0
"""Within a region: 0.25-3.4 ms, www.xkyle.com/Measuring-AWS-Region-and-AZ-Latency [S]."""

_MEASURED = (
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "sa-east-1",
)
_HALF = (
    (73, 87, 81, 89, 145, 178, 217, 230, 120),
    (19, 153, 167, 103, 132, 174, 158, 193),
    (137, 160, 89, 118, 161, 162, 183),
    (20, 212, 242, 239, 310, 191),
    (237, 266, 160, 323, 195),
    (31, 74, 104, 257),
    (72, 134, 286),
    (175, 328),
    (322,),
)


def round_trips_ms() -> Floats:
    """Round trips between the regions, in the order of `PLACES` [ms].

    Averages of acomputerscientistlearnsaws.blogspot.com/2017/04/aws-regions.html [S], but for
    eu-central-1 to ap-southeast-1, whose 326 of 2017 is about 160 today [K].
    """
    size = len(_MEASURED)
    matrix = np.full((size, size), LOCAL_ROUND_TRIP_MS)
    for i, row in enumerate(_HALF):
        matrix[i, i + 1 :] = row
        matrix[i + 1 :, i] = row
    order = [_MEASURED.index(place.name) for place in PLACES]
    return matrix[np.ix_(order, order)]


def transfer_costs() -> Floats:
    """$/GB [from][to], in the order of `PLACES`."""
    prices = np.repeat([[place.egress_per_gb] for place in PLACES], len(PLACES), axis=1)
    np.fill_diagonal(prices, LOCAL_TRANSFER_PER_GB)
    return prices


@dataclass(frozen=True, slots=True)
class Workload:
    """Lognormal token lengths (mean and deviation of the logarithm), fitted to a public trace.

    Input and output are drawn independently: their rank correlation is below 0.1 in each trace.

    - code, conversation: Azure/AzurePublicDataset, LLM inference trace 2023 (CC-BY)
    - long: kvcache-ai/Mooncake FAST25 conversation trace
    """

    name: str
    input_mean: float
    input_sigma: float
    output_mean: float
    output_sigma: float
    share: float
    """Share of the request classes [E]."""


WORKLOADS = (
    Workload("code", 7.00, 1.36, 2.79, 0.85, 0.3),
    Workload("conversation", 6.63, 0.99, 5.02, 0.86, 0.5),
    Workload("long", 8.74, 1.20, 5.34, 1.36, 0.2),
)

STORAGE_COST_PER_GB_HOUR = 0.08 / 730
"""General-purpose SSD at $0.08 per GB and month, aws.amazon.com/ebs/pricing [K]."""
CORE_COST_PER_HOUR = 0.048
"""m5.xlarge: $0.192 for four cores, aws.amazon.com/ec2/pricing/on-demand [K]."""
TRUSTED_PRICE = 1.1
"""Price of a confidential node against a plain one [E]."""
TRUSTED_LOADING = 1.6
"""Loading weights into a confidential accelerator takes so much longer, arXiv 2505.16501 [P]."""
